/**
 * One ModelInferRequest of inference.GRPCInferenceService, alone or in a stream: to an InferenceRequest and
 * back.
 */

import { ServingError } from '../errors.ts';
import type { InferMessage } from '../protocol/open-inference-grpc/infer-request.ts';
import { decodeInferRequest, tensorsOf } from '../protocol/open-inference-grpc/infer-request.ts';
import type { InferResponse } from '../protocol/open-inference-grpc/infer-response.ts';
import type { Parameters } from '../protocol/open-inference-grpc/parameters.ts';
import type { InferenceService } from '../serving/inference-service.ts';
import type { CallLives } from './call-lives.ts';
import type { OpenCall } from './open-call.ts';

export interface InferParts {
  readonly service: InferenceService;
  readonly lives: CallLives;
}

/** Answers one message. `acceptedAt`: when it came, where that is not when its call did. */
export type Infer = (
  message: Buffer,
  call: OpenCall,
  acceptedAt?: number,
) => Promise<InferResponse>;

function fail(problem: string): never {
  throw new ServingError('INFER_REQUEST_INVALID', { problem });
}

/** Whole numbers come as int64, or from other clients as uint64 or double. */
function numberIn(parameters: Parameters, name: string): number | undefined {
  const value = parameters.get(name);
  if (value === undefined) return undefined;
  if (typeof value !== 'bigint' && typeof value !== 'number')
    fail(`the parameter ${name} is not a number`);
  return Number(value);
}

/** `timeout` is in microseconds; 0 means none. */
function limitOf(parameters: Parameters): number | undefined {
  const microseconds = numberIn(parameters, 'timeout') ?? 0;
  if (microseconds < 0) fail('the parameter timeout is negative');
  return microseconds === 0 ? undefined : microseconds / 1000;
}

/** 1 is the highest, 0 the default, which is the highest here too. */
function priorityOf(parameters: Parameters): 'high' | 'low' {
  return (numberIn(parameters, 'priority') ?? 0) > 1 ? 'low' : 'high';
}

function refuseFeatures({ parameters, inputs, outputs = [] }: InferMessage): void {
  const sequence = parameters.get('sequence_id');
  if (sequence !== undefined && sequence !== 0n && sequence !== '')
    throw new ServingError('FEATURE_UNSUPPORTED', { feature: 'sequences' });
  const shared = [...inputs, ...outputs].some((tensor) =>
    tensor.parameters.has('shared_memory_region'),
  );
  if (shared) throw new ServingError('FEATURE_UNSUPPORTED', { feature: 'shared memory' });
}

function wantedOf({ outputs }: InferMessage): string[] | undefined {
  const names = outputs?.map(({ name }) => name);
  if (names && new Set(names).size < names.length) fail('an output is listed twice');
  return names;
}

export function createInfer({ service, lives }: InferParts): Infer {
  return async (message, call, acceptedAt) => {
    const request = decodeInferRequest(message);
    refuseFeatures(request);
    const { model, version, id, parameters } = request;
    const outputs = wantedOf(request);
    const ask = {
      model,
      version,
      acceptedAt,
      limitMs: limitOf(parameters),
      priority: priorityOf(parameters),
    };
    const answer = await lives.run(call, ask, (life) =>
      service.infer({
        model,
        version,
        inputs: () => tensorsOf(request, (bytes) => call.parts.hold.grow(bytes)),
        outputs,
        life,
      }),
    );
    call.answered = answer;
    return { model, version: answer.version, id, outputs: answer.outputs };
  };
}
