/**
 * Decodes JPEG, PNG, WebP and TIFF through sharp (libvips), in libuv's pool, to the samples as the file
 * has them: no ICC profile, no orientation, no colour conversion.
 *
 * Loaded only inside the picture threads: importing sharp costs 15 MB.
 */

import sharp, { type Sharp } from 'sharp';
import type { PictureHeader } from './picture-format.ts';
import type { Raster } from './raster.ts';

sharp.cache(false);
sharp.concurrency(1);
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({
  operation: [
    'VipsForeignLoadJpeg',
    'VipsForeignLoadPng',
    'VipsForeignLoadWebp',
    'VipsForeignLoadTiff',
  ],
});

/** A picture in sharp, opened for its first frame only. */
export function openInSharp(bytes: Uint8Array, header: PictureHeader): Sharp {
  return sharp(bytes, {
    failOn: 'truncated',
    ignoreIcc: true,
    limitInputPixels: header.width * header.height,
    page: 0,
    pages: 1,
    sequentialRead: true,
    unlimited: false,
  });
}

/** The stored samples, 8 bits each. */
export async function decodeWithSharp(bytes: Uint8Array, header: PictureHeader): Promise<Raster> {
  const { data, info } = await openInSharp(bytes, header)
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, channels: info.channels, data };
}
