/** Indexed pixels to RGB or gray, in Pillow's way. */

import type { Raster } from './raster.ts';

/** 256 × 3 bytes, red first. */
export type Palette = Uint8Array;

const entries = 256;

/** Each index is its own level of gray: what a picture without a palette has. */
export const grayRamp: Palette = Uint8Array.from({ length: entries * 3 }, (_, i) =>
  Math.trunc(i / 3),
);

/**
 * @param stored the entries of the file
 * @param step bytes an entry, 3 or 4
 * @param red where an entry has red (0, or 2 where the file stores blue first)
 *
 * Indices past the stored entries are black; but a palette that is a gray ramp as far as it goes
 * counts as none (Pillow opens such a picture as gray), so there they are gray too.
 */
export function toPalette(stored: Uint8Array, step: 3 | 4, red: 0 | 2): Palette {
  const palette = new Uint8Array(entries * 3);
  const count = Math.min(Math.floor(stored.length / step), entries);
  for (let i = 0; i < count; i++) {
    palette[i * 3] = stored[i * step + red] as number;
    palette[i * 3 + 1] = stored[i * step + 1] as number;
    palette[i * 3 + 2] = stored[i * step + 2 - red] as number;
  }
  const isRamp = palette.subarray(0, count * 3).every((level, i) => level === grayRamp[i]);
  return isRamp ? grayRamp : palette;
}

export function applyPalette(
  indices: Uint8Array,
  width: number,
  height: number,
  palette: Palette,
): Raster {
  if (palette === grayRamp) return { width, height, channels: 1, data: indices };
  const data = new Uint8Array(indices.length * 3);
  for (let i = 0, to = 0; i < indices.length; i++, to += 3) {
    const at = (indices[i] as number) * 3;
    data[to] = palette[at] as number;
    data[to + 1] = palette[at + 1] as number;
    data[to + 2] = palette[at + 2] as number;
  }
  return { width, height, channels: 3, data };
}
