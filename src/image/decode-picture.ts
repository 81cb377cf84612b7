/** Chooses the decoder of a format and turns what a decoder throws into an error of the catalogue. */

import { messageOf, ServingError } from '../errors.ts';
import { decodeBmp } from './bmp-decode.ts';
import { EndOfBytes } from './byte-cursor.ts';
import { decodeGif } from './gif-decode.ts';
import { UnsupportedVariant } from './header-facts.ts';
import { type PictureHeader, supportedFormats } from './picture-format.ts';
import type { Raster } from './raster.ts';
import { decodeWithSharp } from './sharp-decode.ts';
import { turnUpright } from './turn-upright.ts';

/** @throws PICTURE_TRUNCATED, PICTURE_CORRUPT, PICTURE_FORMAT_UNSUPPORTED */
export async function decodePicture(
  bytes: Uint8Array,
  header: PictureHeader,
  orientation: 'ignore' | 'apply',
  where: string,
): Promise<Raster> {
  try {
    const stored = await decodeStored(bytes, header);
    return isTurned(header, orientation) ? turnUpright(stored, header.orientation) : stored;
  } catch (error) {
    throw asPictureError(error, header, where);
  }
}

/** Pillow always applies a TIFF's orientation when it loads it, and that of the others never. */
export function isTurned(header: PictureHeader, orientation: 'ignore' | 'apply'): boolean {
  return header.orientation !== 1 && (orientation === 'apply' || header.format === 'TIFF');
}

function decodeStored(bytes: Uint8Array, header: PictureHeader): Raster | Promise<Raster> {
  if (header.format === 'GIF') return decodeGif(bytes);
  if (header.format === 'BMP') return decodeBmp(bytes);
  return decodeWithSharp(bytes, header);
}

export function asPictureError(error: unknown, { format }: PictureHeader, where: string): unknown {
  if (error instanceof ServingError) return error;
  if (error instanceof EndOfBytes) return new ServingError('PICTURE_TRUNCATED', { where, format });
  if (error instanceof UnsupportedVariant)
    return new ServingError('PICTURE_FORMAT_UNSUPPORTED', {
      where,
      format: error.message,
      supported: supportedFormats,
    });
  const problem = messageOf(error);
  return /premature end|truncated|end of (input|file|stream)|unexpected eof/i.test(problem)
    ? new ServingError('PICTURE_TRUNCATED', { where, format }, { cause: error })
    : new ServingError('PICTURE_CORRUPT', { where, format, problem }, { cause: error });
}
