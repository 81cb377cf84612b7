/**
 * Weights that are still in the file: known by shape, read when they are written into the ONNX file, one
 * after the other, and turned (permuted, cast) on the way.
 */

import type { LazyBytes } from '../onnx/protobuf-writer.ts';

/** FP32 after reading, whatever the file has: models are computed in FP32. */
export interface Weight {
  /** Where it is, for messages. */
  readonly place: string;
  readonly shape: readonly number[];
  /** The elements in C order; a new array each time, or a view of one that is not changed. */
  read(): Float32Array;
}

export const countOf = (shape: readonly number[]): number =>
  shape.reduce((count, dim) => count * dim, 1);

export function weightOf(
  place: string,
  shape: readonly number[],
  values: Float32Array | readonly number[],
): Weight {
  const data = values instanceof Float32Array ? values : Float32Array.from(values);
  if (data.length !== countOf(shape)) throw new TypeError(`${place}: ${data.length} values`);
  return { place, shape, read: () => data };
}

export function reshapeWeight(weight: Weight, shape: readonly number[]): Weight {
  if (countOf(shape) !== countOf(weight.shape)) throw new TypeError(`${weight.place} [${shape}]`);
  return { ...weight, shape };
}

/** Axes as in numpy's transpose: axis i of the result is axis `axes[i]` of the weight. */
export function permuteWeight(weight: Weight, axes: readonly number[]): Weight {
  if (axes.every((axis, i) => axis === i)) return weight;
  const shape = axes.map((axis) => weight.shape[axis] ?? 0);
  return { ...weight, shape, read: () => permute(weight.read(), weight.shape, axes) };
}

/** The same shape, other values: `change` may work in place on the array it gets. */
export function mapWeight(
  weight: Weight,
  change: (values: Float32Array) => Float32Array,
  shape: readonly number[] = weight.shape,
): Weight {
  return { ...weight, shape, read: () => change(weight.read().slice()) };
}

/** Elements `from` to `to` (not included) along an axis. */
export function sliceWeight(weight: Weight, axis: number, from: number, to: number): Weight {
  const shape = weight.shape.map((dim, i) => (i === axis ? to - from : dim));
  const outer = countOf(weight.shape.slice(0, axis));
  const inner = countOf(weight.shape.slice(axis + 1));
  const length = weight.shape[axis] ?? 0;
  const read = (): Float32Array => {
    const source = weight.read();
    const result = new Float32Array(countOf(shape));
    const run = (to - from) * inner;
    for (let i = 0; i < outer; i += 1) {
      const start = (i * length + from) * inner;
      result.set(source.subarray(start, start + run), i * run);
    }
    return result;
  };
  return { place: weight.place, shape, read };
}

/** Weights of equal shapes but for that axis, one behind the other. */
export function concatWeights(weights: readonly Weight[], axis: number): Weight {
  const [first] = weights;
  if (!first) throw new TypeError('no weights to put together');
  const length = weights.reduce((sum, { shape }) => sum + (shape[axis] ?? 0), 0);
  const shape = first.shape.map((dim, i) => (i === axis ? length : dim));
  const outer = countOf(shape.slice(0, axis));
  const inner = countOf(shape.slice(axis + 1));
  const read = (): Float32Array => {
    const result = new Float32Array(countOf(shape));
    let done = 0;
    for (const weight of weights) {
      const run = (weight.shape[axis] ?? 0) * inner;
      const source = weight.read();
      for (let i = 0; i < outer; i += 1) {
        result.set(source.subarray(i * run, (i + 1) * run), i * length * inner + done);
      }
      done += run;
    }
    return result;
  };
  return { place: first.place, shape, read };
}

/** The weight as bytes that are made when they are written. */
export function lazyBytes(weight: Weight): LazyBytes {
  return {
    byteLength: countOf(weight.shape) * 4,
    *pieces() {
      const { buffer, byteOffset, byteLength } = weight.read();
      yield new Uint8Array(buffer, byteOffset, byteLength);
    },
  };
}

interface Axis {
  readonly size: number;
  /** Elements from one index to the next in the source, and in the result. */
  readonly stride: number;
  readonly step: number;
}

/** The axes of the result, neighbours that stay neighbours taken as one: HWIO → OIHW has three. */
function axesOf(shape: readonly number[], order: readonly number[]): Axis[] {
  const strides = shape.map((_, i) => countOf(shape.slice(i + 1)));
  const merged: { size: number; stride: number }[] = [];
  for (const i of order) {
    const size = shape[i] ?? 0;
    const stride = strides[i] ?? 0;
    const last = merged.at(-1);
    if (size === 1) continue;
    if (last && last.stride === stride * size) {
      Object.assign(last, { size: last.size * size, stride });
    } else merged.push({ size, stride });
  }
  return merged.map((axis, i) => ({
    ...axis,
    step: merged.slice(i + 1).reduce((count, { size }) => count * size, 1),
  }));
}

/** Squares of this side stay in the processor's cache while they are turned. */
const block = 32;

/**
 * Copies with the axes in another order, in planes of two axes: the one that lies together in the result
 * and, of the others, the one that lies closest together in the source.
 */
export function permute(
  source: Float32Array,
  shape: readonly number[],
  order: readonly number[],
): Float32Array {
  const result = new Float32Array(source.length);
  if (source.length === 0) return result;
  const axes = axesOf(shape, order);
  const inner = axes.pop() ?? { size: 1, stride: 1, step: 1 };
  const nearest = axes.reduce(
    (best, axis, i) => (axis.stride < (axes[best]?.stride ?? 0) ? i : best),
    0,
  );
  const [row = { size: 1, stride: 0, step: 0 }] = axes.splice(nearest, 1);
  const outer = axes.reduce((count, { size }) => count * size, 1);
  for (let i = 0; i < outer; i += 1) {
    const { from, to } = placeOf(i, axes);
    copyPlane(source, from, result, to, row, inner);
  }
  return result;
}

/** Where the plane of that running number begins in the source and in the result. */
function placeOf(index: number, axes: readonly Axis[]): { from: number; to: number } {
  let left = index;
  let from = 0;
  let to = 0;
  for (let a = axes.length - 1; a >= 0; a -= 1) {
    const { size, stride, step } = axes[a] as Axis;
    const at = left % size;
    from += at * stride;
    to += at * step;
    left = Math.floor(left / size);
  }
  return { from, to };
}

function copyPlane(
  source: Float32Array,
  from: number,
  result: Float32Array,
  to: number,
  row: Axis,
  inner: Axis,
): void {
  const { size: columns, stride } = inner;
  for (let r0 = 0; r0 < row.size; r0 += block) {
    const r1 = Math.min(r0 + block, row.size);
    for (let c0 = 0; c0 < columns; c0 += block) {
      const c1 = Math.min(c0 + block, columns);
      for (let r = r0; r < r1; r += 1) {
        let s = from + r * row.stride + c0 * stride;
        const start = to + r * row.step;
        for (let d = start + c0; d < start + c1; d += 1, s += stride) {
          result[d] = source[s] as number;
        }
      }
    }
  }
}
