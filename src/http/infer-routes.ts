/** POST /v2/models/{name}[/versions/{version}]/infer of Open Inference REST. */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ServingError } from '../errors.ts';
import { encodeInferAnswer, textBytesOf } from '../protocol/open-inference/infer-answer.ts';
import type { InferBody } from '../protocol/open-inference/infer-request.ts';
import { parseInferBody } from '../protocol/open-inference/infer-request.ts';
import { readRawRequest } from '../protocol/open-inference/raw-request.ts';
import { hasOpenBatch } from '../serving/batch-size.ts';
import type { InferenceService } from '../serving/inference-service.ts';
import type { LongWork } from '../serving/long-work.ts';
import { sendAnswer } from './answer-encoding.ts';
import type { RequestScope, RequestScopes } from './request-scope.ts';

const lengthHeader = 'inference-header-content-length';
const nothing = Buffer.alloc(0);

function headerLengthOf(request: FastifyRequest): string | undefined {
  const value = request.headers[lengthHeader];
  return Array.isArray(value) ? value.join(',') : value;
}

function classesOf({ outputs }: InferBody): Map<string, number> | undefined {
  const asked = outputs?.flatMap(({ name, classes }) =>
    classes ? [[name, classes] as const] : [],
  );
  return asked && asked.length > 0 ? new Map(asked) : undefined;
}

export interface InferRouteOptions {
  readonly service: InferenceService;
  readonly scopes: RequestScopes;
  readonly longWork: LongWork;
}

export function registerInferRoutes(app: FastifyInstance, options: InferRouteOptions): void {
  const { service, scopes, longWork } = options;

  function readRaw(body: Buffer, { model, served }: RequestScope): InferBody {
    const { version: meant } = served;
    const inputs = meant.signature?.inputs ?? [];
    return readRawRequest(body, { model, inputs, batched: hasOpenBatch(meant) });
  }

  function read(request: FastifyRequest, scope: RequestScope): Promise<InferBody> | InferBody {
    const body = (request.body as Buffer | undefined) ?? nothing;
    const headerLength = headerLengthOf(request);
    if (headerLength === '0') return readRaw(body, scope);
    if (body.length === 0)
      throw new ServingError('BODY_EMPTY', { expected: 'an inference request' });
    const jsonBytes = Math.min(body.length, Number(headerLength ?? body.length) || 0);
    return longWork.run(parseInferBody(body, headerLength), jsonBytes, scope.life);
  }

  async function infer(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const scope = scopes.take(request);
    const { model, version, served, life } = scope;
    const parsed = await read(request, scope);
    life.change(parsed);
    const outputs = parsed.outputs?.map(({ name }) => name);
    const classes = classesOf(parsed);
    const { inputs, signature } = parsed;
    const answer = await service.infer({
      model,
      version,
      served,
      signature,
      inputs,
      outputs,
      classes,
      life,
    });
    request.answered = answer;
    const textBytes = textBytesOf(answer.outputs, parsed);
    const encoded = await longWork.run(encodeInferAnswer(answer, parsed), textBytes, life);
    const { pieces, headerLength } = encoded;
    if (headerLength === undefined) reply.header('content-type', 'application/json');
    else
      reply.header(lengthHeader, headerLength).header('content-type', 'application/octet-stream');
    return sendAnswer(request, reply, pieces);
  }

  const onRequest = scopes.open;
  app.post('/v2/models/:model/infer', { onRequest }, infer);
  app.post('/v2/models/:model/versions/:version/infer', { onRequest }, infer);
}
