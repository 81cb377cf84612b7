/**
 * Inputs for the warm-up, the probe and the tuning: zeros and noise of a shape that the model should accept.
 */

import type { DType } from '../tensor/dtype.ts';
import { sizeOfDType } from '../tensor/dtype.ts';
import { elementCount } from '../tensor/tensor.ts';
import type { FrameTensor } from './frames.ts';
import type { LoadOrder } from './protocol.ts';

/** A random number in [0, 1). */
export type Random = () => number;

/** xorshift32: the same noise at every load, so that a verdict does not depend on luck. */
export function createRandom(seed: number): Random {
  // Spread, so that neighbouring seeds make different noise; only a seed of -1 would give 0.
  let state = Math.imul(seed + 1, 0x9e3779b1) || 1;
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

/** More elements than this in one made-up tensor (256 MB of floats) are not worth trying. */
const mostElements = 2 ** 26;

/** Of pictures that come as they are, the usual size first: small ones fit too, but tell little about time. */
export function sizesToTry(order: LoadOrder): readonly number[] {
  if (!hasOpenDimensions(order)) return [1];
  return order.picture && !order.pictureSize ? openSizes.toReversed() : openSizes;
}

/** The shape [n, …] that a picture's plan fills in for its input, or undefined for another input. */
function pictureShape(
  { picture, pictureSize }: LoadOrder,
  index: number,
  openSize: number,
): number[] | undefined {
  if (picture?.index !== index) return undefined;
  const channels = picture.mean.length;
  const size = pictureSize ?? [openSize, openSize];
  return picture.layout === 'NCHW' ? [1, channels, ...size] : [1, ...size, channels];
}

/** Concrete shapes of all inputs: open first dimension = 1, pictures as planned, else `openSize`. */
export function concreteShapes(order: LoadOrder, openSize: number): number[][] {
  return order.inputs.map(({ shape }, index) => {
    const planned = pictureShape(order, index, openSize);
    return shape.map((dim, axis) => dim ?? planned?.[axis] ?? (axis === 0 ? 1 : openSize));
  });
}

/** False when made-up inputs of these shapes would take more memory than a try is worth. */
export function isAffordable(shapes: readonly (readonly number[])[]): boolean {
  return shapes.every((shape) => elementCount(shape) <= mostElements);
}

/** True when a made-up shape may be one that the model does not take. */
export function hasOpenDimensions({ inputs, picture, pictureSize }: LoadOrder): boolean {
  return inputs.some(
    ({ shape, anyShape }, index) =>
      anyShape === true ||
      (!(pictureSize && picture?.index === index) &&
        shape.some((dim, axis) => axis > 0 && dim === null)),
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

/** Makes so many rows of noise, the same one again and again: for how long a run takes, not for what it gives. */
export function repeatedRows(
  order: LoadOrder,
  openSize: number,
): (rows: number) => readonly FrameTensor[] {
  // Not before it is needed: noise for a large picture takes as long as a run.
  let one: readonly FrameTensor[] | undefined;
  return (rows) => {
    const shapes = concreteShapes(order, openSize);
    one ??= order.inputs.map(({ dtype }, index) =>
      noise(index, dtype, shapes[index] as number[], createRandom(index)),
    );
    return one.map(({ index, dtype, shape, chunks: [row = new Uint8Array()] }) => {
      const bytes = new Uint8Array(rows * row.length);
      for (let at = 0; at < bytes.length; at += row.length) bytes.set(row, at);
      return { index, dtype, shape: [rows, ...shape.slice(1)], chunks: [bytes] };
    });
  };
}
