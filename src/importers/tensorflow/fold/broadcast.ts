/** Elementwise work on known numbers, with TensorFlow's broadcasting (numpy's). */

import { InvalidModelError } from '../../problems.ts';
import type { Constant } from '../constant.ts';
import { checkMade, constantOf, countOf } from '../constant.ts';
import type { DataType } from '../data-types.ts';
import { stridesOf } from '../permute.ts';

/** The shape that shapes have together. Throws InvalidModelError where they do not fit. */
export function broadcastShapes(shapes: readonly (readonly number[])[], place: string): number[] {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    const sizes = shapes.map((shape) => shape[axis - rank + shape.length] ?? 1);
    const size = sizes.find((candidate) => candidate !== 1) ?? 1;
    if (sizes.every((candidate) => candidate === 1 || candidate === size)) return size;
    const texts = shapes.map((shape) => `[${shape.join(', ')}]`).join(' and ');
    throw new InvalidModelError(place, `the shapes ${texts} do not fit together`);
  });
}

/** For each element of `shape`, the position of the element of `from` that is meant. */
function positions(from: readonly number[], shape: readonly number[]): (index: number) => number {
  if (countOf(from) === 1) return () => 0;
  if (from.length === shape.length && from.every((size, i) => size === shape[i])) return (i) => i;
  const strides = stridesOf(from);
  const outer = stridesOf(shape);
  const missing = shape.length - from.length;
  return (index) => {
    let left = index;
    let at = 0;
    for (let axis = 0; axis < shape.length; axis += 1) {
      const stride = outer[axis] as number;
      const here = Math.floor(left / stride);
      left -= here * stride;
      if (axis >= missing && (from[axis - missing] as number) > 1) {
        at += here * (strides[axis - missing] as number);
      }
    }
    return at;
  };
}

/** `compute` of the elements of each constant, element by element. */
export function mapElements(
  constants: readonly Constant[],
  type: DataType,
  place: string,
  compute: (...values: number[]) => number,
): Constant {
  const shape = broadcastShapes(
    constants.map((constant) => constant.shape),
    place,
  );
  const count = countOf(shape);
  checkMade({ bytes: Float64Array.BYTES_PER_ELEMENT }, count, place);
  const sources = constants.map((constant) => ({
    array: constant.read(),
    at: positions(constant.shape, shape),
  }));
  const values = new Float64Array(count);
  const element = (k: number, i: number): number => {
    const { array, at } = sources[k] as (typeof sources)[number];
    return Number(array[at(i)] ?? 0);
  };
  if (sources.length === 1) for (let i = 0; i < count; i += 1) values[i] = compute(element(0, i));
  else if (sources.length === 2) {
    for (let i = 0; i < count; i += 1) values[i] = compute(element(0, i), element(1, i));
  } else {
    for (let i = 0; i < count; i += 1) values[i] = compute(...sources.map((_, k) => element(k, i)));
  }
  return constantOf(type, shape, values, place);
}
