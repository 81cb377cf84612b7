/**
 * The gRPC transport: one port with all services, on @grpc/grpc-js.
 *
 * Owns: the connections, limits for clients. Does not own: the port (grpc-port.ts), anything about models; services only
 * translate to and from the InferenceService.
 *
 * No name of the server is checked, as HTTP does it against pages of strangers: no browser can speak
 * HTTP/2 without TLS.
 */

import type { Socket } from 'node:net';
import type { ServerOptions } from '@grpc/grpc-js';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { systemClock } from '../batching/clock.ts';
import type { ByteBudget } from '../serving/byte-budget.ts';
import type { InferenceService } from '../serving/inference-service.ts';
import type { LongWork } from '../serving/long-work.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { CallGate } from './call-gate.ts';
import { createCallGate } from './call-gate.ts';
import { createCallIntake } from './call-intake.ts';
import { createCallLives } from './call-lives.ts';
import { createCallReport } from './call-report.ts';
import { createCallWatch } from './call-watch.ts';
import type { GrpcPort } from './grpc-port.ts';
import { createHealthService } from './health-service.ts';
import { createInfer } from './infer-method.ts';
import { createInferenceGrpc } from './inference-service.ts';
import type { Service } from './methods.ts';
import { registerServices, workPathsOf } from './methods.ts';
import { createModelService } from './model-service.ts';
import { createOpenStreams } from './open-streams.ts';
import { createPredictionService } from './prediction-service.ts';
import { createReflectionServices } from './reflection-service.ts';

export interface GrpcServerOptions {
  /** Opened; it is closed with the server. */
  readonly port: GrpcPort;
  readonly service: InferenceService;
  readonly metrics: Pick<Metrics, 'countGrpc' | 'statisticsOf'>;
  readonly log: Log;
  /** Of Modelship itself. */
  readonly version: string;
  readonly maxBody: number;
  readonly bodyMemory: ByteBudget;
  /** The one of all transports. */
  readonly longWork: LongWork;
  readonly maxConnections: number;
  /** Of clients that send or take next to nothing. */
  readonly stallMs: number;
  readonly timeoutMs: number;
  /** How often a silent connection is asked whether it lives. */
  readonly keepaliveMs: number;
  /** After so long a connection is closed when its calls are done; absent: never. */
  readonly maxConnectionAgeMs?: number | undefined;
}

export interface GrpcServer {
  readonly gate: CallGate;
  /** The server shuts down: requests that have not come whole within `limitMs` are refused. */
  hurry(limitMs: number): void;
  /** Nothing is in flight any more: ends the connections and the port. */
  close(): Promise<void>;
}

const mostCallsOfConnection = 1000;
const keepaliveTimeoutMs = 20_000;
/** What a client may send of a message before it hears from us: 600 KB then need two turns, not ten. */
const windowBytes = 512 * 1024;
/** For clients to hear that the connection ends. */
const lastMomentMs = 100;

function libraryOptions(options: GrpcServerOptions): ServerOptions {
  const { maxBody, keepaliveMs, maxConnectionAgeMs, timeoutMs } = options;
  const age =
    maxConnectionAgeMs === undefined
      ? {}
      : {
          'grpc.max_connection_age_ms': maxConnectionAgeMs,
          'grpc.max_connection_age_grace_ms': timeoutMs,
        };
  return {
    'grpc.max_receive_message_length': maxBody,
    'grpc.max_send_message_length': -1,
    'grpc.max_concurrent_streams': mostCallsOfConnection,
    'grpc.keepalive_time_ms': keepaliveMs,
    'grpc.keepalive_timeout_ms': keepaliveTimeoutMs,
    'grpc-node.flow_control_window': windowBytes,
    'grpc.enable_channelz': 0,
    ...age,
  };
}

/** Builds the server, which answers on the port from then on. */
export function createGrpcServer(options: GrpcServerOptions): GrpcServer {
  const { service, log, metrics, stallMs, timeoutMs, longWork, bodyMemory: budget } = options;
  const clock = systemClock;
  const streams = createOpenStreams();
  const gate = createCallGate(() => streams.finishAll());
  const watch = createCallWatch(clock, stallMs);
  const report = createCallReport({ log, metrics, clock });
  const names = (): string[] => services.map(({ name }) => name);
  const health = createHealthService({ service, clock, names });
  const lives = createCallLives({ service, timeoutMs, clock });
  const services: Service[] = [
    createInferenceGrpc({
      service,
      control: service.control,
      statisticsOf: metrics.statisticsOf,
      version: options.version,
      infer: createInfer({ service, lives, longWork }),
      streams,
    }),
    createPredictionService({ service, lives, longWork, maxBody: options.maxBody }),
    createModelService(service),
    health,
    ...createReflectionServices(names),
  ];
  const workPaths = workPathsOf(services);
  const intake = createCallIntake({ budget, gate, watch, report, clock, log, workPaths });
  const server = new Server({ ...libraryOptions(options), interceptors: [intake.intercept] });
  registerServices(server, intake, services);
  const connections = server.createConnectionInjector(ServerCredentials.createInsecure());
  const sockets = new Set<Socket>();
  const { port, maxConnections } = options;
  port.limit(maxConnections, () => {
    log.warn({ limit: maxConnections }, 'gRPC connections are refused: --max-connections');
  });
  port.accept((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    connections.injectConnection(socket);
  });

  return {
    gate,
    hurry: (limitMs) => watch.hurry(limitMs),
    async close() {
      watch.stop();
      health.stop();
      const closed = port.close();
      connections.drain(lastMomentMs);
      // A client that does not even take the end of its connection.
      clock.schedule(2 * lastMomentMs, () => {
        for (const socket of sockets) socket.destroy();
      });
      await closed;
    },
  };
}
