/**
 * The two inner loops of Pillow's resampling. Source: Pillow 13.0 `src/libImaging/Resample.c`,
 * `ImagingResampleHorizontal_8bpc` and `ImagingResampleVertical_8bpc`.
 *
 * Sums stay within 32 bits: 8 bits of sample, 22 of weight, 2 spare.
 */

import { type Coefficients, precisionBits } from './pillow-coefficients.ts';
import { planesOf, type Raster, type Span } from './raster.ts';

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
  const data = new Uint8Array(rows.count * width * channels);
  (channels === 3 ? acrossColor : acrossGray)(source, table, rows, origin, data);
  return { width, height: rows.count, channels, data };
}

function acrossColor(
  { data, channels, width }: Raster,
  { taps, starts, counts, weights }: Coefficients,
  rows: Span,
  origin: number,
  out: Uint8Array,
): void {
  let to = 0;
  for (let row = 0; row < rows.count; row++) {
    const line = ((rows.from + row) * width - origin) * channels;
    for (let column = 0; column < starts.length; column++) {
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
      out[to] = toByte(red);
      out[to + 1] = toByte(green);
      out[to + 2] = toByte(blue);
      to += 3;
    }
  }
}

function acrossGray(
  { data, channels, width }: Raster,
  { taps, starts, counts, weights }: Coefficients,
  rows: Span,
  origin: number,
  out: Uint8Array,
): void {
  let to = 0;
  for (let row = 0; row < rows.count; row++) {
    const line = ((rows.from + row) * width - origin) * channels;
    for (let column = 0; column < starts.length; column++) {
      let at = line + (starts[column] as number) * channels;
      const first = column * taps;
      const end = first + (counts[column] as number);
      let gray = half;
      for (let tap = first; tap < end; tap++, at += channels)
        gray = (gray + Math.imul(data[at] as number, weights[tap] as number)) | 0;
      out[to++] = toByte(gray);
    }
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
  const { data: samples, channels } = source;
  const { taps, starts, counts, weights } = table;
  const stride = source.width * channels;
  const length = columns.count * channels;
  const out = new Uint8Array(starts.length * length);
  for (let row = 0; row < starts.length; row++) {
    const first = ((starts[row] as number) - origin) * stride + columns.from * channels;
    const begin = row * taps;
    const end = begin + (counts[row] as number);
    const to = row * length;
    for (let column = 0; column < length; column++) {
      let sum = half;
      let at = first + column;
      for (let tap = begin; tap < end; tap++, at += stride)
        sum = (sum + Math.imul(samples[at] as number, weights[tap] as number)) | 0;
      out[to + column] = toByte(sum);
    }
  }
  return { width: columns.count, height: starts.length, channels, data: out };
}

/** Pillow's clip8. */
function toByte(sum: number): number {
  return Math.max(0, Math.min(sum >> precisionBits, 255));
}
