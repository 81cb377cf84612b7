/**
 * Classify, Regress and MultiInference. ClassificationRequest and RegressionRequest are the same message
 * under two names.
 * Source: tensorflow_serving/apis/{classification,regression,inference}.proto.
 */

import { ServingError } from '../../errors.ts';
import { allowFields, WireReader } from '../protobuf/wire-reader.ts';
import { WireWriter } from '../protobuf/wire-writer.ts';
import type { Example } from './example.ts';
import { readInput } from './example.ts';
import type { ModelSpec } from './model-spec.ts';
import { readModelSpec, requireModelSpec, writeModelSpec } from './model-spec.ts';
import type { ScoredClass } from './results.ts';
import type { TensorRoom } from './tensor-room.ts';

export type Method = 'classify' | 'regress';

export interface ExamplesMessage {
  readonly model: ModelSpec;
  readonly examples: readonly Example[];
}

export interface InferenceTask {
  readonly model: ModelSpec;
  readonly method: Method;
}

export interface MultiInferenceMessage {
  readonly tasks: readonly InferenceTask[];
  readonly examples: readonly Example[];
}

/** What one task gave. */
export type MethodResult =
  | { readonly method: 'classify'; readonly classes: readonly (readonly ScoredClass[])[] }
  | { readonly method: 'regress'; readonly values: readonly number[] };

const mostTasks = 1000;

function refuse(problem: string): never {
  throw new ServingError('TENSORFLOW_REQUEST_INVALID', { problem });
}

/** Of examples with their features, of which no more fit into memory (`objectBytes`). */
const mostFields = 2_000_000;

function readerOf(message: Uint8Array): WireReader {
  return new WireReader(message, 0, message.length, 0, allowFields(mostFields));
}

/**
 * Reads a ClassificationRequest or RegressionRequest. Throws PROTOBUF_INVALID, TENSORFLOW_REQUEST_INVALID
 * and what `room` throws.
 */
export function decodeExamplesRequest(message: Uint8Array, room: TensorRoom): ExamplesMessage {
  const reader = readerOf(message);
  let model: ModelSpec | undefined;
  let examples: readonly Example[] = [];
  while (reader.next()) {
    if (reader.field === 1) model = readModelSpec(reader.message());
    else if (reader.field === 2) examples = readInput(reader.message(), room);
    else reader.skip();
  }
  return { model: requireModelSpec(model), examples };
}

function methodOf(name: string): Method {
  if (name === 'tensorflow/serving/classify') return 'classify';
  if (name === 'tensorflow/serving/regress') return 'regress';
  throw new ServingError('TENSORFLOW_UNSUPPORTED', {
    problem: `Unsupported signature method_name: ${name.slice(0, 100)}`,
  });
}

function readTask(reader: WireReader): InferenceTask {
  let model: ModelSpec | undefined;
  let name = '';
  while (reader.next()) {
    if (reader.field === 1) model = readModelSpec(reader.message());
    else if (reader.field === 2) name = reader.string();
    else reader.skip();
  }
  return { model: requireModelSpec(model), method: methodOf(name) };
}

/** All tasks must mean the same model, as TensorFlow Serving wants it. */
function checkTasks(tasks: readonly InferenceTask[]): void {
  const [first] = tasks;
  if (!first) refuse('Inference request is empty');
  if (tasks.some(({ model }) => model.name !== first.model.name))
    refuse('All ModelSpecs in a MultiInferenceRequest must access the same model name.');
  const signatures = new Set(tasks.map(({ model }) => model.signature));
  if (signatures.size < tasks.length) refuse('Duplicate evaluation of signature');
}

/** Throws PROTOBUF_INVALID, TENSORFLOW_REQUEST_INVALID, TENSORFLOW_UNSUPPORTED and what `room` throws. */
export function decodeMultiInferenceRequest(
  message: Uint8Array,
  room: TensorRoom,
): MultiInferenceMessage {
  const reader = readerOf(message);
  const tasks: InferenceTask[] = [];
  let examples: readonly Example[] = [];
  while (reader.next()) {
    if (reader.field === 1) tasks.push(readTask(reader.message()));
    else if (reader.field === 2) examples = readInput(reader.message(), room);
    else reader.skip();
    if (tasks.length > mostTasks) refuse(`more than ${mostTasks} tasks`);
  }
  checkTasks(tasks);
  return { tasks, examples };
}

function writeClasses(rows: readonly (readonly ScoredClass[])[]): WireWriter {
  const result = new WireWriter();
  for (const row of rows) {
    const classifications = new WireWriter();
    for (const { label, score } of row)
      classifications.message(1, new WireWriter().string(1, label).float(2, score));
    result.message(1, classifications);
  }
  return result;
}

function writeRegressions(values: readonly number[]): WireWriter {
  const result = new WireWriter();
  for (const value of values) result.message(1, new WireWriter().float(1, value));
  return result;
}

const writeResult = (result: MethodResult): WireWriter =>
  result.method === 'classify' ? writeClasses(result.classes) : writeRegressions(result.values);

/** ClassificationResponse or RegressionResponse. */
export function encodeExamplesResponse(model: ModelSpec, result: MethodResult): Buffer {
  return new WireWriter()
    .message(1, writeResult(result))
    .message(2, writeModelSpec(model))
    .finish();
}

export function encodeMultiInferenceResponse(
  results: readonly { readonly model: ModelSpec; readonly result: MethodResult }[],
): Buffer {
  const writer = new WireWriter();
  for (const { model, result } of results) {
    const one = new WireWriter().message(1, writeModelSpec(model));
    writer.message(1, one.message(result.method === 'classify' ? 2 : 3, writeResult(result)));
  }
  return writer.finish();
}
