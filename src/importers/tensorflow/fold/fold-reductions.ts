/** Reductions, computed ahead where all their inputs are known. */

import type { Constant } from '../constant.ts';
import { constantOf, countOf, doublesOf, listOf } from '../constant.ts';
import { stridesOf } from '../permute.ts';
import type { Folder } from './fold.ts';
import { normalAxis } from './fold-shapes.ts';

interface Reduction {
  readonly start: number;
  readonly add: (sum: number, value: number) => number;
  readonly end?: (sum: number, count: number) => number;
}

const reduce =
  ({ start, add, end = (sum) => sum }: Reduction): Folder =>
  (operation, [input, axesInput]) => {
    const { shape, type } = input as Constant;
    const axes = new Set(
      listOf(axesInput as Constant).map((axis) => normalAxis(axis, shape.length, operation.place)),
    );
    const kept = shape.map((size, axis) => (axes.has(axis) ? 1 : size));
    const sums = new Float64Array(countOf(kept)).fill(start);
    const strides = stridesOf(shape);
    const keptStrides = stridesOf(kept).map((stride, axis) => (axes.has(axis) ? 0 : stride));
    doublesOf(input as Constant).forEach((value, i) => {
      let at = 0;
      for (let axis = 0; axis < shape.length; axis += 1) {
        const index = Math.floor(i / (strides[axis] as number)) % (shape[axis] as number);
        at += index * (keptStrides[axis] as number);
      }
      sums[at] = add(sums[at] as number, value);
    });
    const count = countOf(shape) / Math.max(sums.length, 1);
    const keeps = operation.bool('keep_dims', false);
    const to = keeps ? kept : shape.filter((_, axis) => !axes.has(axis));
    return constantOf(
      type,
      to,
      sums.map((sum) => end(sum, count)),
      operation.place,
    );
  };

export const reductionFolders: Readonly<Record<string, Folder>> = {
  Sum: reduce({ start: 0, add: (sum, value) => sum + value }),
  Prod: reduce({ start: 1, add: (product, value) => product * value }),
  Mean: reduce({ start: 0, add: (sum, value) => sum + value, end: (sum, count) => sum / count }),
  Max: reduce({ start: Number.NEGATIVE_INFINITY, add: Math.max }),
  Min: reduce({ start: Number.POSITIVE_INFINITY, add: Math.min }),
  All: reduce({ start: 1, add: (all, value) => (all !== 0 && value !== 0 ? 1 : 0) }),
  Any: reduce({ start: 0, add: (any, value) => (any !== 0 || value !== 0 ? 1 : 0) }),
};
