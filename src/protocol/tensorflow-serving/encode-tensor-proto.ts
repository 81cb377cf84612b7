/**
 * Tensor to TensorProto, with its values in the typed fields: `tf.make_ndarray` reads those as well as
 * `tensor_content`, and clients made by hand often read nothing but `float_val`.
 */

import type { DType } from '../../tensor/dtype.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { unpackBytes } from '../../tensor/tensor.ts';
import { packVarints, packVarints64 } from '../protobuf/repeated-numbers.ts';
import { WireWriter } from '../protobuf/wire-writer.ts';
import { dataTypeOf } from './data-types.ts';
import { tensorFields } from './tensor-proto.ts';

/** TensorShapeProto; an open dimension is -1. */
export function writeShape(shape: readonly number[]): WireWriter {
  const writer = new WireWriter();
  for (const size of shape) {
    const dim = new WireWriter();
    if (size !== 0) dim.int(1, size);
    writer.message(2, dim);
  }
  return writer;
}

/** The bytes as a typed array over them, or over a copy where they do not lie at a multiple of its size. */
function aligned(data: Uint8Array, size: number): readonly [ArrayBuffer, number, number] {
  const whole = data.byteOffset % size === 0 ? data : new Uint8Array(data);
  return [whole.buffer as ArrayBuffer, whole.byteOffset, whole.byteLength / size];
}

/** Varints of a dtype that is sent as such. */
function packValues(dtype: DType, data: Uint8Array): Uint8Array {
  switch (dtype) {
    case 'INT8':
      return packVarints(new Int8Array(...aligned(data, 1)));
    case 'INT16':
      return packVarints(new Int16Array(...aligned(data, 2)));
    case 'UINT16':
    case 'FP16':
    case 'BF16':
      return packVarints(new Uint16Array(...aligned(data, 2)));
    case 'INT32':
      return packVarints(new Int32Array(...aligned(data, 4)));
    case 'UINT32':
      return packVarints(new Uint32Array(...aligned(data, 4)));
    case 'INT64':
    case 'UINT64':
      return packVarints64(new Uint32Array(...aligned(data, 4)));
    default:
      return packVarints(data);
  }
}

const { float, double, int, int64, bool, half, uint32, uint64 } = tensorFields;

/** Where the values of a dtype stand. */
const fieldOf: Record<Exclude<DType, 'BYTES'>, number> = {
  FP32: float,
  FP64: double,
  FP16: half,
  BF16: half,
  INT8: int,
  UINT8: int,
  INT16: int,
  UINT16: int,
  INT32: int,
  UINT32: uint32,
  INT64: int64,
  UINT64: uint64,
  BOOL: bool,
};

export function encodeTensorProto({ dtype, shape, data }: Tensor): WireWriter {
  const writer = new WireWriter();
  writer.int(tensorFields.dtype, dataTypeOf(dtype).number);
  writer.message(tensorFields.shape, writeShape(shape));
  if (dtype === 'BYTES') {
    for (const element of unpackBytes(data)) writer.bytes(tensorFields.string, element);
    return writer;
  }
  if (data.length === 0) return writer;
  const asTheyLie = dtype === 'FP32' || dtype === 'FP64';
  return writer.bytes(fieldOf[dtype], asTheyLie ? data : packValues(dtype, data));
}
