/** POST /v2/models/{name}[/versions/{version}]/infer: a first form of Open Inference REST. */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ServingError } from '../errors.ts';
import { encodeInferAnswer, textBytesOf } from '../protocol/open-inference/infer-answer.ts';
import { parseInferBody } from '../protocol/open-inference/infer-request.ts';
import type { InferenceService } from '../serving/inference-service.ts';
import type { LongWork } from './long-work.ts';
import type { RequestScopes } from './request-scope.ts';

const lengthHeader = 'inference-header-content-length';

function headerLengthOf(request: FastifyRequest): string | undefined {
  const value = request.headers[lengthHeader];
  return Array.isArray(value) ? value.join(',') : value;
}

export function registerInferRoutes(
  app: FastifyInstance,
  options: {
    readonly service: InferenceService;
    readonly scopes: RequestScopes;
    readonly longWork: LongWork;
  },
): void {
  const { service, scopes, longWork } = options;

  async function infer(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { model, version, life } = scopes.take(request);
    const body = request.body as Buffer | undefined;
    if (!body || body.length === 0)
      throw new ServingError('BODY_EMPTY', { expected: 'an inference request' });
    const headerLength = headerLengthOf(request);
    const jsonBytes = Math.min(body.length, Number(headerLength ?? body.length) || 0);
    const parsed = await longWork.run(parseInferBody(body, headerLength), jsonBytes, life);
    const outputs = parsed.outputs?.map(({ name }) => name);
    const answer = await service.infer({ model, version, inputs: parsed.inputs, outputs, life });
    request.answered = answer;
    const textBytes = textBytesOf(answer.outputs, parsed);
    const encoded = await longWork.run(encodeInferAnswer(answer, parsed), textBytes, life);
    if (encoded.headerLength !== undefined) reply.header(lengthHeader, encoded.headerLength);
    const type =
      encoded.headerLength === undefined ? 'application/json' : 'application/octet-stream';
    return reply.header('content-type', type).send(encoded.body);
  }

  const onRequest = scopes.open;
  app.post('/v2/models/:model/infer', { onRequest }, infer);
  app.post('/v2/models/:model/versions/:version/infer', { onRequest }, infer);
}
