/**
 * tf.Example as the classify and regress APIs take it: features by name, of bytes, floats or integers.
 * Source: tensorflow/core/example/{example,feature}.proto and tensorflow_serving/apis/input.proto.
 */

import {
  countFixedBytes,
  countVarints,
  findFixed,
  findVarints,
  readFixed,
  readVarints64,
} from '../protobuf/repeated-numbers.ts';
import { WireReader } from '../protobuf/wire-reader.ts';
import { runNow } from '../steps.ts';
import { readEntry } from './predict-message.ts';
import type { TensorRoom } from './tensor-room.ts';

export type Feature =
  | { readonly kind: 'bytes'; readonly values: readonly Uint8Array[] }
  | { readonly kind: 'float'; readonly values: Float32Array | Float64Array }
  | { readonly kind: 'int64'; readonly values: BigInt64Array };

export type Example = ReadonlyMap<string, Feature>;

/** What an empty example or feature takes: a message of two bytes may stand for one. */
export const objectBytes = 256;

const none: Feature = { kind: 'bytes', values: [] };

function readBytesList(reader: WireReader, room: TensorRoom): Feature {
  const values: Uint8Array[] = [];
  while (reader.next()) {
    if (reader.field === 1) {
      room.claim(objectBytes, 'examples');
      values.push(reader.view());
    } else reader.skip();
  }
  return { kind: 'bytes', values };
}

function readFloatList(message: Uint8Array, room: TensorRoom): Feature {
  const runs = runNow(findFixed(message, 1, 4));
  const length = countFixedBytes(runs);
  room.claim(length, 'examples');
  const bytes = new Uint8Array(runNow(readFixed(message, runs, length)));
  return { kind: 'float', values: new Float32Array(bytes.buffer) };
}

function readInt64List(message: Uint8Array, room: TensorRoom): Feature {
  const runs = runNow(findVarints(message, 1));
  const count = runNow(countVarints(message, runs));
  room.claim(8 * count, 'examples');
  const values = new BigInt64Array(count);
  runNow(readVarints64(message, runs, new Uint32Array(values.buffer)));
  return { kind: 'int64', values };
}

function readFeature(message: Uint8Array, room: TensorRoom): Feature {
  const reader = new WireReader(message);
  let feature = none;
  while (reader.next()) {
    if (reader.field === 1) feature = readBytesList(reader.message(), room);
    else if (reader.field === 2) feature = readFloatList(reader.view(), room);
    else if (reader.field === 3) feature = readInt64List(reader.view(), room);
    else reader.skip();
  }
  return feature;
}

/** Example → Features → map of features, added to `into`. */
function readExample(reader: WireReader, into: Map<string, Feature>, room: TensorRoom): void {
  while (reader.next()) {
    if (reader.field !== 1) {
      reader.skip();
      continue;
    }
    const features = reader.message();
    while (features.next()) {
      if (features.field !== 1) {
        features.skip();
        continue;
      }
      room.claim(objectBytes, 'examples');
      const [name, feature] = readEntry(features.message());
      into.set(name, readFeature(feature, room));
    }
  }
}

interface Examples {
  readonly examples: Map<string, Feature>[];
  readonly context: Map<string, Feature>;
}

/** ExampleList, or ExampleListWithContext, whose context has the field 2. */
function readExampleList(reader: WireReader, room: TensorRoom): Examples {
  const examples: Map<string, Feature>[] = [];
  const context = new Map<string, Feature>();
  while (reader.next()) {
    if (reader.field === 1) {
      room.claim(objectBytes, 'examples');
      const example = new Map<string, Feature>();
      readExample(reader.message(), example, room);
      examples.push(example);
    } else if (reader.field === 2) readExample(reader.message(), context, room);
    else reader.skip();
  }
  return { examples, context };
}

/** A context stands in front of every example, whose own features go before it. */
export function withContext(
  examples: readonly Example[],
  context: Example,
  room: TensorRoom,
): readonly Example[] {
  if (context.size === 0) return examples;
  room.claim(examples.length * context.size * objectBytes, 'examples');
  return examples.map((example) => new Map([...context, ...example]));
}

/** Reads the message Input. Throws PROTOBUF_INVALID and what `room` throws. */
export function readInput(reader: WireReader, room: TensorRoom): readonly Example[] {
  let given: Examples = { examples: [], context: new Map() };
  while (reader.next()) {
    if (reader.field === 1 || reader.field === 2) given = readExampleList(reader.message(), room);
    else reader.skip();
  }
  return withContext(given.examples, given.context, room);
}
