/** Samples that are neither gray nor RGB bytes, to bytes, as Pillow's `convert('RGB')` does it. */

import type { Raster } from './raster.ts';

/** 16-bit gray: Pillow (mode I;16) clips at 255 and does not scale. `data` are little-endian pairs of bytes. */
export function clipGray16(source: Raster): Raster {
  const { width, height, channels, data } = source;
  const gray = new Uint8Array(width * height);
  for (let i = 0, at = 0; i < gray.length; i++, at += 2 * channels)
    gray[i] = data[at + 1] === 0 ? (data[at] as number) : 255;
  return { width, height, channels: 1, data: gray };
}

/** Source: Pillow 13.0 `Convert.c`, `cmyk2rgb`; no ICC profile. In place: four samples stay, RGB first. */
export function cmykToRgb(source: Raster): Raster {
  const { data } = source;
  for (let at = 0; at < data.length; at += 4) {
    const light = 255 - (data[at + 3] as number);
    for (let ink = at; ink < at + 3; ink++)
      data[ink] = light - multiplyBytes(data[ink] as number, light);
  }
  return source;
}

/** a × b / 255, rounded: Pillow's MULDIV255. */
function multiplyBytes(a: number, b: number): number {
  const product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}
