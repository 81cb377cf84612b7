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
  /** Elements from one index to the next in the source. */
  readonly stride: number;
}

/** The axes of the result, neighbours that stay neighbours taken as one: HWIO → OIHW has two. */
function axesOf(shape: readonly number[], order: readonly number[]): Axis[] {
  const strides = shape.map((_, i) => countOf(shape.slice(i + 1)));
  const axes: { size: number; stride: number }[] = [];
  for (const i of order) {
    const size = shape[i] ?? 0;
    const stride = strides[i] ?? 0;
    const last = axes.at(-1);
    if (size === 1) continue;
    if (last && last.stride === stride * size)
      Object.assign(last, { size: last.size * size, stride });
    else axes.push({ size, stride });
  }
  return axes;
}

/** Squares of this side stay in the processor's cache while they are turned. */
const block = 32;

/** Copies with the axes in another order. */
export function permute(
  source: Float32Array,
  shape: readonly number[],
  order: readonly number[],
): Float32Array {
  const result = new Float32Array(source.length);
  const axes = axesOf(shape, order);
  const inner = axes.pop() ?? { size: source.length === 0 ? 0 : 1, stride: 1 };
  const row = axes.pop() ?? { size: 1, stride: 0 };
  const outer = axes.reduce((count, { size }) => count * size, 1);
  for (let i = 0; i < outer; i += 1) {
    copyPlane(source, offsetOf(i, axes), result, i * row.size * inner.size, row, inner);
  }
  return result;
}

/** Where the plane of that running number begins in the source. */
function offsetOf(index: number, axes: readonly Axis[]): number {
  let left = index;
  let offset = 0;
  for (let a = axes.length - 1; a >= 0; a -= 1) {
    const { size, stride } = axes[a] as Axis;
    offset += (left % size) * stride;
    left = Math.floor(left / size);
  }
  return offset;
}

function copyPlane(
  source: Float32Array,
  from: number,
  result: Float32Array,
  to: number,
  row: Axis,
  inner: Axis,
): void {
  for (let r0 = 0; r0 < row.size; r0 += block) {
    const r1 = Math.min(r0 + block, row.size);
    for (let c0 = 0; c0 < inner.size; c0 += block) {
      const c1 = Math.min(c0 + block, inner.size);
      for (let r = r0; r < r1; r += 1) {
        let s = from + r * row.stride + c0 * inner.stride;
        const end = to + r * inner.size + c1;
        for (let d = to + r * inner.size + c0; d < end; d += 1, s += inner.stride) {
          result[d] = source[s] as number;
        }
      }
    }
  }
}
