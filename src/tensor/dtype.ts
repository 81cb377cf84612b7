/**
 * The dtypes of the Open Inference Protocol, which are our own names for them everywhere.
 * Source: Open Inference Protocol, "Tensor Data Types"; BF16 as tritonclient sends it.
 */

export const dtypes = [
  'BOOL',
  'UINT8',
  'UINT16',
  'UINT32',
  'UINT64',
  'INT8',
  'INT16',
  'INT32',
  'INT64',
  'FP16',
  'BF16',
  'FP32',
  'FP64',
  'BYTES',
] as const;

export type DType = (typeof dtypes)[number];

const sizes: Record<DType, number> = {
  BOOL: 1,
  UINT8: 1,
  UINT16: 2,
  UINT32: 4,
  UINT64: 8,
  INT8: 1,
  INT16: 2,
  INT32: 4,
  INT64: 8,
  FP16: 2,
  BF16: 2,
  FP32: 4,
  FP64: 8,
  BYTES: 0,
};

/** Bytes of one element; 0 for BYTES, whose elements vary in length. */
export function sizeOfDType(dtype: DType): number {
  return sizes[dtype];
}

export function isDType(name: string): name is DType {
  return Object.hasOwn(sizes, name);
}
