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

/** Elements that are computed together: so many doubles of each input are made at a time. */
const runElements = 65_536;

/** Fills in the doubles that a constant has from element `start` of `shape` on, repeated to that shape. */
function spreader(
  constant: Constant,
  shape: readonly number[],
): (start: number, into: Float64Array) => void {
  const numbers = doublesOf(constant);
  const from = constant.shape;
  if (numbers.length === 1) return (_, into) => into.fill(numbers[0] as number);
  if (from.length === shape.length && from.every((size, i) => size === shape[i])) {
    return (start, into) => into.set(numbers.subarray(start, start + into.length));
  }
  const position = positions(from, shape);
  return (start, into) => {
    for (let i = 0; i < into.length; i += 1) into[i] = numbers[position(start + i)] as number;
  };
}

/** For each element of `shape`, the position of the element of `from` that is meant. */
function positions(from: readonly number[], shape: readonly number[]): (index: number) => number {
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

type Compute = (...values: number[]) => number;

/** `compute` of the elements of each constant, element by element. */
export function mapElements(
  constants: readonly Constant[],
  type: DataType,
  place: string,
  compute: Compute,
): Constant {
  const shape = broadcastShapes(
    constants.map((constant) => constant.shape),
    place,
  );
  const count = countOf(shape);
  checkMade({ bytes: Float64Array.BYTES_PER_ELEMENT }, count, place);
  const spreaders = constants.map((constant) => spreader(constant, shape));
  const values = new Float64Array(count);
  for (let start = 0; start < count; start += runElements) {
    const run = values.subarray(start, start + runElements);
    const sources = spreaders.map((spread) => {
      const source = new Float64Array(run.length);
      spread(start, source);
      return source;
    });
    computeRun(sources, run, compute);
  }
  return constantOf(type, shape, values, place);
}

function computeRun(sources: readonly Float64Array[], into: Float64Array, compute: Compute): void {
  const [a, b] = sources;
  if (!a || sources.length > 2) {
    for (let i = 0; i < into.length; i += 1) {
      into[i] = compute(...sources.map((source) => source[i] as number));
    }
  } else if (!b) for (let i = 0; i < into.length; i += 1) into[i] = compute(a[i] as number);
  else for (let i = 0; i < into.length; i += 1) into[i] = compute(a[i] as number, b[i] as number);
}
