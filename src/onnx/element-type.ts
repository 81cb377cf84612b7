/**
 * The element types of ONNX tensors: their numbers in the file, our names, their size.
 * Source: onnx/onnx.proto, `TensorProto.DataType`. Our names are the dtypes of the Open Inference
 * Protocol where it has one; the others keep ONNX's name.
 */

import type { DType } from '../tensor/dtype.ts';

/** Element types that no served tensor can have, because the protocol has no name for them. */
export type ForeignElementType =
  | 'UNDEFINED'
  | 'COMPLEX64'
  | 'COMPLEX128'
  | 'FLOAT8E4M3FN'
  | 'FLOAT8E4M3FNUZ'
  | 'FLOAT8E5M2'
  | 'FLOAT8E5M2FNUZ'
  | 'FLOAT8E8M0'
  | 'FLOAT4E2M1'
  | 'UINT4'
  | 'INT4'
  | 'UINT2'
  | 'INT2';

export type ElementType = DType | ForeignElementType;

interface Row {
  readonly number: number;
  readonly name: ElementType;
  /** Bits of one element in raw data; 0 where the size varies or is not known. */
  readonly bits: number;
  /** The name in ONNX's own type strings, as in `tensor(float)`. */
  readonly onnxName: string;
}

const row = (number: number, name: ElementType, bits: number, onnxName: string): Row => ({
  number,
  name,
  bits,
  onnxName,
});

const rows: readonly Row[] = [
  row(0, 'UNDEFINED', 0, 'undefined'),
  row(1, 'FP32', 32, 'float'),
  row(2, 'UINT8', 8, 'uint8'),
  row(3, 'INT8', 8, 'int8'),
  row(4, 'UINT16', 16, 'uint16'),
  row(5, 'INT16', 16, 'int16'),
  row(6, 'INT32', 32, 'int32'),
  row(7, 'INT64', 64, 'int64'),
  row(8, 'BYTES', 0, 'string'),
  row(9, 'BOOL', 8, 'bool'),
  row(10, 'FP16', 16, 'float16'),
  row(11, 'FP64', 64, 'double'),
  row(12, 'UINT32', 32, 'uint32'),
  row(13, 'UINT64', 64, 'uint64'),
  row(14, 'COMPLEX64', 64, 'complex64'),
  row(15, 'COMPLEX128', 128, 'complex128'),
  row(16, 'BF16', 16, 'bfloat16'),
  row(17, 'FLOAT8E4M3FN', 8, 'float8e4m3fn'),
  row(18, 'FLOAT8E4M3FNUZ', 8, 'float8e4m3fnuz'),
  row(19, 'FLOAT8E5M2', 8, 'float8e5m2'),
  row(20, 'FLOAT8E5M2FNUZ', 8, 'float8e5m2fnuz'),
  row(21, 'UINT4', 4, 'uint4'),
  row(22, 'INT4', 4, 'int4'),
  row(23, 'FLOAT4E2M1', 4, 'float4e2m1'),
  row(24, 'FLOAT8E8M0', 8, 'float8e8m0'),
  row(25, 'UINT2', 2, 'uint2'),
  row(26, 'INT2', 2, 'int2'),
];

const byNumber = new Map(rows.map((r) => [r.number, r]));
const byName = new Map(rows.map((r) => [r.name, r]));

function rowOf(type: ElementType): Row {
  const found = byName.get(type);
  if (!found) throw new TypeError(`no element type ${type}`);
  return found;
}

/** Our name of a `TensorProto.DataType`; undefined for a number that onnx.proto does not have. */
export function elementTypeOf(number: number): ElementType | undefined {
  return byNumber.get(number)?.name;
}

/** The `TensorProto.DataType` of a name. */
export function numberOfElementType(type: ElementType): number {
  return rowOf(type).number;
}

/** Bits of one element in raw data; 0 for BYTES and UNDEFINED. */
export function bitsOfElementType(type: ElementType): number {
  return rowOf(type).bits;
}

/** ONNX's own word, as it stands in `tensor(float)`. */
export function onnxNameOf(type: ElementType): string {
  return rowOf(type).onnxName;
}
