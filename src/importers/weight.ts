/**
 * Weights that are still in the file: known by shape, read when they are written into the ONNX file, one
 * after the other, and turned (permuted, cast) on the way.
 */

import type { LazyBytes } from '../onnx/protobuf-writer.ts';
import { permute, permuteInParts } from './permute.ts';

/** FP32 after reading, whatever the file has: models are computed in FP32. */
export interface Weight {
  /** Where it is, for messages. */
  readonly place: string;
  readonly shape: readonly number[];
  /** The elements in C order; a new array each time, or a view of one that is not changed. */
  read(): Float32Array;
  /** The same one part after the other, each good until the next one is asked for. */
  parts?(): Iterable<Float32Array>;
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
  return {
    place: weight.place,
    shape: axes.map((axis) => weight.shape[axis] ?? 0),
    read: () => permute(weight.read(), weight.shape, axes),
    parts: () => permuteInParts(weight.read(), weight.shape, axes),
  };
}

/** The same shape, other values: `change` may work in place on the array it gets. */
export function mapWeight(
  weight: Weight,
  change: (values: Float32Array) => Float32Array,
  shape: readonly number[] = weight.shape,
): Weight {
  return { place: weight.place, shape, read: () => change(weight.read().slice()) };
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
      for (const { buffer, byteOffset, byteLength } of weight.parts?.() ?? [weight.read()]) {
        yield new Uint8Array(buffer, byteOffset, byteLength);
      }
    },
  };
}
