/**
 * grpc.health.v1.Health: the server as a whole under the empty name, and each of its services, which are
 * as well as the server is.
 */

import type { Clock } from '../batching/clock.ts';
import { ServingError } from '../errors.ts';
import type { ServingStatus } from '../protocol/grpc-standard/health.ts';
import { healthRequest, healthResponse } from '../protocol/grpc-standard/health.ts';
import { decodeMessage, encodeMessage } from '../protocol/protobuf/small-message.ts';
import type { InferenceService } from '../serving/inference-service.ts';
import type { ByteSink, Service } from './methods.ts';

/** How often those who watch are told, when something changed. */
const lookEveryMs = 500;

export interface HealthParts {
  readonly service: Pick<InferenceService, 'ready'>;
  readonly clock: Clock;
  /** Names of all services of the server. */
  readonly names: () => readonly string[];
}

export interface HealthService extends Service {
  /** The server stops: those who watch are told so now, and their calls end. */
  readonly stop: () => void;
}

interface Watcher {
  readonly name: string;
  told: ServingStatus | undefined;
}

const serviceIn = (message: Buffer): string =>
  decodeMessage<{ service: string }>(healthRequest, message).service;

export function createHealthService({ service, clock, names }: HealthParts): HealthService {
  const watchers = new Map<ByteSink, Watcher>();
  let cancelLook: (() => void) | undefined;
  let stopped = false;

  function statusOf(name: string): ServingStatus | undefined {
    if (name !== '' && !names().includes(name)) return undefined;
    return service.ready && !stopped ? 'SERVING' : 'NOT_SERVING';
  }

  function tell(sink: ByteSink, watcher: Watcher): void {
    const status = statusOf(watcher.name) ?? 'SERVICE_UNKNOWN';
    if (status === watcher.told) return;
    watcher.told = status;
    sink.write(encodeMessage(healthResponse, { status }));
  }

  function look(): void {
    for (const [sink, watcher] of watchers) tell(sink, watcher);
    cancelLook = watchers.size > 0 ? clock.schedule(lookEveryMs, look) : undefined;
  }

  return {
    name: 'grpc.health.v1.Health',
    unary: {
      Check(message) {
        const name = serviceIn(message);
        const status = statusOf(name);
        if (status === undefined)
          throw new ServingError('GRPC_SERVICE_NOT_FOUND', { service: name, available: names() });
        return encodeMessage(healthResponse, { status });
      },
    },
    serverStreams: {
      Watch(sink) {
        const watcher = { name: serviceIn(sink.request), told: undefined };
        if (stopped) {
          sink.end();
          return;
        }
        watchers.set(sink, watcher);
        sink.once('cancelled', () => watchers.delete(sink));
        tell(sink, watcher);
        cancelLook ??= clock.schedule(lookEveryMs, look);
      },
    },
    stop() {
      stopped = true;
      cancelLook?.();
      look();
      for (const sink of watchers.keys()) sink.end();
      watchers.clear();
    },
  };
}
