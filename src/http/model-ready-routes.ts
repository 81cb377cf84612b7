/** Whether one model should get requests: 200 or 503, as probes ask, and in Open Inference's own place. */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ServingError } from '../errors.ts';
import type { InferenceService } from '../serving/inference-service.ts';
import type { ModelRegistry } from '../serving/model-registry.ts';

interface Readiness {
  readonly version: string;
  readonly state: string;
  readonly reason?: string | undefined;
}

/** The version that a request would get, or why it would get none. Throws MODEL_NOT_FOUND or VERSION_NOT_FOUND. */
function readinessOf(
  registry: ModelRegistry,
  model: string,
  version: string | undefined,
): Readiness {
  try {
    const { version: meant, state, reason } = registry.resolve(model, version);
    return { version: meant.version, state, reason };
  } catch (error) {
    if (!(error instanceof ServingError) || error.code !== 'MODEL_NOT_READY') throw error;
    return (error as ServingError<'MODEL_NOT_READY'>).details;
  }
}

export function registerModelReadyRoutes(app: FastifyInstance, service: InferenceService): void {
  function answer({ params }: FastifyRequest, reply: FastifyReply): FastifyReply {
    const { model, version: wanted } = params as { model: string; version?: string };
    const { version, state, reason = null } = readinessOf(service.registry, model, wanted);
    const ready = state === 'READY' && !service.shuttingDown;
    return reply
      .code(ready ? 200 : 503)
      .header('cache-control', 'no-store')
      .send({ name: model, version, ready, state, reason });
  }

  for (const base of ['/models/:model', '/v2/models/:model']) {
    app.get(`${base}/ready`, answer);
    app.get(`${base}/versions/:version/ready`, answer);
  }
}
