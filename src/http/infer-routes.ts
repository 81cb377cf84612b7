/** POST /v2/models/{name}[/versions/{version}]/infer: a first form of Open Inference REST. */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ServingError } from '../errors.ts';
import { encodeInferAnswer } from '../protocol/open-inference/infer-answer.ts';
import { parseInferBody } from '../protocol/open-inference/infer-request.ts';
import type { InferenceService } from '../serving/inference-service.ts';
import type { RequestScopes } from './request-scope.ts';

const lengthHeader = 'inference-header-content-length';

function headerLengthOf(request: FastifyRequest): string | undefined {
  const value = request.headers[lengthHeader];
  return Array.isArray(value) ? value.join(',') : value;
}

export function registerInferRoutes(
  app: FastifyInstance,
  { service, scopes }: { readonly service: InferenceService; readonly scopes: RequestScopes },
): void {
  async function infer(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { model, version, served, life } = scopes.take(request);
    const body = request.body as Buffer | undefined;
    if (!body || body.length === 0)
      throw new ServingError('BODY_EMPTY', { expected: 'an inference request' });
    const parsed = parseInferBody(body, headerLengthOf(request));
    const outputs = parsed.outputs?.map(({ name }) => name);
    const answer = await service.infer({
      model,
      version,
      served,
      inputs: parsed.inputs,
      outputs,
      life,
    });
    request.answered = answer;
    const encoded = encodeInferAnswer(answer, parsed);
    if (encoded.headerLength !== undefined) reply.header(lengthHeader, encoded.headerLength);
    const type =
      encoded.headerLength === undefined ? 'application/json' : 'application/octet-stream';
    return reply.header('content-type', type).send(encoded.body);
  }

  const onRequest = scopes.open;
  app.post('/v2/models/:model/infer', { onRequest }, infer);
  app.post('/v2/models/:model/versions/:version/infer', { onRequest }, infer);
}
