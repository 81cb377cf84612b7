/**
 * Inputs for the warm-up and the probe: zeros and noise of a shape that the model should accept.
 */

import type { DType } from '../tensor/dtype.ts';
import { sizeOfDType } from '../tensor/dtype.ts';
import { elementCount } from '../tensor/tensor.ts';
import type { TensorSpec } from '../tensor/tensor-spec.ts';
import type { FrameTensor } from './frames.ts';
import type { LoadOrder } from './protocol.ts';

/** A random number in [0, 1). */
export type Random = () => number;

/** xorshift32: the same noise at every load, so that a verdict does not depend on luck. */
export function createRandom(seed: number): Random {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 0x1_0000_0000;
  };
}

/**
 * Sizes to try, in this order, for dimensions that the model leaves open (other than the first).
 * Picture networks pool several times and fail on 1; sequence models take any.
 */
export const openSizes = [1, 8, 32, 224] as const;

/** A concrete shape: open first dimension = `rows`, other open ones = `openSize`. */
export function concreteShape(
  spec: TensorSpec,
  rows: number,
  openSize: number,
  pictureSize?: { layout: 'NCHW' | 'NHWC'; size: readonly [number, number] },
): number[] {
  return spec.shape.map((dim, axis) => {
    if (dim !== null) return dim;
    if (axis === 0) return rows;
    const first = pictureSize?.layout === 'NCHW' ? 2 : 1;
    if (pictureSize && axis >= first && axis < first + 2)
      return pictureSize.size[axis - first] as number;
    return openSize;
  });
}

export function hasOpenDimensions({ inputs, pictureSize, picture }: LoadOrder): boolean {
  return inputs.some(
    (input, index) =>
      !(pictureSize && picture?.index === index) &&
      input.shape.some((dim, axis) => axis > 0 && dim === null),
  );
}

export function zeros(index: number, dtype: DType, shape: readonly number[]): FrameTensor {
  const bytes =
    dtype === 'BYTES' ? 4 * elementCount(shape) : sizeOfDType(dtype) * elementCount(shape);
  return { index, dtype, shape, chunks: [new Uint8Array(bytes)] };
}

/** Standard normal noise (Box-Muller); FP32, FP64 and FP16 only. */
export function noise(
  index: number,
  dtype: DType,
  shape: readonly number[],
  random: Random,
): FrameTensor {
  const count = elementCount(shape);
  const normal = (): number =>
    Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const values =
    dtype === 'FP64'
      ? Float64Array.from({ length: count }, normal)
      : dtype === 'FP16'
        ? Float16Array.from({ length: count }, normal)
        : Float32Array.from({ length: count }, normal);
  return { index, dtype, shape, chunks: [new Uint8Array(values.buffer)] };
}

export function canBeNoise(dtype: DType): boolean {
  return dtype === 'FP32' || dtype === 'FP64' || dtype === 'FP16';
}
