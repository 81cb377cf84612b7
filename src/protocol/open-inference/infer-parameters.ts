/**
 * The parameters of an inference request that mean something here. Others are passed over, as the protocol
 * lets servers do; those that ask for something this server has not are refused.
 * Source: Open Inference Protocol REST, "Inference Request"; Triton's extensions "Binary Tensor Data",
 * "Schedule Policy", "Classification", "Sequence" and "Shared Memory".
 */

import { ServingError } from '../../errors.ts';

export type Parameters = Readonly<Record<string, string | number | boolean>>;

export interface RequestParameters {
  readonly binaryByDefault: boolean;
  /** The client's own time limit, in milliseconds; absent: the server's. */
  readonly timeoutMs?: number | undefined;
  readonly priority?: 'high' | 'low' | undefined;
  /** Whose inputs and outputs are meant, as TensorFlow Serving's `signature_name`; absent: the graph's own. */
  readonly signature?: string | undefined;
}

export interface OutputParameters {
  readonly binary: boolean;
  /** So many best classes instead of the tensor; absent: the tensor. */
  readonly classes?: number | undefined;
}

/** In one map of a request, whatever its form: as many as no client sends. */
export const mostParameters = 1000;
/** Inputs, or outputs, of one request: more than any model has. */
export const mostTensors = 4096;

export const noParameters: Parameters = Object.freeze({});

const microseconds = 1000;
const mostClasses = 0xffff_ffff;

function fail(problem: string): never {
  throw new ServingError('INFER_REQUEST_INVALID', { problem });
}

function readFlag(parameters: Parameters, key: string, otherwise: boolean): boolean {
  const value = parameters[key];
  if (value === undefined) return otherwise;
  return typeof value === 'boolean' ? value : fail(`the parameter ${key} is not true or false`);
}

/** A whole number that is not negative; 0 when absent. */
function readCount(parameters: Parameters, key: string): number {
  const value = parameters[key] ?? 0;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return value;
  return fail(`the parameter ${key} is not a whole number from 0 up`);
}

function refuseSequences({ sequence_id: id }: Parameters): void {
  if (id === undefined || id === 0 || id === '') return;
  throw new ServingError('FEATURE_UNSUPPORTED', {
    feature: 'sequences of requests (the parameter sequence_id)',
    advice: 'send what a run needs in one request',
  });
}

/** Of an input or an output. Throws FEATURE_UNSUPPORTED. */
export function refuseSharedMemory(parameters: Parameters): void {
  if (parameters.shared_memory_region === undefined) return;
  throw new ServingError('FEATURE_UNSUPPORTED', {
    feature: 'shared memory (the parameter shared_memory_region)',
    advice: 'send the tensor itself, best as binary data',
  });
}

/** 1 is what Triton's queues take first; the higher the number, the later. 0 leaves it to the server. */
function priorityOf(level: number): RequestParameters['priority'] {
  if (level === 0) return undefined;
  return level === 1 ? 'high' : 'low';
}

function readName(parameters: Parameters, key: string): string | undefined {
  const value = parameters[key] ?? '';
  if (typeof value !== 'string') return fail(`the parameter ${key} is not a text`);
  return value === '' ? undefined : value;
}

/** Throws INFER_REQUEST_INVALID or FEATURE_UNSUPPORTED. */
export function readRequestParameters(parameters: Parameters): RequestParameters {
  refuseSequences(parameters);
  const timeout = readCount(parameters, 'timeout');
  return {
    binaryByDefault: readFlag(parameters, 'binary_data_output', false),
    timeoutMs: timeout === 0 ? undefined : timeout / microseconds,
    priority: priorityOf(readCount(parameters, 'priority')),
    signature: readName(parameters, 'signature_name'),
  };
}

/** `binaryByDefault`: what the request says for all outputs. Throws as `readRequestParameters`. */
export function readOutputParameters(
  parameters: Parameters,
  binaryByDefault: boolean,
): OutputParameters {
  refuseSharedMemory(parameters);
  const classes = readCount(parameters, 'classification');
  if (classes > mostClasses) fail('the parameter classification is too large');
  return {
    binary: readFlag(parameters, 'binary_data', binaryByDefault),
    classes: classes === 0 ? undefined : classes,
  };
}
