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

/** For output pixel i: `counts[i]` source pixels from `starts[i]`, weighted by `weights[i * taps ...]`. */
export interface Coefficients {
  readonly taps: number;
  readonly starts: Int32Array;
  readonly counts: Int32Array;
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
  const scale = axis.size / axis.out;
  const filterScale = Math.max(scale, 1);
  const support = filter.support * filterScale;
  const taps = Math.ceil(support) * 2 + 1;
  const starts = new Int32Array(axis.count);
  const counts = new Int32Array(axis.count);
  const weights = new Int32Array(axis.count * taps);
  for (let i = 0; i < axis.count; i++) {
    const center = (axis.from + i + 0.5) * scale;
    const start = Math.max(Math.trunc(center - support + 0.5), 0);
    const count = Math.min(Math.trunc(center + support + 0.5), axis.size) - start;
    starts[i] = start;
    counts[i] = count;
    const at = (k: number): number => filter.weight((k + start - center + 0.5) * (1 / filterScale));
    writeWeights(weights.subarray(i * taps, i * taps + count), at);
  }
  return { taps, starts, counts, weights };
}

function writeWeights(into: Int32Array, weightAt: (k: number) => number): void {
  const raw = Float64Array.from(into, (_, k) => weightAt(k));
  const total = raw.reduce((sum, weight) => sum + weight, 0);
  for (let k = 0; k < into.length; k++) {
    const share = total === 0 ? (raw[k] ?? 0) : (raw[k] ?? 0) / total;
    into[k] = Math.trunc((share < 0 ? -0.5 : 0.5) + share * (1 << precisionBits));
  }
}
