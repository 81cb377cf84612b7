/** How each dtype looks to onnxruntime-node, and sample elements of it. */

import type { Tensor } from 'onnxruntime-node';
import type { DType } from '../../src/tensor/dtype.ts';

type Served = Exclude<DType, 'BF16'>;

interface Representation {
  readonly type: Tensor.Type;
  /** Six elements, the extremes among them. */
  readonly elements: Tensor.DataType;
}

const representations: Record<Served, Representation> = {
  BOOL: { type: 'bool', elements: Uint8Array.of(0, 1, 1, 0, 1, 0) },
  UINT8: { type: 'uint8', elements: Uint8Array.of(0, 255, 2, 3, 4, 5) },
  UINT16: { type: 'uint16', elements: Uint16Array.of(0, 65535, 2, 3, 4, 5) },
  UINT32: { type: 'uint32', elements: Uint32Array.of(0, 2 ** 32 - 1, 2, 3, 4, 5) },
  UINT64: { type: 'uint64', elements: BigUint64Array.of(0n, 2n ** 64n - 1n, 2n, 3n, 4n, 5n) },
  INT8: { type: 'int8', elements: Int8Array.of(-128, 127, 2, 3, 4, 5) },
  INT16: { type: 'int16', elements: Int16Array.of(-32768, 32767, 2, 3, 4, 5) },
  INT32: { type: 'int32', elements: Int32Array.of(-(2 ** 31), 2 ** 31 - 1, 2, 3, 4, 5) },
  INT64: {
    type: 'int64',
    elements: BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n, 2n, 3n, 4n, 5n),
  },
  // 1, -0, the largest, infinity, the smallest, 0.5 as their bits
  FP16: { type: 'float16', elements: Uint16Array.of(0x3c00, 0x8000, 0x7bff, 0x7c00, 1, 0x3800) },
  FP32: { type: 'float32', elements: Float32Array.of(1.5, -0, Number.NaN, Infinity, 1e-45, 4) },
  FP64: { type: 'float64', elements: Float64Array.of(1.5, -0, Number.NaN, Infinity, 5e-324, 4) },
  BYTES: { type: 'string', elements: ['', 'a', 'é😀', 'line\nbreak', '"', 'x'.repeat(1000)] },
};

/** The runtime's name of a dtype. */
export function ortTypeOf(dtype: Served): Tensor.Type {
  return representations[dtype].type;
}

/** The first `count` (at most six) sample elements, as the runtime takes them. */
export function elementsFor(dtype: Served, count: number): Tensor.DataType {
  return representations[dtype].elements.slice(0, count) as Tensor.DataType;
}
