/**
 * Pillow's resampling weights in fixed point. Source: Pillow 13.0 `src/libImaging/Resample.c`:
 * `precompute_coeffs` and `normalize_coeffs_8bpc`; the arithmetic is repeated step by step in doubles.
 */

import { createTableCache } from './table-cache.ts';

/** 32 bits less 8 of the sample less 2 for weights that overshoot. */
export const precisionBits = 32 - 8 - 2;

interface Filter {
  /** Half the filter's width in source pixels at scale one. */
  readonly support: number;
  readonly weight: (distance: number) => number;
}

/** a = −0.5. */
function cubicWeight(distance: number): number {
  const a = -0.5;
  const x = Math.abs(distance);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

function triangleWeight(distance: number): number {
  const x = Math.abs(distance);
  return x < 1 ? 1 - x : 0;
}

const filters = {
  bilinear: { support: 1, weight: triangleWeight },
  bicubic: { support: 2, weight: cubicWeight },
} satisfies Record<string, Filter>;

export type SmoothFilter = keyof typeof filters;

/** The inner loops take so many taps at a time; a table's taps are a multiple of it. */
export const tapGroup = 4;

/**
 * Output pixel i is made of `taps` source pixels from `starts[i]`, weighted by `weights[i * taps ...]`.
 * Every output has the same number of taps; those that it does not need weigh nothing. `taps` may pass
 * the source's size by up to three: the source is then padded.
 */
export interface Coefficients {
  readonly taps: number;
  readonly starts: Int32Array;
  readonly weights: Int32Array;
}

/** One axis: `from` … `from + count` of the `out` pixels that `size` source pixels are scaled to. */
export interface Axis {
  readonly size: number;
  readonly out: number;
  readonly from: number;
  readonly count: number;
}

const cache = createTableCache<Coefficients>();

export function coefficientsFor(axis: Axis, filter: SmoothFilter): Coefficients {
  const key = `${filter} ${axis.size} ${axis.out} ${axis.from} ${axis.count}`;
  return cache.get(key, () => computeCoefficients(axis, filters[filter]));
}

function computeCoefficients(axis: Axis, filter: Filter): Coefficients {
  const { count } = axis;
  const rows = Array.from({ length: count }, (_, i) => weightsOf(axis, filter, axis.from + i));
  const widest = rows.reduce((most, { weights }) => Math.max(most, weights.length), 0);
  const taps = Math.ceil(widest / tapGroup) * tapGroup;
  const table = { taps, starts: new Int32Array(count), weights: new Int32Array(count * taps) };
  rows.forEach(({ start, weights }, i) => {
    table.starts[i] = Math.max(Math.min(start, axis.size - taps), 0);
    table.weights.set(weights, i * taps + start - (table.starts[i] as number));
  });
  return table;
}

/** Pillow's weights of output pixel `i`, for source pixels from `start`. */
function weightsOf(axis: Axis, filter: Filter, i: number): { start: number; weights: Int32Array } {
  const scale = axis.size / axis.out;
  const filterScale = Math.max(scale, 1);
  const support = filter.support * filterScale;
  const center = (i + 0.5) * scale;
  const start = Math.max(Math.trunc(center - support + 0.5), 0);
  const count = Math.min(Math.trunc(center + support + 0.5), axis.size) - start;
  const raw = new Float64Array(count);
  for (let k = 0; k < count; k++)
    raw[k] = filter.weight((k + start - center + 0.5) * (1 / filterScale));
  return { start, weights: toFixedPoint(raw) };
}

function toFixedPoint(raw: Float64Array): Int32Array {
  const total = raw.reduce((sum, weight) => sum + weight, 0);
  return Int32Array.from(raw, (weight) => {
    const share = total === 0 ? weight : weight / total;
    return Math.trunc((share < 0 ? -0.5 : 0.5) + share * (1 << precisionBits));
  });
}
