/** Operators that move elements about, computed ahead where all their inputs are known. */

import { InvalidModelError } from '../../problems.ts';
import type { Constant } from '../constant.ts';
import {
  checkMade,
  constantOf,
  countOf,
  listOf,
  makeNumbers,
  reshapeConstant,
  storedConstant,
} from '../constant.ts';
import type { DataType, Numbers } from '../data-types.ts';
import { dataType } from '../data-types.ts';
import type { Operation } from '../evaluate/operation.ts';
import { planSlice } from '../ops/slice-plan.ts';
import { permuteNumbers, stridesOf } from '../permute.ts';
import { mapElements } from './broadcast.ts';
import type { Folder } from './fold.ts';

const first = (constants: readonly Constant[]): Constant => constants[0] as Constant;

/** Axes that count from the end, made to count from the beginning. */
export function normalAxis(axis: number, rank: number, place: string): number {
  const normal = axis < 0 ? axis + rank : axis;
  if (normal >= 0 && normal < Math.max(rank, 1)) return normal;
  throw new InvalidModelError(place, `it has no axis ${axis} among ${rank}`);
}

/** `count` pieces of an array of any type of numbers, each from `start(i)`, `length` long. */
function gatherRuns(
  source: Numbers,
  type: DataType,
  count: number,
  length: number,
  start: (i: number) => number,
  place: string,
): Numbers {
  const result = makeNumbers(type, count * length, place);
  for (let i = 0; i < count; i += 1) {
    const from = start(i);
    result.set(source.subarray(from, from + length) as never, i * length);
  }
  return result;
}

const reshape: Folder = (operation, [input, shape]) => {
  const constant = input as Constant;
  return reshapeConstant(
    constant,
    fillIn(listOf(shape as Constant), countOf(constant.shape), operation.place),
  );
};

/** A target shape with its -1 replaced. */
export function fillIn(target: readonly number[], count: number, place: string): number[] {
  const known = target.filter((size) => size !== -1).reduce((product, size) => product * size, 1);
  const shape = target.map((size) => (size === -1 ? Math.floor(count / Math.max(known, 1)) : size));
  if (countOf(shape) === count) return shape;
  throw new InvalidModelError(
    place,
    `${count} elements cannot have the shape [${target.join(', ')}]`,
  );
}

const squeeze: Folder = (operation, constants) => {
  const { shape } = first(constants);
  const axes = squeezedAxes(operation, shape);
  return reshapeConstant(
    first(constants),
    shape.filter((_, axis) => !axes.includes(axis)),
  );
};

/** The axes that Squeeze drops; sizes that are open are never dropped unless they are named. */
export function squeezedAxes(operation: Operation, shape: readonly (number | null)[]): number[] {
  const axes = operation.attribute('squeeze_dims')?.ints ?? operation.ints('axis', []);
  if (axes.length > 0) return axes.map((axis) => normalAxis(axis, shape.length, operation.place));
  return shape.flatMap((size, axis) => (size === 1 ? [axis] : []));
}

const expandDims: Folder = ({ place }, [input, axisInput]) => {
  const { shape } = input as Constant;
  const axis = normalAxis(listOf(axisInput as Constant)[0] ?? 0, shape.length + 1, place);
  return reshapeConstant(input as Constant, [...shape.slice(0, axis), 1, ...shape.slice(axis)]);
};

const transpose: Folder = (_, [input, order]) => {
  const { type, shape, place } = input as Constant;
  const perm = listOf(order as Constant);
  const to = perm.map((axis) => shape[axis] ?? 1);
  return storedConstant(type, to, place, () =>
    permuteNumbers((input as Constant).read(), shape, perm),
  );
};

/** Joins arrays along an axis that all of them have. */
export function concatConstants(parts: readonly Constant[], axis: number, place: string): Constant {
  const { shape, type } = first(parts);
  const outer = countOf(shape.slice(0, axis));
  const inner = countOf(shape.slice(axis + 1));
  const length = parts.reduce((sum, part) => sum + (part.shape[axis] ?? 0), 0);
  const to = shape.map((size, i) => (i === axis ? length : size));
  const result = makeNumbers(type, countOf(to), place);
  let done = 0;
  for (const part of parts) {
    const run = (part.shape[axis] ?? 0) * inner;
    const numbers = part.read();
    for (let i = 0; i < outer; i += 1) {
      const piece = numbers.subarray(i * run, (i + 1) * run);
      result.set(piece as never, i * length * inner + done);
    }
    done += run;
  }
  return storedConstant(type, to, place, () => result);
}

