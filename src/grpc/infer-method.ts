/**
 * One ModelInferRequest of inference.GRPCInferenceService, alone or in a stream: to an InferenceRequest and
 * back.
 */

import { ServingError } from '../errors.ts';
import {
  readOutputParameters,
  readRequestParameters,
  refuseSharedMemory,
} from '../protocol/open-inference/infer-parameters.ts';
import type { InferMessage } from '../protocol/open-inference-grpc/infer-request.ts';
import { decodeInferRequest, tensorsOf } from '../protocol/open-inference-grpc/infer-request.ts';
import type { InferResponse } from '../protocol/open-inference-grpc/infer-response.ts';
import type { InferenceService } from '../serving/inference-service.ts';
import type { LongWork } from '../serving/long-work.ts';
import type { CallLives } from './call-lives.ts';
import type { OpenCall } from './open-call.ts';

export interface InferParts {
  readonly service: InferenceService;
  readonly lives: CallLives;
  readonly longWork: LongWork;
}

/** Answers one message. `acceptedAt`: when it came, where that is not when its call did. */
export type Infer = (
  message: Buffer,
  call: OpenCall,
  acceptedAt?: number,
) => Promise<InferResponse>;

interface Wanted {
  readonly outputs: readonly string[] | undefined;
  /** Outputs that are answered by their best classes. */
  readonly classes: ReadonlyMap<string, number> | undefined;
}

function wantedOf({ outputs }: InferMessage): Wanted {
  if (!outputs) return { outputs: undefined, classes: undefined };
  const names = outputs.map(({ name }) => name);
  if (new Set(names).size < names.length)
    throw new ServingError('INFER_REQUEST_INVALID', { problem: 'an output is listed twice' });
  const classes = new Map<string, number>();
  for (const { name, parameters } of outputs) {
    const count = readOutputParameters(parameters, true).classes;
    if (count !== undefined) classes.set(name, count);
  }
  return { outputs: names, classes: classes.size > 0 ? classes : undefined };
}

export function createInfer({ service, lives, longWork }: InferParts): Infer {
  return async (message, call, acceptedAt) => {
    const request = decodeInferRequest(message);
    const { model, version, id } = request;
    const asked = readRequestParameters(request.parameters);
    const { timeoutMs: limitMs, priority, signature } = asked;
    for (const input of request.inputs) refuseSharedMemory(input.parameters);
    const wanted = wantedOf(request);
    const reserve = (bytes: number): void => call.parts.hold.grow(bytes);
    const ask = { model, version, acceptedAt, limitMs, priority };
    const answer = await lives.run(call, ask, (life, served) => {
      const inputs = () => longWork.run(tensorsOf(request, reserve), message.length, life);
      return service.infer({ model, version, signature, inputs, ...wanted, life, served });
    });
    call.answered = answer;
    return { model, version: answer.version, id, outputs: answer.outputs };
  };
}
