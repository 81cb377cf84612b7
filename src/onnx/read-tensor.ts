/** Reads what a `TensorProto` says of itself; its elements are skipped. Source: onnx/onnx.proto. */

import type { ElementType } from './element-type.ts';
import { bitsOfElementType } from './element-type.ts';
import type { ProtobufReader } from './protobuf-reader.ts';
import { readElementType } from './read-type.ts';

export interface TensorInfo {
  readonly name: string;
  readonly dtype: ElementType;
  readonly shape: readonly number[];
  /** Bytes of its elements, as the shape says; for strings, their own lengths. */
  readonly bytes: number;
  /** Key and value pairs that say where external data is; undefined when the data is in the tensor. */
  readonly external: ReadonlyMap<string, string> | undefined;
  /** Where the tensor starts in the model file. */
  readonly position: number;
}

const dataLocationExternal = 1;
/** Far above what any operator takes; keeps a hostile shape from growing without end. */
const maxRank = 1024;

interface Fields {
  name: string;
  dtype: ElementType;
  shape: number[];
  stringBytes: number;
  rawBytes: number | undefined;
  location: number;
  external: Map<string, string>;
}

/**
 * `TensorProto`: dims 1, element type 2, strings 6, name 8, raw data 9, external data 13, data
 * location 14. Refuses a shape with a negative or absurd size, and raw data of another length.
 */
export function readTensor(reader: ProtobufReader): TensorInfo {
  const position = reader.position;
  const fields = readTensorFields(reader);
  const bytes = fields.dtype === 'BYTES' ? fields.stringBytes : byteLengthOf(reader, fields);
  if (fields.rawBytes !== undefined && fields.rawBytes !== bytes && bitsKnown(fields.dtype)) {
    reader.fail(
      `tensor '${fields.name}' has ${fields.rawBytes} bytes where its shape [${fields.shape.join(', ')}] needs ${bytes}`,
      position,
    );
  }
  const external = fields.location === dataLocationExternal ? fields.external : undefined;
  return { name: fields.name, dtype: fields.dtype, shape: fields.shape, bytes, external, position };
}

function readTensorFields(reader: ProtobufReader): Fields {
  const fields: Fields = {
    name: '',
    dtype: 'UNDEFINED',
    shape: [],
    stringBytes: 0,
    rawBytes: undefined,
    location: 0,
    external: new Map(),
  };
  reader.message({
    1: (r) => r.ints((dim) => addDim(r, fields, dim)),
    2: (r) => {
      fields.dtype = readElementType(r);
    },
    6: (r) => {
      fields.stringBytes += r.skipBytes();
    },
    8: (r) => {
      fields.name = r.string();
    },
    9: (r) => {
      fields.rawBytes = r.skipBytes();
    },
    13: (r) => readStringPair(r, fields.external),
    14: (r) => {
      fields.location = r.int();
    },
  });
  return fields;
}

function addDim(reader: ProtobufReader, { shape }: Fields, dim: number): void {
  if (shape.length === maxRank) reader.fail(`a tensor of more than ${maxRank} dimensions`);
  shape.push(dim);
}

/** `StringStringEntryProto`: key 1, value 2. */
export function readStringPair(reader: ProtobufReader, into: Map<string, string>): void {
  let key = '';
  let value = '';
  reader.message({
    1: (r) => {
      key = r.string();
    },
    2: (r) => {
      value = r.string();
    },
  });
  into.set(key, value);
}

const bitsKnown = (dtype: ElementType): boolean => bitsOfElementType(dtype) > 0;

function byteLengthOf(reader: ProtobufReader, { name, dtype, shape }: Fields): number {
  const elements = shape.reduce((count, dim) => count * dim, 1);
  if (shape.some((dim) => dim < 0) || !Number.isSafeInteger(elements * 16)) {
    reader.fail(`tensor '${name}' has the impossible shape [${shape.join(', ')}]`);
  }
  return Math.ceil((elements * bitsOfElementType(dtype)) / 8);
}
