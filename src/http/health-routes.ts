/** GET /healthz (the process lives), /readyz (it should get requests), /metrics. */

import type { FastifyInstance } from 'fastify';
import type { ByteBudget } from '../serving/byte-budget.ts';
import type { InferenceService } from '../serving/inference-service.ts';
import type { ModelRegistry, RegisteredModel } from '../serving/model-registry.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { VersionReading } from '../telemetry/version-readings.ts';

function readingsOf({ registry }: InferenceService): VersionReading[] {
  return registry.models.flatMap((registered) => readingsOfModel(registered, registry));
}

/** A version whose files were replaced may be there twice for a while: the newer one is told of. */
function readingsOfModel(registered: RegisteredModel, registry: ModelRegistry): VersionReading[] {
  const { model, versions } = registered;
  return versions
    .filter(
      ({ version }, i) =>
        !versions.slice(i + 1).some((one) => one.version.version === version.version),
    )
    .map((served) => ({
      model: model.name,
      version: served.version.version,
      ready: served.state === 'READY',
      instancesWanted: served.wantedInstances,
      instancesServing: served.instanceCount,
      waiting: served.waiting,
      waitingBytes: served.waitingBytes,
      maxWaiting: model.config.queue.maxRequests,
      maxWaitingBytes: model.config.queue.maxBytes,
      running: served.running,
      trafficRatio: registry.trafficOf(registered, served.version.version) / 100,
      runners: served.runners,
    }));
}

export interface HealthParts {
  readonly service: InferenceService;
  readonly metrics: Metrics;
  readonly bodyMemory: ByteBudget;
}

function stateOfModels({ registry }: InferenceService): object {
  return Object.fromEntries(
    registry.models.map(({ model, versions }) => [
      model.name,
      Object.fromEntries(versions.map(({ version, state }) => [version.version, state])),
    ]),
  );
}

/** Why versions are not READY, under the same names; absent when all are. */
function reasonsOf({ registry }: InferenceService): object {
  const reasons = registry.models.flatMap(({ model, versions }) => {
    const told = versions.filter(({ reason }) => reason !== undefined);
    const named = told.map(({ version, reason }) => [version.version, reason]);
    return named.length > 0 ? [[model.name, Object.fromEntries(named)]] : [];
  });
  return reasons.length > 0 ? { reasons: Object.fromEntries(reasons) } : {};
}

export function registerHealthRoutes(
  app: FastifyInstance,
  { service, metrics, bodyMemory }: HealthParts,
): void {
  app.get('/healthz', (_request, reply) =>
    reply.header('cache-control', 'no-store').send({ alive: true }),
  );

  app.get('/readyz', (_request, reply) =>
    reply
      .code(service.ready ? 200 : 503)
      .header('cache-control', 'no-store')
      .send({ ready: service.ready, models: stateOfModels(service), ...reasonsOf(service) }),
  );

  app.get('/metrics', async (_request, reply) => {
    const { contentType, text } = await metrics.render({
      versions: readingsOf(service),
      bodies: { usedBytes: bodyMemory.used, limitBytes: bodyMemory.limit },
    });
    return reply.header('content-type', contentType).send(text);
  });
}
