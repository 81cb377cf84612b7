/**
 * The inner loops of Pillow's resampling. Source: Pillow 13.0 `src/libImaging/Resample.c`,
 * `ImagingResampleHorizontal_8bpc` and `ImagingResampleVertical_8bpc`.
 *
 * Sums stay within 32 bits: 8 bits of sample, 22 of weight, 2 spare. Four taps at a time and a clamped
 * array for the output make them a third faster than the plain loops (`bench/picture.ts`).
 */

import { type Coefficients, precisionBits, tapGroup } from './pillow-coefficients.ts';
import { planesOf, type Raster, type Span } from './raster.ts';

const { imul } = Math;
const half = 1 << (precisionBits - 1);

/**
 * Scales across. `rows` are the rows of `source` to do; `origin` is the column of the whole picture at
 * which `source` begins. Gives gray or RGB, without alpha.
 */
export function scaleColumns(
  source: Raster,
  table: Coefficients,
  rows: Span,
  origin: number,
): Raster {
  const channels = planesOf(source);
  const width = table.starts.length;
  const out = new Uint8ClampedArray(rows.count * width * channels);
  for (let row = 0; row < rows.count; row++) {
    const line = ((rows.from + row) * source.width - origin) * source.channels;
    const to = row * width * channels;
    if (channels === 3) colorLine(source, line, table, out, to);
    else grayLine(source, line, table, out, to);
  }
  return { width, height: rows.count, channels, data: new Uint8Array(out.buffer) };
}

function colorLine(
  { data, channels }: Raster,
  line: number,
  { taps, starts, weights }: Coefficients,
  out: Uint8ClampedArray,
  from: number,
): void {
  let to = from;
  let tap = 0;
  for (let column = 0; column < starts.length; column++) {
    let a = line + (starts[column] as number) * channels;
    let red = half;
    let green = half;
    let blue = half;
    for (const end = tap + taps; tap < end; tap += tapGroup) {
      const b = a + channels;
      const c = b + channels;
      const d = c + channels;
      const wa = weights[tap] as number;
      const wb = weights[tap + 1] as number;
      const wc = weights[tap + 2] as number;
      const wd = weights[tap + 3] as number;
      red = (red + imul(data[a] as number, wa) + imul(data[b] as number, wb)) | 0;
      red = (red + imul(data[c] as number, wc) + imul(data[d] as number, wd)) | 0;
      green = (green + imul(data[a + 1] as number, wa) + imul(data[b + 1] as number, wb)) | 0;
      green = (green + imul(data[c + 1] as number, wc) + imul(data[d + 1] as number, wd)) | 0;
      blue = (blue + imul(data[a + 2] as number, wa) + imul(data[b + 2] as number, wb)) | 0;
      blue = (blue + imul(data[c + 2] as number, wc) + imul(data[d + 2] as number, wd)) | 0;
      a = d + channels;
    }
    out[to] = red >> precisionBits;
    out[to + 1] = green >> precisionBits;
    out[to + 2] = blue >> precisionBits;
    to += 3;
  }
}

function grayLine(
  { data, channels }: Raster,
  line: number,
  { taps, starts, weights }: Coefficients,
  out: Uint8ClampedArray,
  from: number,
): void {
  let tap = 0;
  for (let column = 0; column < starts.length; column++) {
    let at = line + (starts[column] as number) * channels;
    let gray = half;
    for (const end = tap + taps; tap < end; tap++, at += channels)
      gray = (gray + imul(data[at] as number, weights[tap] as number)) | 0;
    out[from + column] = gray >> precisionBits;
  }
}

/**
 * Scales down. `columns` are the columns of `source` to do, all channels; `origin` is the row of the
 * whole picture at which `source` begins.
 */
export function scaleRows(
  source: Raster,
  table: Coefficients,
  columns: Span,
  origin: number,
): Raster {
  const { channels } = source;
  const height = table.starts.length;
  const stride = source.width * channels;
  const length = columns.count * channels;
  const sums = new Int32Array(length);
  const out = new Uint8ClampedArray(height * length);
  for (let row = 0; row < height; row++) {
    const first = ((table.starts[row] as number) - origin) * stride + columns.from * channels;
    sums.fill(half);
    for (let tap = 0; tap < table.taps; tap += tapGroup)
      addLines(sums, source.data, first + tap * stride, stride, table, row * table.taps + tap);
    writeLine(sums, out, row * length);
  }
  return { width: columns.count, height, channels, data: new Uint8Array(out.buffer) };
}

/** Adds four weighted lines, `stride` apart, to the sums. */
function addLines(
  sums: Int32Array,
  data: Uint8Array,
  a: number,
  stride: number,
  { weights }: Coefficients,
  tap: number,
): void {
  const b = a + stride;
  const c = b + stride;
  const d = c + stride;
  const wa = weights[tap] as number;
  const wb = weights[tap + 1] as number;
  const wc = weights[tap + 2] as number;
  const wd = weights[tap + 3] as number;
  for (let i = 0; i < sums.length; i++) {
    const near = (imul(data[a + i] as number, wa) + imul(data[b + i] as number, wb)) | 0;
    const far = (imul(data[c + i] as number, wc) + imul(data[d + i] as number, wd)) | 0;
    sums[i] = ((sums[i] as number) + near + far) | 0;
  }
}

function writeLine(sums: Int32Array, out: Uint8ClampedArray, to: number): void {
  for (let i = 0; i < sums.length; i++) out[to + i] = (sums[i] as number) >> precisionBits;
}
