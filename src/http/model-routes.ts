/** GET /models, /models/{name} and the sample pictures of a model. */

import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { ServingError } from '../errors.ts';
import type { InferenceService } from '../serving/inference-service.ts';
import type { ModelRegistry, RegisteredModel } from '../serving/model-registry.ts';
import { describeTraffic, describeVersion } from './describe-version.ts';

const sampleTypes: Record<string, string> = {
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.webp': 'image/webp',
  '.gif': 'image/gif',
};

/** Why pictures cannot be sent, or null when they can. */
function pictureProblem({ model, versions }: RegisteredModel): string | null {
  if (model.problem) return model.problem.message;
  const newest = versions.at(-1);
  if (!newest?.pictures) return newest?.reason ?? 'it has no version';
  return newest.pictures.problem?.reason ?? newest.scores?.problem ?? null;
}

async function describeModel(
  registered: RegisteredModel,
  registry: ModelRegistry,
  isDefault: boolean,
): Promise<object> {
  const { model, versions, warnings = [] } = registered;
  const path = encodeURIComponent(model.name);
  const problem = pictureProblem(registered);
  return {
    name: model.name,
    default: isDefault,
    problem: model.problem?.message ?? null,
    warnings,
    picture: problem === null,
    pictureProblem: problem,
    predict: `/models/${path}/predict`,
    infer: `/v2/models/${path}/infer`,
    samples: model.samples.map((name) => ({
      name,
      url: `/models/${path}/samples/${encodeURIComponent(name)}`,
    })),
    traffic: describeTraffic(registered, registry),
    versions: await Promise.all(
      versions.map((served) => describeVersion(served, registered, registry)),
    ),
  };
}

export function registerModelRoutes(app: FastifyInstance, service: InferenceService): void {
  const { registry } = service;

  function defaultName(): string | undefined {
    try {
      return registry.defaultName();
    } catch {
      return undefined;
    }
  }

  app.get('/models', async () => {
    const usual = defaultName();
    const all = registry.models.map((one) =>
      describeModel(one, registry, one.model.name === usual),
    );
    return { models: await Promise.all(all) };
  });

  app.get<{ Params: { model: string } }>('/models/:model', ({ params }) =>
    describeModel(registry.find(params.model), registry, defaultName() === params.model),
  );

  app.get<{ Params: { model: string; file: string } }>(
    '/models/:model/samples/:file',
    async ({ params, method, url }, reply) => {
      const { model } = registry.find(params.model);
      // Only names of the list that was read at start: no path of the client's reaches the disk.
      const name = model.samples.find((sample) => sample === params.file);
      if (!name || !model.samplesFolder)
        throw new ServingError('ROUTE_NOT_FOUND', { method, path: url });
      return reply
        .headers({
          'content-type': sampleTypes[extname(name).toLowerCase()] ?? 'application/octet-stream',
          'cache-control': 'no-cache',
          'x-content-type-options': 'nosniff',
        })
        .send(await readFile(join(model.samplesFolder, name)));
    },
  );
}
