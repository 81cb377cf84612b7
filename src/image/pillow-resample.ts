/**
 * Pillow's two-pass resampling on bytes, bit for bit: across first, then down, rounded to bytes between.
 * Only the rows and columns that the window needs are computed. Source: Pillow 13.0
 * `src/libImaging/Resample.c`, `ImagingResampleHorizontal_8bpc` and `ImagingResampleVertical_8bpc`.
 */

import type { Size, Window } from './geometry-plan.ts';
import {
  type Coefficients,
  coefficientsFor,
  precisionBits,
  type SmoothFilter,
} from './pillow-coefficients.ts';
import { type Planes, planesOf, type Raster } from './raster.ts';

const half = 1 << (precisionBits - 1);

/** The window of `source` scaled to `scaled`, as `window.height × window.width × planes` bytes. */
export function resamplePillow(
  source: Raster,
  scaled: Size,
  window: Window,
  filter: SmoothFilter,
): Raster {
  const planes = planesOf(source);
  const down =
    scaled.height === source.height
      ? undefined
      : coefficientsFor(
          { size: source.height, out: scaled.height, from: window.top, count: window.height },
          filter,
        );
  const rows = down ? rowsNeeded(down) : { from: window.top, count: window.height };
  const across = scaleAcross(source, planes, scaled.width, window, rows, filter);
  const data = down ? scaleDown(across, window.width * planes, down, rows.from) : across;
  return { width: window.width, height: window.height, channels: planes, data };
}

interface Rows {
  readonly from: number;
  readonly count: number;
}

function rowsNeeded({ starts, counts }: Coefficients): Rows {
  const last = starts.length - 1;
  const from = starts[0] ?? 0;
  return { from, count: (starts[last] ?? 0) + (counts[last] ?? 0) - from };
}

function scaleAcross(
  source: Raster,
  planes: Planes,
  width: number,
  window: Window,
  rows: Rows,
  filter: SmoothFilter,
): Uint8Array {
  const out = new Uint8Array(rows.count * window.width * planes);
  if (width === source.width) return cutColumns(source, planes, window, rows, out);
  const coefficients = coefficientsFor(
    { size: source.width, out: width, from: window.left, count: window.width },
    filter,
  );
  const pass = planes === 3 ? acrossColor : acrossGray;
  pass(source, rows, coefficients, out);
  return out;
}

/** Nothing to scale across: only the window's columns, without alpha. */
function cutColumns(
  source: Raster,
  planes: Planes,
  window: Window,
  rows: Rows,
  out: Uint8Array,
): Uint8Array {
  const { data, channels, width } = source;
  let to = 0;
  for (let row = 0; row < rows.count; row++) {
    let at = ((rows.from + row) * width + window.left) * channels;
    for (let column = 0; column < window.width; column++, at += channels)
      for (let plane = 0; plane < planes; plane++) out[to++] = data[at + plane] as number;
  }
  return out;
}

function acrossColor(source: Raster, rows: Rows, table: Coefficients, out: Uint8Array): void {
  const { data, channels, width } = source;
  const { taps, starts, counts, weights } = table;
  const columns = starts.length;
  let to = 0;
  for (let row = 0; row < rows.count; row++) {
    const line = (rows.from + row) * width * channels;
    for (let column = 0; column < columns; column++) {
      let at = line + (starts[column] as number) * channels;
      const first = column * taps;
      const end = first + (counts[column] as number);
      let red = half;
      let green = half;
      let blue = half;
      for (let tap = first; tap < end; tap++, at += channels) {
        const weight = weights[tap] as number;
        red = (red + Math.imul(data[at] as number, weight)) | 0;
        green = (green + Math.imul(data[at + 1] as number, weight)) | 0;
        blue = (blue + Math.imul(data[at + 2] as number, weight)) | 0;
      }
      out[to] = clampToByte(red >> precisionBits);
      out[to + 1] = clampToByte(green >> precisionBits);
      out[to + 2] = clampToByte(blue >> precisionBits);
      to += 3;
    }
  }
}

function acrossGray(source: Raster, rows: Rows, table: Coefficients, out: Uint8Array): void {
  const { data, channels, width } = source;
  const { taps, starts, counts, weights } = table;
  let to = 0;
  for (let row = 0; row < rows.count; row++) {
    const line = (rows.from + row) * width * channels;
    for (let column = 0; column < starts.length; column++) {
      let at = line + (starts[column] as number) * channels;
      const first = column * taps;
      const end = first + (counts[column] as number);
      let gray = half;
      for (let tap = first; tap < end; tap++, at += channels)
        gray = (gray + Math.imul(data[at] as number, weights[tap] as number)) | 0;
      out[to++] = clampToByte(gray >> precisionBits);
    }
  }
}

/** `lines` are rows of `length` bytes, the first of them source row `from`. */
function scaleDown(
  lines: Uint8Array,
  length: number,
  table: Coefficients,
  from: number,
): Uint8Array {
  const { taps, starts, counts, weights } = table;
  const out = new Uint8Array(starts.length * length);
  for (let row = 0; row < starts.length; row++) {
    const first = ((starts[row] as number) - from) * length;
    const begin = row * taps;
    const end = begin + (counts[row] as number);
    const to = row * length;
    for (let column = 0; column < length; column++) {
      let sum = half;
      let at = first + column;
      for (let tap = begin; tap < end; tap++, at += length)
        sum = (sum + Math.imul(lines[at] as number, weights[tap] as number)) | 0;
      out[to + column] = clampToByte(sum >> precisionBits);
    }
  }
  return out;
}

function clampToByte(value: number): number {
  return Math.max(0, Math.min(value, 255));
}
