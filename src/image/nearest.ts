/** Nearest-neighbour scaling, in Pillow's way and in torch's way: both are a table of source indices an axis. */

import type { Size, Window } from './geometry-plan.ts';
import type { Axis } from './pillow-coefficients.ts';
import { planesOf, type Raster } from './raster.ts';

type IndexTable = (axis: Axis) => Int32Array;

/**
 * Pixel centres, the position summed up step by step in doubles. Source: Pillow 13.0
 * `src/libImaging/Geometry.c`, `ImagingScaleAffine`.
 */
export function pillowNearest({ size, out, from, count }: Axis): Int32Array {
  const step = size / out;
  const table = new Int32Array(count);
  let position = step * 0.5;
  for (let i = 0; i < from + count; i++, position += step)
    if (i >= from) table[i - from] = Math.trunc(position);
  return table;
}

/** Left edges, in single precision. Source: torch 2.8 `UpSample.h`, `nearest_neighbor_compute_source_index`. */
export function torchNearest({ size, out, from, count }: Axis): Int32Array {
  const step = Math.fround(size / out);
  const sourceOf = (i: number): number => Math.floor(Math.fround((from + i) * step));
  return Int32Array.from({ length: count }, (_, i) => Math.min(sourceOf(i), size - 1));
}

/** The window of `source` scaled to `scaled`, without alpha. */
export function resampleNearest(
  source: Raster,
  scaled: Size,
  window: Window,
  tableOf: IndexTable,
): Raster {
  const { left, top, width, height } = window;
  const columns = tableOf({ size: source.width, out: scaled.width, from: left, count: width });
  const rows = tableOf({ size: source.height, out: scaled.height, from: top, count: height });
  const planes = planesOf(source);
  const data = new Uint8Array(width * height * planes);
  let to = 0;
  for (const row of rows) {
    const line = row * source.width;
    for (const column of columns) {
      const at = (line + column) * source.channels;
      for (let plane = 0; plane < planes; plane++) data[to++] = source.data[at + plane] as number;
    }
  }
  return { width, height, channels: planes, data };
}
