/** Pillow's `convert('L')`: ITU-R 601-2 luma in fixed point. Source: Pillow 13.0 `src/libImaging/Convert.c`, `L24`. */

import type { Raster } from './raster.ts';

/** One channel; a picture that is gray already is given back as it is (its alpha stays unseen). */
export function toGray(source: Raster): Raster {
  const { width, height, channels, data } = source;
  if (channels < 3) return source;
  const gray = new Uint8Array(width * height);
  for (let i = 0, at = 0; i < gray.length; i++, at += channels)
    gray[i] =
      ((data[at] as number) * 19595 +
        (data[at + 1] as number) * 38470 +
        (data[at + 2] as number) * 7471 +
        0x8000) >>
      16;
  return { width, height, channels: 1, data: gray };
}
