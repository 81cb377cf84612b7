/**
 * `modelship serve`: models behind HTTP until a signal says stop.
 */

import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Settings } from '../config/settings.ts';
import { messageOf, ServingError } from '../errors.ts';
import { createPictureFetcher } from '../fetch/picture-fetcher.ts';
import { createHttpServer } from '../http/http-server.ts';
import { startModels } from '../serving/build-service.ts';
import type { InferenceService } from '../serving/inference-service.ts';
import { createLog } from '../telemetry/log.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { compose, readModels } from './compose.ts';
import { announceListening, announceModels } from './serve-announcement.ts';
import { shutDownOnSignals } from './shutdown.ts';
import type { Output } from './terminal.ts';

async function listen(app: FastifyInstance, { host, port }: Settings): Promise<number> {
  try {
    await app.listen({ host, port, listenTextResolver: () => '' });
    return (app.server.address() as AddressInfo).port;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE')
      throw new ServingError('PORT_IN_USE', { host, port, option: '--port' });
    throw new ServingError('LISTEN_FAILED', { host, port, problem: messageOf(error) });
  }
}

function describeService({ registry }: InferenceService): string {
  const serving = registry.models.filter(({ versions }) =>
    versions.some(({ state }) => state === 'READY'),
  );
  const names = serving.map(({ model }) => model.name).join(', ') || 'no model yet';
  return `Modelship serves ${names}. POST a picture to /predict; GET /models lists everything.`;
}

/** Listens, loads the models, and returns when the server runs. It ends by itself on SIGTERM or SIGINT. */
export async function serve(settings: Settings, output: Output): Promise<void> {
  const log = createLog(settings.logLevel, process.stderr.isTTY === true);
  const models = readModels(settings.path);
  const metrics = createMetrics();
  const { service, pictures } = compose(settings, models, {
    log,
    onAccount: (account) => metrics.countRequest(account),
    onRunnerEnd: (model, version) => metrics.countRunnerEnd(model, version),
  });
  // The runners take longest: they start before anything else is built.
  const loading = startModels(service);
  const fetcher = createPictureFetcher({
    timeoutMs: settings.urlTimeoutMs,
    maxBytes: settings.urlMaxBytes,
    maxRedirects: 3,
    allowPrivateHosts: settings.urlAllowPrivate,
  });
  const app = createHttpServer({
    service,
    metrics,
    log,
    maxBody: settings.maxBody,
    maxPictures: settings.maxPictures,
    timeoutMs: settings.requestTimeoutMs,
    describe: () => describeService(service),
    ...(settings.url
      ? {
          fetchPicture: async (url: string, signal: AbortSignal) =>
            (await fetcher.fetch(url, signal)).bytes,
        }
      : {}),
  });
  let port: number;
  try {
    port = await listen(app, settings);
  } catch (error) {
    await service.stop();
    throw error;
  }
  shutDownOnSignals({ app, service, settings, log, close: () => pictures.close() });
  announceListening(settings.host, port, output);
  await loading;
  announceModels(service, settings.host, port, output);
}
