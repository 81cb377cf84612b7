/** Applies an EXIF orientation to pixels, as Pillow's `ImageOps.exif_transpose` does. Source: EXIF 2.32, 4.6.4. */

import type { Orientation } from './picture-format.ts';
import type { Raster } from './raster.ts';

/** Which axis of the stored picture runs along the upright one, and whether it runs backwards. */
const mirrorsColumns: readonly Orientation[] = [2, 3, 7, 8];
const mirrorsRows: readonly Orientation[] = [3, 4, 6, 7];

export function turnUpright(source: Raster, orientation: Orientation): Raster {
  if (orientation === 1) return source;
  const { width, height, channels } = source;
  const swapped = orientation >= 5;
  const out = { width: swapped ? height : width, height: swapped ? width : height };
  const stepX = mirrorsColumns.includes(orientation) ? -1 : 1;
  const stepY = mirrorsRows.includes(orientation) ? -1 : 1;
  const originX = stepX === 1 ? 0 : width - 1;
  const originY = stepY === 1 ? 0 : height - 1;
  const data = new Uint8Array(source.data.length);
  let to = 0;
  for (let y = 0; y < out.height; y++)
    for (let x = 0; x < out.width; x++) {
      const column = originX + stepX * (swapped ? y : x);
      const row = originY + stepY * (swapped ? x : y);
      const at = (row * width + column) * channels;
      for (let channel = 0; channel < channels; channel++)
        data[to++] = source.data[at + channel] as number;
    }
  return { ...out, channels, data };
}
