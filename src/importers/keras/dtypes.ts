/** Keras' names of dtypes, and what a tensor of each is here: everything floating is computed in FP32. */

import type { ElementType } from '../../onnx/element-type.ts';

/** What an operation may give. */
export const numberDtypes: Readonly<Record<string, ElementType>> = {
  float32: 'FP32',
  float64: 'FP32',
  float16: 'FP32',
  bfloat16: 'FP32',
  int8: 'INT8',
  int16: 'INT16',
  int32: 'INT32',
  int64: 'INT64',
  uint8: 'UINT8',
  bool: 'BOOL',
};

/** What an input may be. */
export const inputDtypes: Readonly<Record<string, ElementType>> = {
  ...numberDtypes,
  uint16: 'UINT16',
  uint32: 'UINT32',
  string: 'BYTES',
};
