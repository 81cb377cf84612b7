/**
 * TensorFlow's data types and ours. Those that have no dtype of ours (complex, quantised, resources) are
 * known by name, for messages.
 * Source: tensorflow/core/framework/types.proto.
 */

import type { DType } from '../../tensor/dtype.ts';

const dataTypes: readonly (readonly [number: number, name: string, dtype?: DType])[] = [
  [1, 'DT_FLOAT', 'FP32'],
  [2, 'DT_DOUBLE', 'FP64'],
  [3, 'DT_INT32', 'INT32'],
  [4, 'DT_UINT8', 'UINT8'],
  [5, 'DT_INT16', 'INT16'],
  [6, 'DT_INT8', 'INT8'],
  [7, 'DT_STRING', 'BYTES'],
  [8, 'DT_COMPLEX64'],
  [9, 'DT_INT64', 'INT64'],
  [10, 'DT_BOOL', 'BOOL'],
  [11, 'DT_QINT8'],
  [12, 'DT_QUINT8'],
  [13, 'DT_QINT32'],
  [14, 'DT_BFLOAT16', 'BF16'],
  [15, 'DT_QINT16'],
  [16, 'DT_QUINT16'],
  [17, 'DT_UINT16', 'UINT16'],
  [18, 'DT_COMPLEX128'],
  [19, 'DT_HALF', 'FP16'],
  [20, 'DT_RESOURCE'],
  [21, 'DT_VARIANT'],
  [22, 'DT_UINT32', 'UINT32'],
  [23, 'DT_UINT64', 'UINT64'],
];

const byNumber = new Map(dataTypes.map(([number, name, dtype]) => [number, { name, dtype }]));
const byDType = new Map(dataTypes.map(([number, name, dtype]) => [dtype, { number, name }]));

/** Our dtype of a number of the enum `DataType`, or undefined where there is none. */
export function dtypeOfNumber(number: number): DType | undefined {
  return byNumber.get(number)?.dtype;
}

/** `DT_FLOAT`, or the bare number of a type that does not exist. */
export function nameOfNumber(number: number): string {
  if (number === 0) return 'DT_INVALID';
  return byNumber.get(number)?.name ?? `data type ${number}`;
}

export function dataTypeOf(dtype: DType): { readonly number: number; readonly name: string } {
  // The table has a row for each dtype (data-types.test.ts).
  return byDType.get(dtype) ?? { number: 0, name: 'DT_INVALID' };
}
