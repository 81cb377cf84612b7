/**
 * The end of a server: not ready → go on serving for the grace → answer what is in flight → stop
 * listening → end the runners → exit 0. A second signal exits at once.
 */

import type { FastifyInstance } from 'fastify';
import type { Settings } from '../config/settings.ts';
import type { RequestGate } from '../http/request-gate.ts';
import type { InferenceService } from '../serving/inference-service.ts';
import type { Log } from '../telemetry/log.ts';

export interface ShutdownParts {
  readonly app: FastifyInstance;
  readonly gate: RequestGate;
  readonly service: InferenceService;
  readonly settings: Settings;
  readonly log: Log;
  readonly close: () => Promise<void>;
}

const pause = (milliseconds: number): Promise<void> =>
  milliseconds > 0
    ? new Promise((resolve) => setTimeout(resolve, milliseconds))
    : Promise.resolve();

async function shutDown({ app, gate, service, settings, close }: ShutdownParts): Promise<void> {
  service.announceShutdown();
  await pause(settings.shutdownGraceMs);
  // The port stays open while requests are in flight, so that probes read "not ready" and not "refused".
  await gate.close();
  await service.drain();
  await app.close();
  await close();
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
    const limit = setTimeout(() => {
      parts.log.error(
        { limitMs: parts.settings.shutdownTimeoutMs },
        'requests in flight did not end in time',
      );
      process.exit(1);
    }, parts.settings.shutdownGraceMs + parts.settings.shutdownTimeoutMs);
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
