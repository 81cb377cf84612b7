/**
 * The end of a server: not ready → go on serving for the grace → answer what is in flight → stop
 * listening → end the runners → exit 0. A second signal exits at once.
 *
 * Exit code 1 means that work was given up which the server had taken on. Clients that did not send
 * their request or did not take their answer in time are no such work (docs/decisions/limits.md).
 */

import type { FastifyInstance } from 'fastify';
import type { Settings } from '../config/settings.ts';
import type { GrpcServer } from '../grpc/grpc-server.ts';
import type { ClientLimits } from '../http/client-limits.ts';
import type { RequestGate } from '../http/request-gate.ts';
import type { InferenceService } from '../serving/inference-service.ts';
import type { Log } from '../telemetry/log.ts';

export interface ShutdownParts {
  readonly app: FastifyInstance;
  readonly clients: ClientLimits;
  readonly gate: RequestGate;
  /** Once it listens. */
  readonly grpc: () => GrpcServer | undefined;
  readonly service: InferenceService;
  readonly settings: Settings;
  readonly log: Log;
  readonly close: () => Promise<void>;
}

const pause = (milliseconds: number): Promise<void> =>
  milliseconds > 0
    ? new Promise((resolve) => setTimeout(resolve, milliseconds))
    : Promise.resolve();

async function shutDown(parts: ShutdownParts): Promise<void> {
  const { app, clients, gate, service, settings, close } = parts;
  service.announceShutdown();
  await pause(settings.shutdownGraceMs);
  // The port stays open while requests are in flight, so that probes read "not ready" and not "refused".
  const grpc = parts.grpc();
  const answered = Promise.all([gate.close(), grpc?.gate.close()]);
  clients.hurry(settings.shutdownClientMs);
  grpc?.hurry(settings.shutdownClientMs);
  await answered;
  await service.drain();
  const closed = Promise.all([app.close(), grpc?.close()]);
  clients.finish();
  await closed;
  await close();
}

/** The time for it is over: with what exit code, and why. */
function giveUp({ gate, grpc, log, settings }: ShutdownParts): never {
  const limitMs = settings.shutdownTimeoutMs;
  const owed = gate.owed + (grpc()?.gate.owed ?? 0);
  if (owed === 0) {
    log.warn({ limitMs }, 'clients did not send or take everything in time');
    process.exit(0);
  }
  log.error({ limitMs, requests: owed }, 'requests in flight did not end in time');
  process.exit(1);
}

/** Exit code of a process that a signal ended, as shells count it. */
const signalNumbers = { SIGINT: 2, SIGTERM: 15 } as const;

export function shutDownOnSignals(parts: ShutdownParts): void {
  let started = false;
  const onSignal = (signal: keyof typeof signalNumbers): void => {
    if (started) {
      // The life lines of the runners close with this process, which ends them.
      process.exit(128 + signalNumbers[signal]);
    }
    started = true;
    parts.log.info({ signal }, 'shutting down');
    const { shutdownGraceMs, shutdownTimeoutMs } = parts.settings;
    const limit = setTimeout(() => giveUp(parts), shutdownGraceMs + shutdownTimeoutMs);
    limit.unref();
    shutDown(parts).then(
      () => process.exit(0),
      (error: unknown) => {
        parts.log.error({ error: String(error) }, 'shutdown failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}
