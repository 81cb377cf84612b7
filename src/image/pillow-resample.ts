/**
 * Pillow's two-pass resampling on bytes, bit for bit, with bytes between the passes. Only the rows and
 * columns that the window needs are computed. Source: Pillow 13.0 `src/libImaging/Resample.c`.
 */

import type { Size, Window } from './geometry-plan.ts';
import { type Coefficients, coefficientsFor, type SmoothFilter } from './pillow-coefficients.ts';
import { scaleColumns, scaleRows } from './pillow-passes.ts';
import { cutPlanes, padTo, type Raster, release, type Span } from './raster.ts';

/** The window of `source` scaled to `scaled`: `window.height × window.width × planes` bytes. */
export function resamplePillow(
  source: Raster,
  scaled: Size,
  window: Window,
  filter: SmoothFilter,
): Raster {
  const columns = { from: window.left, count: window.width };
  const rows = { from: window.top, count: window.height };
  const across = tableFor(source.width, scaled.width, columns, filter);
  const down = tableFor(source.height, scaled.height, rows, filter);
  const padded = padTo(source, across?.taps ?? 0, down?.taps ?? 0);
  return down && isDownFirst(source, scaled)
    ? acrossPass(scaleRows(padded, down, neededBy(across) ?? columns, 0), across, columns)
    : downPass(padded, across, down, columns, rows);
}

/** Across first, then down: Pillow's order unless the height shrinks much more than the width. */
function downPass(
  source: Raster,
  across: Coefficients | undefined,
  down: Coefficients | undefined,
  columns: Span,
  rows: Span,
): Raster {
  const lines = neededBy(down) ?? rows;
  const middle = across
    ? scaleColumns(source, across, lines, 0)
    : cutPlanes(source, columns, lines);
  if (!down) return middle;
  const scaled = scaleRows(middle, down, { from: 0, count: middle.width }, lines.from);
  release(middle.data);
  return scaled;
}

/** `middle` holds the columns that `across` needs, already scaled down, alpha and all. */
function acrossPass(middle: Raster, across: Coefficients | undefined, columns: Span): Raster {
  const lines = { from: 0, count: middle.height };
  return across
    ? scaleColumns(middle, across, lines, neededBy(across)?.from ?? 0)
    : cutPlanes(middle, { from: 0, count: columns.count }, lines);
}

/** New in Pillow 13; it changes results by a level where it applies. */
function isDownFirst(source: Size, scaled: Size): boolean {
  const shrink = source.height - scaled.height;
  return shrink > 0 && shrink > (source.width - scaled.width) * 2;
}

function tableFor(
  size: number,
  out: number,
  { from, count }: Span,
  filter: SmoothFilter,
): Coefficients | undefined {
  return size === out ? undefined : coefficientsFor({ size, out, from, count }, filter);
}

/** The source pixels that any of the table's outputs looks at. */
function neededBy(table: Coefficients | undefined): Span | undefined {
  if (!table) return undefined;
  const from = table.starts[0] as number;
  return { from, count: (table.starts.at(-1) as number) + table.taps - from };
}
