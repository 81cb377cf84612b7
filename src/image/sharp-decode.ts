/**
 * Decodes JPEG, PNG, WebP and TIFF through sharp (libvips), in libuv's pool, to the samples as the file
 * has them: no ICC profile, no orientation, no colour conversion but Pillow's.
 *
 * Loaded only inside the picture threads: importing sharp costs 15 MB.
 */

import sharp, { type OutputInfo, type Sharp } from 'sharp';
import { messageOf } from '../errors.ts';
import { CorruptPixels } from './decode-errors.ts';
import type { PictureHeader, PictureLayout } from './picture-format.ts';
import type { Raster } from './raster.ts';
import { clipGray16, cmykToRgb } from './sample-layouts.ts';

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

/** How the raw samples are asked for, and what turns them into gray or RGB. */
interface LayoutSteps {
  readonly raw: (picture: Sharp) => Sharp;
  readonly convert: (samples: Raster) => Raster;
}

const steps = {
  plain: { raw: (picture) => picture.raw(), convert: (samples) => samples },
  gray: { raw: (picture) => picture.toColourspace('b-w').raw(), convert: (samples) => samples },
  cmyk: {
    raw: (picture) => picture.pipelineColourspace('cmyk').toColourspace('cmyk').raw(),
    convert: cmykToRgb,
  },
  gray16: {
    raw: (picture) => picture.toColourspace('grey16').raw({ depth: 'ushort' }),
    convert: clipGray16,
  },
} satisfies Record<PictureLayout, LayoutSteps>;

/**
 * Runs what was asked of the picture. libvips has one kind of error, and of a picture with a known header it says
 * that the data are bad. @throws CorruptPixels
 */
export async function runSharp(picture: Sharp): Promise<{ data: Buffer; info: OutputInfo }> {
  try {
    return await picture.toBuffer({ resolveWithObject: true });
  } catch (error) {
    throw new CorruptPixels(messageOf(error), { cause: error });
  }
}

/** Rows of pixels of 16 bits a sample. */
export interface Words extends Omit<Raster, 'data'> {
  readonly data: Uint16Array;
}

/** A picture of 16 bits a sample as it is stored. @throws CorruptPixels */
export async function decodeWords(
  bytes: Uint8Array,
  header: PictureHeader,
  space: 'grey16' | 'rgb16',
): Promise<Words> {
  const picture = openInSharp(bytes, header).toColourspace(space).raw({ depth: 'ushort' });
  const { data, info } = await runSharp(picture);
  const { width, height, channels } = info;
  const own = Uint8Array.from(data).buffer;
  return { width, height, channels, data: new Uint16Array(own) };
}

/** The stored picture as gray or RGB bytes, perhaps with alpha beside them. @throws CorruptPixels */
export async function decodeWithSharp(bytes: Uint8Array, header: PictureHeader): Promise<Raster> {
  const { raw, convert } = steps[header.layout];
  const { data, info } = await runSharp(raw(openInSharp(bytes, header)));
  return convert({ width: info.width, height: info.height, channels: info.channels, data });
}
