/**
 * Elements with their axes in another order: kernels from HWIO to OIHW, matrices. Whole, or in parts of
 * the result that are made when they are written.
 */

import { elementCount } from '../tensor/tensor.ts';

interface Axis {
  readonly size: number;
  /** Elements from one index to the next in the source, and in the result. */
  readonly stride: number;
  readonly step: number;
}

const single: Axis = { size: 1, stride: 0, step: 1 };

/** The axes of the result, neighbours that stay neighbours taken as one: HWIO → OIHW has three. */
function axesOf(shape: readonly number[], order: readonly number[]): Axis[] {
  const strides = shape.map((_, i) => elementCount(shape.slice(i + 1)));
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

/** Rows that are copied together: their beginnings stay in the processor's cache while they grow. */
const block = 32;

/** Axes as in numpy's transpose: axis i of the result is axis `order[i]` of the source. */
export function permute(
  source: Float32Array,
  shape: readonly number[],
  order: readonly number[],
): Float32Array {
  const result = new Float32Array(source.length);
  if (source.length > 0) copyAxes(source, 0, result, axesOf(shape, order));
  return result;
}

/** Bytes of one part, roughly: it is written from the processor's cache. */
const partBytes = 2 ** 18;

/**
 * The same in parts that follow each other. They share their memory: each is good until the next one is
 * asked for.
 */
export function* permuteInParts(
  source: Float32Array,
  shape: readonly number[],
  order: readonly number[],
): Iterable<Float32Array> {
  if (source.length === 0) return;
  const [first = single, ...rest] = axesOf(shape, order);
  const blocks = Math.floor(partBytes / (block * first.step * source.BYTES_PER_ELEMENT));
  const most = block * Math.max(blocks, 1);
  const part = new Float32Array(Math.min(most, first.size) * first.step);
  for (let at = 0; at < first.size; at += most) {
    const size = Math.min(most, first.size - at);
    copyAxes(source, at * first.stride, part, [{ ...first, size }, ...rest]);
    yield part.subarray(0, size * first.step);
  }
}

/**
 * Copies in planes of two axes: the one that lies together in the result and, of the others, the one that
 * lies closest together in the source.
 */
function copyAxes(
  source: Float32Array,
  start: number,
  result: Float32Array,
  all: readonly Axis[],
): void {
  const axes = [...all];
  const inner = axes.pop() ?? single;
  const nearest = axes.reduce(
    (best, axis, i) => (axis.stride < (axes[best]?.stride ?? 0) ? i : best),
    0,
  );
  const [row = single] = axes.splice(nearest, 1);
  const outer = axes.reduce((count, { size }) => count * size, 1);
  for (let r = 0; r < row.size; r += block) {
    const size = Math.min(block, row.size - r);
    for (let i = 0; i < outer; i += 1) {
      const { from, to } = placeOf(i, axes);
      const place = { from: start + from + r * row.stride, to: to + r * row.step };
      copyRows(source, result, place, { ...row, size }, inner);
    }
  }
}

interface Place {
  /** Elements before it in the source, and in the result. */
  readonly from: number;
  readonly to: number;
}

/** Where the plane of that running number begins. */
function placeOf(index: number, axes: readonly Axis[]): Place {
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

/** Four columns at a time: each is read along the source's rows, and four elements written together. */
function copyRows(
  source: Float32Array,
  result: Float32Array,
  { from, to }: Place,
  row: Axis,
  { size: columns, stride }: Axis,
): void {
  const end = to + row.size * row.step;
  let column = 0;
  for (; column + 4 <= columns; column += 4) {
    let s = from + column * stride;
    for (let d = to + column; d < end + column; d += row.step, s += row.stride) {
      result[d] = source[s] as number;
      result[d + 1] = source[s + stride] as number;
      result[d + 2] = source[s + 2 * stride] as number;
      result[d + 3] = source[s + 3 * stride] as number;
    }
  }
  for (; column < columns; column += 1) {
    let s = from + column * stride;
    for (let d = to + column; d < end + column; d += row.step, s += row.stride) {
      result[d] = source[s] as number;
    }
  }
}
