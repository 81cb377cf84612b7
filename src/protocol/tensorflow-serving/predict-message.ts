/**
 * PredictRequest and PredictResponse. The tensors of a request stay undecoded until its signature is
 * known, so that wrong names cost no memory.
 * Source: tensorflow_serving/apis/predict.proto; the checks and their words are those of predict_util.cc.
 */

import { ServingError } from '../../errors.ts';
import type { NamedTensor } from '../../tensor/tensor.ts';
import type { TensorSpec } from '../../tensor/tensor-spec.ts';
import { WireReader } from '../protobuf/wire-reader.ts';
import { WireWriter } from '../protobuf/wire-writer.ts';
import type { Steps } from '../steps.ts';
import { encodeTensorProto } from './encode-tensor-proto.ts';
import type { ModelSpec } from './model-spec.ts';
import { readModelSpec, requireModelSpec, writeModelSpec } from './model-spec.ts';
import { decodeTensorProto } from './tensor-proto.ts';
import type { TensorRoom } from './tensor-room.ts';

export interface PredictMessage {
  readonly model: ModelSpec;
  /** The messages TensorProto by name, as views. */
  readonly inputs: ReadonlyMap<string, Uint8Array>;
  /** Names of the wanted outputs; empty: all. */
  readonly outputFilter: readonly string[];
}

/** What a request is checked against. */
export interface SignatureTensors {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

function fail(problem: string): never {
  throw new ServingError('TENSORFLOW_REQUEST_INVALID', { problem });
}

/** One entry of a map from names to messages. */
export function readEntry(reader: WireReader): readonly [key: string, value: Uint8Array] {
  let key = '';
  let value = new Uint8Array(0);
  while (reader.next()) {
    if (reader.field === 1) key = reader.string();
    else if (reader.field === 2) value = reader.view() as Uint8Array<ArrayBuffer>;
    else reader.skip();
  }
  return [key, value];
}

/** Throws PROTOBUF_INVALID or TENSORFLOW_REQUEST_INVALID. */
export function decodePredictRequest(message: Uint8Array): PredictMessage {
  const reader = new WireReader(message);
  let model: ModelSpec | undefined;
  const inputs = new Map<string, Uint8Array>();
  const outputFilter: string[] = [];
  let entries = 0;
  while (reader.next()) {
    if (reader.field === 1) model = readModelSpec(reader.message());
    else if (reader.field === 2) {
      // Entries, and not names: the same name may come millions of times.
      entries += 1;
      inputs.set(...readEntry(reader.message()));
    } else if (reader.field === 3) outputFilter.push(reader.string());
    else reader.skip();
    if (entries > mostNames || outputFilter.length > mostNames)
      fail(`more than ${mostNames} inputs or outputs`);
  }
  return { model: requireModelSpec(model), inputs, outputFilter };
}

/** A client may send any number of names of any length; a message shows the beginning. */
const mostNames = 1000;
const mostShown = 20;
const short = (name: string): string => (name.length > 100 ? `${name.slice(0, 100)}…` : name);

function set(names: readonly string[]): string {
  const shown = names.slice(0, mostShown).sort().map(short);
  return `{${[...shown, ...(names.length > mostShown ? ['…'] : [])].join(',')}}`;
}

function checkInputNames(given: readonly string[], expected: readonly string[]): void {
  const extra = given.filter((name) => !expected.includes(name));
  if (given.length === expected.length) {
    const [first] = extra;
    if (first === undefined) return;
    fail(
      `input tensor alias not found in signature: ${short(first)}. Inputs expected to be in the set ${set(expected)}.`,
    );
  }
  const missing = expected.filter((name) => !given.includes(name));
  fail(
    `input size does not match signature: ${given.length}!=${expected.length} len(${set(given)}) != len(${set(expected)}). Sent extra: ${set(extra)}. Missing but required: ${set(missing)}.`,
  );
}

function checkOutputFilter(filter: readonly string[], expected: readonly string[]): void {
  filter.forEach((name, i) => {
    if (!expected.includes(name)) {
      fail(
        `output tensor alias not found in signature: ${short(name)} Outputs expected to be in the set ${set(expected)}.`,
      );
    }
    if (filter.indexOf(name) < i) fail(`duplicate output tensor alias: ${name}`);
  });
}

const namesOf = (specs: readonly TensorSpec[]): string[] => specs.map(({ name }) => name);

/**
 * The inputs as tensors, when their names and the output filter are those of the signature. Throws
 * TENSORFLOW_REQUEST_INVALID, PROTOBUF_INVALID, INPUT_DATA_INVALID and what `room` throws.
 */
export function* readPredictInputs(
  { inputs, outputFilter }: PredictMessage,
  signature: SignatureTensors,
  room: TensorRoom,
): Steps<NamedTensor[]> {
  checkInputNames([...inputs.keys()], namesOf(signature.inputs));
  checkOutputFilter(outputFilter, namesOf(signature.outputs));
  const tensors: NamedTensor[] = [];
  for (const [name, message] of inputs) tensors.push(yield* decodeTensorProto(message, name, room));
  return tensors;
}

/** `model` says who answered. */
export function encodePredictResponse(model: ModelSpec, outputs: readonly NamedTensor[]): Buffer {
  const writer = new WireWriter();
  for (const output of outputs) {
    const entry = new WireWriter().string(1, output.name).message(2, encodeTensorProto(output));
    writer.message(1, entry);
  }
  return writer.message(2, writeModelSpec(model)).finish();
}
