/**
 * `torch.nn.functional.interpolate(mode=bilinear|bicubic, align_corners=False, antialias=False)` in
 * single precision. Source: torch 2.8 `aten/src/ATen/native/UpSample.h` and `cpu/UpSampleKernel.cpp`.
 *
 * Where torch's build for AVX2 and later fuses a multiplication with an addition, so does this (found
 * by trying the possible orders): it decides which way a half is rounded afterwards.
 */

import { roundHalfEven, type Size, type Window } from './geometry-plan.ts';
import type { Axis, SmoothFilter } from './pillow-coefficients.ts';
import { type Planes, planesOf, type Raster } from './raster.ts';
import { createTableCache } from './table-cache.ts';

/** Output pixel i is the sum over k of source pixel `indices[i * taps + k]` times `weights[i * taps + k]`. */
interface Taps {
  readonly taps: number;
  readonly indices: Int32Array;
  readonly weights: Float32Array;
}

const { fround } = Math;
const cache = createTableCache<Taps>();

/** The scaled window before rounding: `window.height × window.width × planes` floats in levels of 0 to 255. */
export function interpolateTorch(
  source: Raster,
  scaled: Size,
  window: Window,
  filter: SmoothFilter,
): Float32Array {
  const planes = planesOf(source);
  const { left, top, width, height } = window;
  const columns = tapsFor(
    { size: source.width, out: scaled.width, from: left, count: width },
    filter,
  );
  const rows = tapsFor(
    { size: source.height, out: scaled.height, from: top, count: height },
    filter,
  );
  const sum = sums[filter];
  const out = new Float32Array(height * width * planes);
  let to = 0;
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++)
      for (let plane = 0; plane < planes; plane++)
        out[to++] = sum(source, rows, row, columns, column, plane);
  return out;
}

/** `interpolateTorch` rounded as torchvision rounds (half to even) and clamped to bytes. */
export function resampleTorch(
  source: Raster,
  scaled: Size,
  window: Window,
  filter: SmoothFilter,
): Raster {
  const levels = interpolateTorch(source, scaled, window, filter);
  const data = new Uint8Array(levels.length);
  for (let i = 0; i < data.length; i++) data[i] = toByte(levels[i] as number);
  const planes: Planes = planesOf(source);
  return { width: window.width, height: window.height, channels: planes, data };
}

function toByte(level: number): number {
  return roundHalfEven(Math.min(Math.max(level, 0), 255));
}

type SampleSum = (
  source: Raster,
  rows: Taps,
  row: number,
  columns: Taps,
  column: number,
  plane: number,
) => number;

const sums = { bilinear: sumFour, bicubic: sumSixteen } satisfies Record<SmoothFilter, SampleSum>;

/** a × b + c, rounded once: exact in double precision but for that last rounding. */
function fuse(a: number, b: number, c: number): number {
  return fround(a * b + c);
}

/** Bilinear: each of the four neighbours by the product of its two weights. */
function sumFour(...[source, rows, row, columns, column, plane]: Parameters<SampleSum>): number {
  const { data, width, channels } = source;
  const [left, right] = [
    columns.indices[column * 2] as number,
    columns.indices[column * 2 + 1] as number,
  ];
  const [wl, wr] = [
    columns.weights[column * 2] as number,
    columns.weights[column * 2 + 1] as number,
  ];
  const [wt, wb] = [rows.weights[row * 2] as number, rows.weights[row * 2 + 1] as number];
  const top = (rows.indices[row * 2] as number) * width;
  const bottom = (rows.indices[row * 2 + 1] as number) * width;
  const at = (pixel: number): number => data[pixel * channels + plane] as number;
  const upper = fuse(at(top + left), fround(wt * wl), fround(at(top + right) * fround(wt * wr)));
  const lower = fuse(at(bottom + left), fround(wb * wl), upper);
  return fuse(at(bottom + right), fround(wb * wr), lower);
}

/** Bicubic: across within each of four rows, then down. */
function sumSixteen(...[source, rows, row, columns, column, plane]: Parameters<SampleSum>): number {
  const { data, width, channels } = source;
  const [h, v] = [column * 4, row * 4];
  const across = (k: number): number => {
    const line = (rows.indices[v + k] as number) * width;
    const at = (i: number): number =>
      data[(line + (columns.indices[h + i] as number)) * channels + plane] as number;
    return dotFour(at(0), at(1), at(2), at(3), columns.weights, h);
  };
  return dotFour(across(0), across(1), across(2), across(3), rows.weights, v);
}

function dotFour(
  a: number,
  b: number,
  c: number,
  d: number,
  weights: Float32Array,
  k: number,
): number {
  const first = fuse(a, weights[k] as number, fround(b * (weights[k + 1] as number)));
  const second = fuse(c, weights[k + 2] as number, first);
  return fuse(d, weights[k + 3] as number, second);
}

function tapsFor(axis: Axis, filter: SmoothFilter): Taps {
  const key = `${filter} ${axis.size} ${axis.out} ${axis.from} ${axis.count}`;
  return cache.get(key, () => (filter === 'bilinear' ? linearTaps(axis) : cubicTaps(axis)));
}

/** Where output pixel i lies among the source pixels, in single precision. */
function positionOf(axis: Axis, i: number): number {
  const scale = fround(axis.size / axis.out);
  return fuse(scale, fround(axis.from + i + 0.5), -0.5);
}

function linearTaps(axis: Axis): Taps {
  const indices = new Int32Array(axis.count * 2);
  const weights = new Float32Array(axis.count * 2);
  for (let i = 0; i < axis.count; i++) {
    const position = Math.max(positionOf(axis, i), 0);
    const start = Math.min(Math.floor(position), axis.size - 1);
    const share = Math.min(Math.max(fround(position - start), 0), 1);
    indices.set([start, Math.min(start + 1, axis.size - 1)], i * 2);
    weights.set([fround(1 - share), share], i * 2);
  }
  return { taps: 2, indices, weights };
}

function cubicTaps(axis: Axis): Taps {
  const indices = new Int32Array(axis.count * 4);
  const weights = new Float32Array(axis.count * 4);
  for (let i = 0; i < axis.count; i++) {
    const position = positionOf(axis, i);
    const start = Math.floor(position);
    const share = fround(position - start);
    const clamp = (at: number): number => Math.min(Math.max(at, 0), axis.size - 1);
    const rest = fround(1 - share);
    indices.set([start - 1, start, start + 1, start + 2].map(clamp), i * 4);
    weights.set(
      [outer(fround(share + 1)), inner(share), inner(rest), outer(fround(rest + 1))],
      i * 4,
    );
  }
  return { taps: 4, indices, weights };
}

/** Torch's cubic convolution with a = −0.75 (Pillow has −0.5), each step in single precision. */
function inner(x: number): number {
  const slope = fround(fround(1.25 * x) - 2.25);
  return fround(fround(fround(slope * x) * x) + 1);
}

function outer(x: number): number {
  const square = fround(fround(fround(-0.75 * x) + 3.75) * x);
  return fround(fround(fround(square - 6) * x) + 3);
}
