/**
 * `torch.nn.functional.interpolate(mode=bilinear|bicubic, align_corners=False, antialias=False)` in
 * single precision. Source: torch 2.8 `aten/src/ATen/native/UpSample.h` and `cpu/UpSampleKernel.cpp`.
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
  const out = new Float32Array(height * width * planes);
  let to = 0;
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++)
      for (let plane = 0; plane < planes; plane++)
        out[to++] = sumTaps(source, rows, row, columns, column, plane);
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

/** Across within a row first, then down, each step rounded to single precision. */
function sumTaps(
  { data, width, channels }: Raster,
  rows: Taps,
  row: number,
  columns: Taps,
  column: number,
  plane: number,
): number {
  let sum = 0;
  for (let v = row * rows.taps; v < (row + 1) * rows.taps; v++) {
    const line = (rows.indices[v] as number) * width;
    let across = 0;
    for (let h = column * columns.taps; h < (column + 1) * columns.taps; h++) {
      const sample = data[(line + (columns.indices[h] as number)) * channels + plane] as number;
      across = fround(across + fround(sample * (columns.weights[h] as number)));
    }
    sum = fround(sum + fround(across * (rows.weights[v] as number)));
  }
  return sum;
}

function tapsFor(axis: Axis, filter: SmoothFilter): Taps {
  const key = `${filter} ${axis.size} ${axis.out} ${axis.from} ${axis.count}`;
  return cache.get(key, () => (filter === 'bilinear' ? linearTaps(axis) : cubicTaps(axis)));
}

/** Where output pixel i lies among the source pixels, in single precision. */
function positionOf(axis: Axis, i: number): number {
  const scale = fround(axis.size / axis.out);
  return fround(fround(scale * fround(axis.from + i + 0.5)) - 0.5);
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
    indices.set([start - 1, start, start + 1, start + 2].map(clamp), i * 4);
    weights.set([outer(share + 1), inner(share), inner(1 - share), outer(2 - share)], i * 4);
  }
  return { taps: 4, indices, weights };
}

/** a = −0.75, not Pillow's −0.5. */
const a = -0.75;
const inner = (x: number): number => ((a + 2) * x - (a + 3)) * x * x + 1;
const outer = (x: number): number => ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
