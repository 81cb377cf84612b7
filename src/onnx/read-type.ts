/** Reads `TypeProto` and `ValueInfoProto`. Source: onnx/onnx.proto. */

import type { ElementType } from './element-type.ts';
import { elementTypeOf } from './element-type.ts';
import type { ProtobufReader } from './protobuf-reader.ts';
import type { Dim, TensorType, ValueType } from './value-type.ts';
import {
  mapOf,
  opaqueType,
  optionalOf,
  sequenceOf,
  sparseTensorOf,
  tensorOf,
  untyped,
} from './value-type.ts';

export interface ValueInfo {
  readonly name: string;
  readonly type: ValueType;
}

/** `ValueInfoProto`: name 1, type 2. */
export function readValueInfo(reader: ProtobufReader): ValueInfo {
  let name = '';
  let type: ValueType = untyped;
  reader.message({
    1: (r) => {
      name = r.string();
    },
    2: (r) => {
      type = readType(r);
    },
  });
  return { name, type };
}

/** A `TensorProto.DataType`; a number that onnx.proto does not have is malformed. */
export function readElementType(reader: ProtobufReader): ElementType {
  const start = reader.position;
  const number = reader.int();
  return elementTypeOf(number) ?? reader.fail(`unknown element type ${number}`, start);
}

/** `TypeProto`: tensor 1, sequence 4, map 5, opaque 7, sparse tensor 8, optional 9. */
export function readType(reader: ProtobufReader): ValueType {
  let type: ValueType = untyped;
  const set = (read: (r: ProtobufReader) => ValueType) => (r: ProtobufReader) => {
    type = read(r);
  };
  reader.message({
    1: set(readTensorType),
    4: set((r) => sequenceOf(readElement(r))),
    5: set(readMapType),
    7: set((r) => {
      r.skip();
      return opaqueType;
    }),
    8: set((r) => sparseTensorOf(readTensorType(r).dtype)),
    9: set((r) => optionalOf(readElement(r))),
  });
  return type;
}

/** `TypeProto.Tensor` and `TypeProto.SparseTensor`: element type 1, shape 2. */
function readTensorType(reader: ProtobufReader): TensorType {
  let dtype: ElementType = 'UNDEFINED';
  let shape: Dim[] | undefined;
  reader.message({
    1: (r) => {
      dtype = readElementType(r);
    },
    2: (r) => {
      shape = readShape(r);
    },
  });
  return tensorOf(dtype, shape);
}

/** `TensorShapeProto`: dim 1. */
function readShape(reader: ProtobufReader): Dim[] {
  const dims: Dim[] = [];
  reader.message({ 1: (r) => dims.push(readDim(r)) });
  return dims;
}

/** `TensorShapeProto.Dimension`: value 1, name 2. Some exporters write -1 for "not known". */
function readDim(reader: ProtobufReader): Dim {
  let dim: Dim = null;
  reader.message({
    1: (r) => {
      const value = r.int();
      dim = value < 0 ? null : value;
    },
    2: (r) => {
      dim = r.string() || null;
    },
  });
  return dim;
}

/** `TypeProto.Sequence` and `TypeProto.Optional`: element type 1. */
function readElement(reader: ProtobufReader): ValueType {
  let element: ValueType = untyped;
  reader.message({
    1: (r) => {
      element = readType(r);
    },
  });
  return element;
}

/** `TypeProto.Map`: key type 1, value type 2. */
function readMapType(reader: ProtobufReader): ValueType {
  let key: ElementType = 'UNDEFINED';
  let value: ValueType = untyped;
  reader.message({
    1: (r) => {
      key = readElementType(r);
    },
    2: (r) => {
      value = readType(r);
    },
  });
  return mapOf(key, value);
}
