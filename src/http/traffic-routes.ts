/**
 * Labels and traffic of a model: GET and PUT /models/{name}/traffic, DELETE for what model.yaml says, POST
 * /models/{name}/promote and /rollback.
 *
 * Whether any of it may be changed is for the control to say.
 */

import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ServingError } from '../errors.ts';
import { parseJson } from '../protocol/parse-json.ts';
import type { InferenceService } from '../serving/inference-service.ts';
import type { TrafficChange } from '../serving/traffic.ts';
import { inOwnWords } from '../validation/own-words.ts';
import { describeTraffic } from './describe-version.ts';

const version = z
  .union([z.int(), z.string()])
  .transform(String)
  .pipe(z.string().regex(/^[1-9]\d{0,18}$/, 'expected the number of a version'));

const share = z.number().min(0).max(100);

const setBody = z.strictObject({
  labels: z.record(z.string().max(64), version).optional(),
  traffic: z.record(z.string().max(64), share).optional(),
  shadow: z
    .strictObject({
      to: z.union([z.string().max(64), z.int().positive()]).transform(String),
      percent: z.number().positive().max(100).default(100),
      tolerance: z.number().nonnegative().default(1e-3),
    })
    .nullable()
    .optional(),
});

const promoteBody = z.strictObject({
  version: version.optional(),
  percent: z.number().positive().max(100).optional(),
});

/** The validator would drop such a key, and with it what it was to have. */
const namesProto = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (Object.hasOwn(value, '__proto__') || Object.values(value).some(namesProto));

/** The body against its schema; an empty one is {}. Throws JSON_INVALID or CONTROL_REQUEST_INVALID. */
function readBody<S extends z.ZodType>({ body }: FastifyRequest, schema: S): z.output<S> {
  const bytes = body as Buffer | undefined;
  const value = bytes && bytes.length > 0 ? parseJson(bytes) : {};
  if (namesProto(value))
    throw new ServingError('CONTROL_REQUEST_INVALID', { problem: '"__proto__" names nothing' });
  const checked = schema.safeParse(value, { error: inOwnWords });
  if (checked.success) return checked.data;
  const [issue] = checked.error.issues;
  const place = issue?.path.join('.') ?? '';
  const message = issue?.message ?? '';
  throw new ServingError('CONTROL_REQUEST_INVALID', {
    problem: place === '' ? message : `${place.slice(0, 100)}: ${message}`,
  });
}

interface OfModel {
  Params: { model: string };
}

export function registerTrafficRoutes(app: FastifyInstance, service: InferenceService): void {
  const { registry, control } = service;
  const describe = (model: string): object => ({
    name: model,
    ...describeTraffic(registry.find(model), registry),
  });

  async function change(model: string, wanted: TrafficChange): Promise<object> {
    registry.find(model);
    await control.changeTraffic(model, wanted);
    return describe(model);
  }

  app.get<OfModel>('/models/:model/traffic', ({ params }) => describe(params.model));
  app.put<OfModel>('/models/:model/traffic', (request) =>
    change(request.params.model, { kind: 'set', ...readBody(request, setBody) }),
  );
  app.delete<OfModel>('/models/:model/traffic', ({ params }) =>
    change(params.model, { kind: 'reset' }),
  );
  app.post<OfModel>('/models/:model/promote', (request) =>
    change(request.params.model, { kind: 'promote', ...readBody(request, promoteBody) }),
  );
  app.post<OfModel>('/models/:model/rollback', ({ params }) =>
    change(params.model, { kind: 'rollback' }),
  );
}
