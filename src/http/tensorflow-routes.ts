/**
 * TensorFlow Serving's REST API: predict, classify, regress, status and metadata of models. One route takes
 * all that is below /v1/, because the rest of a path may be in any case and nothing there is a 404.
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { describeMetadata } from '../protocol/tensorflow-serving/metadata.ts';
import { encodeRestAnswer, encodeRestResults } from '../protocol/tensorflow-serving/rest-answer.ts';
import type { RestBody } from '../protocol/tensorflow-serving/rest-body.ts';
import { readRestBody } from '../protocol/tensorflow-serving/rest-body.ts';
import { readRestExamples } from '../protocol/tensorflow-serving/rest-examples.ts';
import type { RestTarget } from '../protocol/tensorflow-serving/rest-path.ts';
import { requireRestTarget } from '../protocol/tensorflow-serving/rest-path.ts';
import { formOf, readRestInputs } from '../protocol/tensorflow-serving/rest-predict.ts';
import { describeStatus } from '../protocol/tensorflow-serving/status.ts';
import { createTensorRoom } from '../protocol/tensorflow-serving/tensor-room.ts';
import type { InferenceService } from '../serving/inference-service.ts';
import type { LongWork } from '../serving/long-work.ts';
import {
  runExamples,
  signatureNameOf,
  signaturesOf,
  statusOfModel,
  versionOf,
} from '../serving/tensorflow-view.ts';
import type { NamedTensor } from '../tensor/tensor.ts';
import { sendAnswer } from './answer-encoding.ts';
import type { RequestScope, RequestScopes } from './request-scope.ts';

export interface TensorflowRoutesOptions {
  readonly service: InferenceService;
  readonly scopes: RequestScopes;
  readonly longWork: LongWork;
}

/** What the context of examples may add to them. */
const contextBytes = 64 * 1024 * 1024;

/** What the hook leaves for the handler: the target with the version that its label means. */
const targetOf = ({ params }: FastifyRequest): RestTarget => params as RestTarget;

const bodyOf = ({ body }: FastifyRequest): Buffer =>
  (body as Buffer | null | undefined) ?? Buffer.alloc(0);

/** About how long the text of these outputs is. */
function textBytesOf(outputs: readonly NamedTensor[]): number {
  return outputs.reduce((total, { data }) => total + 3 * data.byteLength, 0);
}

export function registerTensorflowRoutes(
  app: FastifyInstance,
  { service, scopes, longWork }: TensorflowRoutesOptions,
): void {
  const { registry } = service;

  function readTarget(request: FastifyRequest): RestTarget {
    const target = requireRestTarget(request.method, request.url.split('?', 1)[0] ?? request.url);
    return { ...target, version: versionOf(registry, target) };
  }

  /** A request for predictions is refused by its first line already; the others have no body to wait for. */
  function onRequest(
    request: FastifyRequest,
    reply: FastifyReply,
    done: (error?: Error) => void,
  ): void {
    try {
      request.params = readTarget(request);
    } catch (error) {
      done(error as Error);
      return;
    }
    // Whatever it says of its body, it is JSON.
    request.raw.headers['content-type'] = 'application/json';
    const { kind } = targetOf(request);
    if (kind === 'status' || kind === 'metadata') done();
    else scopes.open(request, reply, done);
  }

  async function predict(scope: RequestScope, body: Buffer, parsed: RestBody) {
    const { model, version, served, life } = scope;
    const answer = await service.infer({
      model,
      version,
      served,
      signature: signatureNameOf(parsed.signature),
      inputs: ({ inputs }) => longWork.run(readRestInputs(parsed, inputs), body.length, life),
      life,
    });
    const encoding = encodeRestAnswer(answer.outputs, formOf(parsed));
    const text = await longWork.run(encoding, textBytesOf(answer.outputs), life);
    return { answer, text };
  }

  async function evaluate(
    scope: RequestScope,
    body: Buffer,
    parsed: RestBody,
    method: 'classify' | 'regress',
  ) {
    const { model, served, life } = scope;
    const room = createTensorRoom(contextBytes);
    const examples = await longWork.run(readRestExamples(parsed, room), body.length, life);
    const { answer, result } = await runExamples(service, {
      served,
      model,
      signature: signatureNameOf(parsed.signature),
      method,
      examples,
      life,
    });
    const bytes = textBytesOf(answer.outputs);
    return { answer, text: await longWork.run(encodeRestResults(result), bytes, life) };
  }

  async function infer(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { kind } = targetOf(request);
    const scope = scopes.take(request);
    const body = bodyOf(request);
    const parsed = await longWork.run(readRestBody(body), body.length, scope.life);
    const { answer, text } =
      kind === 'classify' || kind === 'regress'
        ? await evaluate(scope, body, parsed, kind)
        : await predict(scope, body, parsed);
    request.answered = answer;
    return sendAnswer(request, reply, [text]);
  }

  function describe({ kind, model, version }: RestTarget): object {
    if (kind === 'status') return describeStatus(statusOfModel(registry, model, version));
    const served = registry.resolve(model, version);
    const spec = { name: model, version: served.version.version, signature: '' };
    return describeMetadata(spec, signaturesOf(served));
  }

  async function answer(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    reply.header('content-type', 'application/json');
    const target = targetOf(request);
    if (target.kind !== 'status' && target.kind !== 'metadata') return infer(request, reply);
    return reply.send(JSON.stringify(describe(target)));
  }

  for (const url of ['/v1/*', '/V1/*']) app.all(url, { onRequest }, answer);
}
