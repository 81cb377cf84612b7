/** Builds the HTTP server of `serve` and listens. */

import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { systemClock } from '../batching/clock.ts';
import type { Settings } from '../config/settings.ts';
import { messageOf, ServingError } from '../errors.ts';
import { createAllowedHosts } from '../fetch/allowed-hosts.ts';
import type { PictureFetcher } from '../fetch/picture-fetcher.ts';
import type { HttpServer } from '../http/http-server.ts';
import { createHttpServer } from '../http/http-server.ts';
import type { FetchPicture } from '../http/read-pictures.ts';
import type { RequestGate } from '../http/request-gate.ts';
import { createRequestGate } from '../http/request-gate.ts';
import type { ByteBudget } from '../serving/byte-budget.ts';
import { createByteBudget } from '../serving/byte-budget.ts';
import type { InferenceService } from '../serving/inference-service.ts';
import type { LongWork } from '../serving/long-work.ts';
import { createLongWork } from '../serving/long-work.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { bodyMemoryOf, connectionsOf } from './machine-limits.ts';
import { ownVersion } from './own-version.ts';

export interface StartedHttp extends HttpServer {
  readonly gate: RequestGate;
  readonly port: number;
  readonly bodyMemory: ByteBudget;
  readonly longWork: LongWork;
}

const mostRedirects = 3;

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

async function loadFetcher(settings: Settings): Promise<PictureFetcher> {
  const { createPictureFetcher } = await import('../fetch/picture-fetcher.ts');
  return createPictureFetcher({
    timeoutMs: settings.urlTimeoutMs,
    maxBytes: settings.urlMaxBytes,
    maxRedirects: mostRedirects,
    allowPrivateHosts: settings.urlAllowPrivate,
  });
}

/**
 * Undefined when the server fetches no pictures. The fetcher's code is loaded with the first URL: most
 * servers never see one. Throws SETTINGS_INVALID for a host that cannot be one.
 */
function createFetch(settings: Settings): FetchPicture | undefined {
  if (!settings.url) return undefined;
  createAllowedHosts(settings.urlAllowPrivate);
  let fetcher: Promise<PictureFetcher> | undefined;
  return async (url, signal, hold) => {
    fetcher ??= loadFetcher(settings);
    return (await (await fetcher).fetch(url, signal, hold)).bytes;
  };
}

/** Throws PORT_IN_USE, LISTEN_FAILED or SETTINGS_INVALID. */
export async function startHttp(
  settings: Settings,
  service: InferenceService,
  { log, metrics }: { readonly log: Log; readonly metrics: Metrics },
): Promise<StartedHttp> {
  const gate = createRequestGate();
  const bodyMemory = createByteBudget(bodyMemoryOf(settings));
  const { now } = systemClock;
  const longWork = createLongWork({ now, defer: (run) => void setImmediate(run) });
  const server = createHttpServer({
    service,
    gate,
    metrics,
    log,
    maxBody: settings.maxBody,
    bodyMemory,
    longWork,
    maxConnections: connectionsOf(settings),
    stallMs: settings.stallTimeoutMs,
    host: settings.host,
    allowedHosts: settings.allowedHosts,
    maxPictures: settings.maxPictures,
    timeoutMs: settings.requestTimeoutMs,
    version: ownVersion(),
    describe: () => describeService(service),
    fetchPicture: createFetch(settings),
  });
  return { ...server, gate, bodyMemory, longWork, port: await listen(server.app, settings) };
}
