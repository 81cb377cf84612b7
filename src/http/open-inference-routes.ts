/**
 * Open Inference REST without inference: server and model metadata, health, configuration, statistics.
 * Source: Open Inference Protocol REST, and Triton's extensions of it. What of them is not offered says
 * so (501) instead of being an unknown path.
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ServingError } from '../errors.ts';
import { describeModel, describeServer, readinessOf } from '../serving/describe-model.ts';
import type { InferenceService } from '../serving/inference-service.ts';
import { describeConfig } from '../serving/model-config.ts';
import { describeStatistics } from '../serving/model-statistics.ts';
import type { Metrics } from '../telemetry/metrics.ts';

export interface OpenInferenceParts {
  readonly service: InferenceService;
  readonly metrics: Pick<Metrics, 'statisticsOf'>;
  /** Of Modelship itself. */
  readonly version: string;
}

interface Params {
  readonly model: string;
  readonly version?: string;
}

const paramsOf = ({ params }: FastifyRequest): Params => params as Params;

/** The two paths of something that a model has, and one of its versions too. */
const bothPaths = (what: string): string[] => [
  `/v2/models/:model${what}`,
  `/v2/models/:model/versions/:version${what}`,
];

function registerHealth(app: FastifyInstance, service: InferenceService): void {
  const uncached = (reply: FastifyReply): FastifyReply => reply.header('cache-control', 'no-store');

  app.get('/v2/health/live', (_request, reply) => uncached(reply).send({ live: true }));

  app.get('/v2/health/ready', (_request, reply) => {
    const { ready } = service;
    return uncached(reply)
      .code(ready ? 200 : 503)
      .send({ ready });
  });

  function answerReady(request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const { model, version: wanted } = paramsOf(request);
    const { version, state, reason = null, ...is } = readinessOf(service.registry, model, wanted);
    const ready = is.ready && !service.shuttingDown;
    return uncached(reply)
      .code(ready ? 200 : 503)
      .send({ name: model, version, ready, state, reason });
  }

  for (const path of bothPaths('/ready')) {
    app.get(path, answerReady);
    // As probes ask.
    app.get(path.replace('/v2', ''), answerReady);
  }
}

/** What clients of the protocol's extensions ask for, and this server has not. */
const missing: readonly (readonly [method: 'GET' | 'POST', path: string, feature: string])[] = [
  ...bothPaths('/generate').map((path) => ['POST', path, 'text generation'] as const),
  ...bothPaths('/generate_stream').map((path) => ['POST', path, 'text generation'] as const),
  ...['/v2/trace/setting', ...bothPaths('/trace/setting')].flatMap((path) => [
    ['GET', path, 'trace settings'] as const,
    ['POST', path, 'trace settings'] as const,
  ]),
  ['GET', '/v2/logging', 'log settings'],
  ['POST', '/v2/logging', 'log settings'],
  ...['/v2/systemsharedmemory', '/v2/cudasharedmemory'].flatMap((base) => [
    ['GET', `${base}/status`, 'shared memory'] as const,
    ['GET', `${base}/region/:region/status`, 'shared memory'] as const,
    ['POST', `${base}/unregister`, 'shared memory'] as const,
    ['POST', `${base}/region/:region/unregister`, 'shared memory'] as const,
    ['POST', `${base}/region/:region/register`, 'shared memory'] as const,
  ]),
];

export function registerOpenInferenceRoutes(
  app: FastifyInstance,
  { service, metrics, version: own }: OpenInferenceParts,
): void {
  const { registry } = service;
  app.get('/v2', () => describeServer(own));
  registerHealth(app, service);
  for (const path of bothPaths('')) {
    app.get(path, (request) => {
      const { model, version } = paramsOf(request);
      return describeModel(registry, model, version);
    });
  }
  for (const path of bothPaths('/config')) {
    app.get(path, (request) => {
      const { model, version } = paramsOf(request);
      return describeConfig(registry, model, version);
    });
  }
  for (const path of ['/v2/models/stats', ...bothPaths('/stats')]) {
    app.get(path, (request) => {
      const { model, version } = paramsOf(request);
      return { model_stats: describeStatistics(registry, metrics.statisticsOf, model, version) };
    });
  }
  for (const [method, url, feature] of missing) {
    app.route({
      method,
      url,
      handler: () => {
        throw new ServingError('FEATURE_UNSUPPORTED', { feature });
      },
    });
  }
}
