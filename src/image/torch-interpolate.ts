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
  { left, top, width, height }: Window,
  filter: SmoothFilter,
): Float32Array {
  const columns = tapsFor(
    { size: source.width, out: scaled.width, from: left, count: width },
    filter,
  );
  const rows = tapsFor(
    { size: source.height, out: scaled.height, from: top, count: height },
    filter,
  );
  return filter === 'bilinear'
    ? bilinear(source, rows, columns)
    : cubicDown(cubicAcross(source, columns), rows, width * planesOf(source));
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

/** a × b + c, rounded once: exact in double precision but for that last rounding. */
function fuse(a: number, b: number, c: number): number {
  return fround(a * b + c);
}

/** Each of the four neighbours by the product of its two weights. */
function bilinear(source: Raster, rows: Taps, columns: Taps): Float32Array {
  const planes = planesOf(source);
  const line = (columns.indices.length / 2) * planes;
  const out = new Float32Array((rows.indices.length / 2) * line);
  for (let row = 0; row < rows.indices.length; row += 2)
    bilinearLine(source, rows, row, columns, out.subarray((row / 2) * line, (row / 2 + 1) * line));
  return out;
}

function bilinearLine(
  { data, width, channels }: Raster,
  rows: Taps,
  row: number,
  { indices, weights }: Taps,
  out: Float32Array,
): void {
  const upper = (rows.indices[row] as number) * width;
  const lower = (rows.indices[row + 1] as number) * width;
  const above = rows.weights[row] as number;
  const below = rows.weights[row + 1] as number;
  const planes = (out.length / indices.length) * 2;
  for (let column = 0, to = 0; column < indices.length; column += 2) {
    const left = indices[column] as number;
    const right = indices[column + 1] as number;
    const wl = weights[column] as number;
    const wr = weights[column + 1] as number;
    const a = (upper + left) * channels;
    const b = (upper + right) * channels;
    const c = (lower + left) * channels;
    const d = (lower + right) * channels;
    for (let plane = 0; plane < planes; plane++) {
      const right0 = fround((data[b + plane] as number) * fround(above * wr));
      const upper0 = fuse(data[a + plane] as number, fround(above * wl), right0);
      const left1 = fuse(data[c + plane] as number, fround(below * wl), upper0);
      out[to++] = fuse(data[d + plane] as number, fround(below * wr), left1);
    }
  }
}

/** All rows of the source, scaled across. */
function cubicAcross({ data, width, height, channels }: Raster, columns: Taps): Float32Array {
  const planes = channels < 3 ? 1 : 3;
  const { indices, weights } = columns;
  const out = new Float32Array(height * (indices.length / 4) * planes);
  let to = 0;
  for (let row = 0; row < height; row++)
    for (let k = 0; k < indices.length; k += 4) {
      const a = (row * width + (indices[k] as number)) * channels;
      const b = (row * width + (indices[k + 1] as number)) * channels;
      const c = (row * width + (indices[k + 2] as number)) * channels;
      const d = (row * width + (indices[k + 3] as number)) * channels;
      for (let plane = 0; plane < planes; plane++)
        out[to++] = sumFour(data, a + plane, b + plane, c + plane, d + plane, weights, k);
    }
  return out;
}

/** @param length floats a line */
function cubicDown(lines: Float32Array, { indices, weights }: Taps, length: number): Float32Array {
  const out = new Float32Array((indices.length / 4) * length);
  let to = 0;
  for (let k = 0; k < indices.length; k += 4) {
    const a = (indices[k] as number) * length;
    const b = (indices[k + 1] as number) * length;
    const c = (indices[k + 2] as number) * length;
    const d = (indices[k + 3] as number) * length;
    for (let i = 0; i < length; i++)
      out[to++] = sumFour(lines, a + i, b + i, c + i, d + i, weights, k);
  }
  return out;
}

function sumFour(
  data: Uint8Array | Float32Array,
  a: number,
  b: number,
  c: number,
  d: number,
  weights: Float32Array,
  k: number,
): number {
  const second = fround((data[b] as number) * (weights[k + 1] as number));
  const first = fuse(data[a] as number, weights[k] as number, second);
  const third = fuse(data[c] as number, weights[k + 2] as number, first);
  return fuse(data[d] as number, weights[k + 3] as number, third);
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