const pack: Folder = (operation, constants) => {
  const { shape } = first(constants);
  const axis = normalAxis(operation.int('axis', 0), shape.length + 1, operation.place);
  const wide = [...shape.slice(0, axis), 1, ...shape.slice(axis)];
  return concatConstants(
    constants.map((constant) => reshapeConstant(constant, wide)),
    axis,
    operation.place,
  );
};

const concat: Folder = ({ place }, constants) => {
  const parts = constants.slice(0, -1);
  const axis = listOf(constants.at(-1) as Constant)[0] ?? 0;
  return concatConstants(parts, normalAxis(axis, first(parts).shape.length, place), place);
};

/** Elements `from` to `to` (not included) along an axis. */
export function sliceConstant(
  constant: Constant,
  axis: number,
  from: number,
  to: number,
): Constant {
  const { shape, type, place } = constant;
  const inner = countOf(shape.slice(axis + 1));
  const size = shape[axis] ?? 0;
  const outer = countOf(shape.slice(0, axis));
  const start = (i: number): number => (i * size + from) * inner;
  const result = gatherRuns(constant.read(), type, outer, (to - from) * inner, start, place);
  return storedConstant(
    type,
    shape.map((dim, i) => (i === axis ? to - from : dim)),
    place,
    () => result,
  );
}

const unpack: Folder = (operation, constants) => {
  const { shape } = first(constants);
  const axis = normalAxis(operation.int('axis', 0), shape.length, operation.place);
  const rest = shape.filter((_, i) => i !== axis);
  return Array.from({ length: shape[axis] ?? 0 }, (_, i) =>
    reshapeConstant(sliceConstant(first(constants), axis, i, i + 1), rest),
  );
};

const split: Folder = (operation, [axisInput, input]) => {
  const constant = input as Constant;
  const axis = normalAxis(
    listOf(axisInput as Constant)[0] ?? 0,
    constant.shape.length,
    operation.place,
  );
  const count = operation.int('num_split', 1);
  const size = Math.floor((constant.shape[axis] ?? 0) / count);
  return Array.from({ length: count }, (_, i) =>
    sliceConstant(constant, axis, i * size, (i + 1) * size),
  );
};

const slice: Folder = ({ place }, [input, begin, size]) => {
  const constant = input as Constant;
  const from = listOf(begin as Constant);
  return listOf(size as Constant).reduce((part, count, axis) => {
    const start = from[axis] ?? 0;
    const end = count === -1 ? (constant.shape[axis] ?? 0) : start + count;
    if (end > (constant.shape[axis] ?? 0))
      throw new InvalidModelError(place, 'it reaches beyond its input');
    return sliceConstant(part, axis, start, end);
  }, constant);
};

const stridedSlice: Folder = (operation, [input, begin, end, strides]) => {
  const { type, shape, place } = input as Constant;
  const lists = [begin, end, strides].map((list) => listOf(list as Constant));
  const plan = planSlice(operation, shape, lists[0] ?? [], lists[1] ?? [], lists[2] ?? []);
  const indices = plan.ranges.map(({ start, end: stop, step }) => indicesOf(start, stop, step));
  const inStrides = stridesOf(shape);
  const taken = indices.map((list) => list.length);
  const source = (input as Constant).read();
  const result = makeNumbers(type, countOf(taken), place);
  const outStrides = stridesOf(taken);
  for (let i = 0; i < result.length; i += 1) {
    let at = 0;
    for (let axis = 0; axis < taken.length; axis += 1) {
      const k = Math.floor(i / (outStrides[axis] ?? 1)) % (taken[axis] ?? 1);
      at += ((indices[axis] as number[])[k] ?? 0) * (inStrides[axis] ?? 1);
    }
    result[i] = source[at] as never;
  }
  return storedConstant(type, plan.reshape(taken) as number[], place, () => result);
};

