/**
 * What a StridedSlice takes: its begin, end and strides with five bit masks, as one range for each axis.
 * Source: tensorflow/core/util/strided_slice_op.cc.
 */

import { InvalidModelError } from '../../problems.ts';
import type { Operation } from '../evaluate/operation.ts';

export interface SliceRange {
  readonly axis: number;
  readonly start: number;
  readonly end: number;
  readonly step: number;
  /** The whole axis, in its order. */
  readonly isWhole: boolean;
}

export interface SlicePlan {
  readonly ranges: readonly SliceRange[];
  /** The sizes that are left become the result's shape: axes dropped and added. */
  reshape<T>(taken: readonly T[]): (T | 1)[];
  readonly changesRank: boolean;
}

/** `shape` has null for open sizes: there, an end that counts from the front stays as it is. */
export function planSlice(
  operation: Operation,
  shape: readonly (number | null)[],
  begin: readonly number[],
  end: readonly number[],
  strides: readonly number[],
): SlicePlan {
  const bit = (key: string, i: number): boolean => ((operation.int(key, 0) >> i) & 1) === 1;
  const ranges: SliceRange[] = [];
  const layout: (number | 'new')[] = [];
  const specs = begin.length;
  const added = begin.filter((_, i) => bit('new_axis_mask', i) && !bit('ellipsis_mask', i)).length;
  let axis = 0;
  const takeWhole = (count: number): void => {
    for (let i = 0; i < count; i += 1, axis += 1) {
      ranges.push({
        axis,
        start: 0,
        end: shape[axis] ?? Number.MAX_SAFE_INTEGER,
        step: 1,
        isWhole: true,
      });
      layout.push(axis);
    }
  };
  for (let i = 0; i < specs; i += 1) {
    if (bit('ellipsis_mask', i)) {
      const after = begin.slice(i + 1).filter((_, k) => !bit('new_axis_mask', i + 1 + k)).length;
      takeWhole(shape.length - axis - after);
    } else if (bit('new_axis_mask', i)) {
      layout.push('new');
    } else {
      if (axis >= shape.length)
        throw new InvalidModelError(operation.place, `it slices axis ${axis} of ${shape.length}`);
      const isShrunk = bit('shrink_axis_mask', i);
      ranges.push(
        rangeOf(axis, shape[axis] ?? null, {
          start: bit('begin_mask', i) && !isShrunk ? undefined : begin[i],
          end: bit('end_mask', i) ? undefined : end[i],
          step: strides[i] ?? 1,
          isShrunk,
        }),
      );
      if (!isShrunk) layout.push(axis);
      axis += 1;
    }
  }
  takeWhole(shape.length - axis);
  const changesRank = added > 0 || layout.length !== shape.length;
  const reshape = <T>(taken: readonly T[]): (T | 1)[] =>
    layout.map((entry) => (entry === 'new' ? 1 : (taken[entry] as T)));
  return { ranges, reshape, changesRank };
}

interface Spec {
  readonly start: number | undefined;
  readonly end: number | undefined;
  readonly step: number;
  readonly isShrunk: boolean;
}

const far = Number.MAX_SAFE_INTEGER;

function rangeOf(axis: number, size: number | null, spec: Spec): SliceRange {
  const { step, isShrunk } = spec;
  if (isShrunk) {
    const at = spec.start ?? 0;
    const start = size !== null && at < 0 ? at + size : at;
    return { axis, start, end: start === -1 ? far : start + 1, step: 1, isWhole: false };
  }
  if (size === null) {
    const start = spec.start ?? (step > 0 ? 0 : far);
    const end = spec.end ?? (step > 0 ? far : -far);
    return { axis, start, end, step, isWhole: start === 0 && end === far && step === 1 };
  }
  const clamp = (value: number): number => {
    const positive = value < 0 ? value + size : value;
    return step > 0
      ? Math.min(Math.max(positive, 0), size)
      : Math.min(Math.max(positive, -1), size - 1);
  };
  const start = spec.start === undefined ? (step > 0 ? 0 : size - 1) : clamp(spec.start);
  const end = spec.end === undefined ? (step > 0 ? size : -1) : clamp(spec.end);
  return { axis, start, end, step, isWhole: start === 0 && end === size && step === 1 };
}
