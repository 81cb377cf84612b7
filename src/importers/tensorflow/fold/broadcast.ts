/** Elementwise work on known numbers, with TensorFlow's broadcasting (numpy's). */

import { InvalidModelError } from '../../problems.ts';
import type { Constant } from '../constant.ts';
import { checkMade, constantOf, countOf, doublesOf } from '../constant.ts';
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

/** The elements as doubles, repeated to that shape. */
function spread(constant: Constant, shape: readonly number[]): Float64Array {
  const numbers = doublesOf(constant);
  const from = constant.shape;
  if (from.length === shape.length && from.every((size, i) => size === shape[i])) return numbers;
  const result = new Float64Array(countOf(shape));
  if (numbers.length === 1) return result.fill(numbers[0] as number);
  const strides = stridesOf(from);
  const outer = stridesOf(shape);
  const missing = shape.length - from.length;
  for (let i = 0; i < result.length; i += 1) {
    let left = i;
    let at = 0;
    for (let axis = 0; axis < shape.length; axis += 1) {
      const stride = outer[axis] as number;
      const here = Math.floor(left / stride);
      left -= here * stride;
      if (axis >= missing && (from[axis - missing] as number) > 1) {
        at += here * (strides[axis - missing] as number);
      }
    }
    result[i] = numbers[at] as number;
  }
  return result;
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
  checkMade({ bytes: Float64Array.BYTES_PER_ELEMENT * (1 + constants.length) }, count, place);
  const sources = constants.map((constant) => spread(constant, shape));
  const [a, b] = sources;
  const values = new Float64Array(count);
  if (!a || sources.length > 2) {
    for (let i = 0; i < count; i += 1) {
      values[i] = compute(...sources.map((source) => source[i] as number));
    }
  } else if (!b) for (let i = 0; i < count; i += 1) values[i] = compute(a[i] as number);
  else for (let i = 0; i < count; i += 1) values[i] = compute(a[i] as number, b[i] as number);
  return constantOf(type, shape, values, place);
}
