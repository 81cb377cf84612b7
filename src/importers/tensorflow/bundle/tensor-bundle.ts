/**
 * Reads a checkpoint: `variables.index` names each tensor and where its bytes are in the data files
 * beside it, `variables.data-00000-of-00001` and on. Only files of these names are opened.
 *
 * Owns: names, places, checksums. Does not own: which variable a tensor is for (variables.ts).
 * Source: tensorflow/core/protobuf/tensor_bundle.proto; tensorflow/core/util/tensor_bundle/naming.cc.
 */

import { sourceOfBytes } from '../../../onnx/byte-source.ts';
import { ProtobufError, ProtobufReader } from '../../../onnx/protobuf-reader.ts';
import { InvalidModelError, UnsupportedModelError } from '../../problems.ts';
import type { Constant } from '../constant.ts';
import { countOf, storedConstant } from '../constant.ts';
import type { DataType } from '../data-types.ts';
import { dataTypeOf, numbersOf } from '../data-types.ts';
import { readShape } from '../graph/tensor-proto.ts';
import type { FileSet } from '../open-files.ts';
import { crc32c, maskCrc } from './crc32c.ts';
import { readTable } from './table-file.ts';

interface Entry {
  readonly type: DataType;
  readonly shape: readonly number[];
  readonly shard: number;
  readonly offset: number;
  readonly size: number;
  readonly crc: number;
  readonly isSliced: boolean;
}

export interface TensorBundle {
  readonly names: readonly string[];
  /** The tensor of that name. Throws InvalidModelError when there is none, or its data is not there. */
  tensor(name: string): Constant;
}

const maxIndexBytes = 256 * 1024 * 1024;

/** Opens the checkpoint with that prefix (`variables/variables`) among the model's files. */
export function openTensorBundle(files: FileSet, prefix: string): TensorBundle {
  const place = `${prefix}.index`;
  const index = files.open(place);
  if (index.length > maxIndexBytes) {
    throw new InvalidModelError(place, `it has ${index.length} bytes, more than any index`);
  }
  const bytes = new Uint8Array(index.length);
  index.read(0, bytes);
  const entries = new Map<string, Entry>();
  let shards = 1;
  for (const { key, value } of readTable(bytes, place)) {
    if (key === '') shards = readHeader(value, place);
    else entries.set(key, readEntry(value, `${place}, "${key}"`));
  }
  return {
    names: [...entries.keys()],
    tensor(name) {
      const entry = entries.get(name);
      if (!entry) throw new InvalidModelError(place, `it has no tensor "${name}"`);
      return toConstant(name, entry, shards, files, prefix);
    },
  };
}

function readMessage(value: Uint8Array, place: string, read: (r: ProtobufReader) => void): void {
  try {
    read(new ProtobufReader(sourceOfBytes(value)));
  } catch (error) {
    if (!(error instanceof ProtobufError)) throw error;
    throw new InvalidModelError(place, `it is damaged: ${error.message}`);
  }
}

/** `BundleHeaderProto`: num_shards 1, endianness 2. */
function readHeader(value: Uint8Array, place: string): number {
  let shards = 1;
  let endianness = 0;
  readMessage(value, place, (reader) =>
    reader.readFields({
      1: (r) => {
        shards = r.int();
      },
      2: (r) => {
        endianness = r.int();
      },
    }),
  );
  if (endianness !== 0) {
    throw new UnsupportedModelError(
      place,
      'it was written on a big-endian machine',
      'save it again on a little-endian one',
    );
  }
  if (shards < 1 || shards > 99_999)
    throw new InvalidModelError(place, `it has ${shards} data files`);
  return shards;
}

/** `BundleEntryProto`: dtype 1, shape 2, shard 3, offset 4, size 5, crc32c 6, slices 7. */
function readEntry(value: Uint8Array, place: string): Entry {
  const entry = {
    type: dataTypeOf(0),
    shape: [] as number[],
    shard: 0,
    offset: 0,
    size: 0,
    crc: 0,
    isSliced: false,
  };
  const set = (key: 'shard' | 'offset' | 'size') => (r: ProtobufReader) => {
    entry[key] = r.int();
  };
  readMessage(value, place, (reader) =>
    reader.readFields({
      1: (r) => {
        entry.type = dataTypeOf(r.int());
      },
      2: (r) => {
        entry.shape = (readShape(r) ?? []).map((size) => size ?? 0);
      },
      3: set('shard'),
      4: set('offset'),
      5: set('size'),
      6: (r) => {
        entry.crc = r.fixed32();
      },
      7: (r) => {
        entry.isSliced = true;
        r.skip();
      },
    }),
  );
  return entry;
}

const five = (number: number): string => String(number).padStart(5, '0');

function toConstant(
  name: string,
  entry: Entry,
  shards: number,
  files: FileSet,
  prefix: string,
): Constant {
  const { type, shape, shard, offset, size, isSliced } = entry;
  const place = `variable "${name}"`;
  if (isSliced) {
    throw new UnsupportedModelError(
      place,
      'it was saved in slices (a partitioned variable)',
      'save the model without a partitioner',
    );
  }
  if (!type.Numbers) {
    throw new UnsupportedModelError(place, `a variable of ${type.name}`, 'variables hold numbers');
  }
  const expected = countOf(shape) * type.bytes;
  if (size !== expected) {
    const problem = `it has ${size} bytes, but ${type.name} [${shape.join(', ')}] takes ${expected}`;
    throw new InvalidModelError(place, problem);
  }
  const file = `${prefix}.data-${five(shard)}-of-${five(shards)}`;
  const source = files.open(file);
  if (offset < 0 || offset + size > source.length) {
    const problem = `its bytes ${offset} to ${offset + size} are beyond the end of ${file} (${source.length} bytes)`;
    throw new InvalidModelError(place, problem);
  }
  return storedConstant(type, shape, place, () => {
    const bytes = new Uint8Array(size);
    if (source.read(offset, bytes) < size)
      throw new InvalidModelError(place, `${file} became shorter`);
    checkSum(bytes, entry, place, file);
    return numbersOf(type, bytes);
  });
}

function checkSum(bytes: Uint8Array, { crc }: Entry, place: string, file: string): void {
  if (maskCrc(crc32c(bytes)) === crc) return;
  throw new InvalidModelError(place, `its checksum does not match its bytes in ${file}`);
}