function indicesOf(start: number, end: number, step: number): number[] {
  const list: number[] = [];
  for (let i = start; step > 0 ? i < end : i > end; i += step) list.push(i);
  return list;
}

const gather: Folder = (operation, [input, indices, axisInput]) => {
  if (operation.int('batch_dims', 0) !== 0) return undefined;
  const { shape, type, place } = input as Constant;
  const at = listOf(indices as Constant);
  const axis = normalAxis(
    axisInput ? (listOf(axisInput)[0] ?? 0) : 0,
    shape.length,
    operation.place,
  );
  const inner = countOf(shape.slice(axis + 1));
  const outer = countOf(shape.slice(0, axis));
  const size = shape[axis] ?? 0;
  if (at.some((i) => !(i >= 0 && i < size)))
    throw new InvalidModelError(operation.place, 'an index is out of range');
  const start = (i: number): number =>
    (Math.floor(i / at.length) * size + (at[i % at.length] ?? 0)) * inner;
  const to = [...shape.slice(0, axis), ...(indices as Constant).shape, ...shape.slice(axis + 1)];
  const source = (input as Constant).read();
  const result = gatherRuns(source, type, outer * at.length, inner, start, place);
  return storedConstant(type, to, place, () => result);
};

const fill: Folder = ({ place }, [shape, value]) => {
  const constant = value as Constant;
  const to = listOf(shape as Constant);
  checkMade(constant.type, countOf(to), place);
  return storedConstant(constant.type, to, place, () => {
    const numbers = makeNumbers(constant.type, countOf(to), place);
    return numbers.fill(constant.read()[0] as never);
  });
};

const range: Folder = ({ place }, constants) => {
  const [start = 0, limit = 0, delta = 1] = constants.map((constant) => listOf(constant)[0] ?? 0);
  const count = Math.max(0, Math.ceil((limit - start) / delta));
  const { type } = first(constants);
  makeNumbers(type, count, place);
  return constantOf(
    type,
    [count],
    Float64Array.from({ length: count }, (_, i) => start + i * delta),
    place,
  );
};

const tile: Folder = ({ place }, [input, multiples]) =>
  listOf(multiples as Constant).reduce(
    (part, times, axis) =>
      times === 1
        ? part
        : concatConstants(new Array<Constant>(boundedTimes(times, place)).fill(part), axis, place),
    input as Constant,
  );

function boundedTimes(times: number, place: string): number {
  if (times >= 1 && times <= 65_536) return times;
  throw new InvalidModelError(place, `it repeats its input ${times} times`);
}

const broadcastTo: Folder = ({ place }, [input, shape]) => {
  const constant = input as Constant;
  const like = constantOf(constant.type, [], [0], place);
  const to = listOf(shape as Constant);
  makeNumbers(constant.type, countOf(to), place);
  return mapElements(
    [constant, { ...like, shape: to, read: () => makeNumbers(like.type, countOf(to), place) }],
    constant.type,
    place,
    (a = 0) => a,
  );
};

const invert: Folder = ({ place }, [input]) => {
  const { type, shape } = input as Constant;
  const inverse = new Float64Array(countOf(shape));
  listOf(input as Constant).forEach((to, from) => {
    inverse[to] = from;
  });
  return constantOf(type, shape, inverse, place);
};

const outType = (operation: Operation): DataType => operation.type('out_type', 'int32');

export const shapeFolders: Readonly<Record<string, Folder>> = {
  Reshape: reshape,
  Squeeze: squeeze,
  ExpandDims: expandDims,
  Transpose: transpose,
  Pack: pack,
  ConcatV2: concat,
  Unpack: unpack,
  Split: split,
  Slice: slice,
  StridedSlice: stridedSlice,
  Gather: gather,
  GatherV2: gather,
  Fill: fill,
  Range: range,
  Tile: tile,
  BroadcastTo: broadcastTo,
  InvertPermutation: invert,
  Shape: (operation, [input]) =>
    constantOf(outType(operation), [(input as Constant).shape.length], (input as Constant).shape),
  Size: (operation, [input]) =>
    constantOf(outType(operation), [], [countOf((input as Constant).shape)]),
  Rank: (_, [input]) => constantOf(dataType('int32'), [], [(input as Constant).shape.length]),
};
