/** Chooses the decoder of a format and turns what a decoder throws into an error of the catalogue. */

import { messageOf, ServingError } from '../errors.ts';
import type { PictureHeader } from './picture-format.ts';
import type { Raster } from './raster.ts';
import { decodeWithSharp } from './sharp-decode.ts';

/** @throws PICTURE_TRUNCATED, PICTURE_CORRUPT */
export async function decodePicture(
  bytes: Uint8Array,
  header: PictureHeader,
  where: string,
): Promise<Raster> {
  try {
    return await decodeWithSharp(bytes, header);
  } catch (error) {
    throw asPictureError(error, header, where);
  }
}

function asPictureError(error: unknown, header: PictureHeader, where: string): ServingError {
  if (error instanceof ServingError) return error;
  const { format } = header;
  const problem = messageOf(error);
  return /premature end|truncated|end of (input|file|stream)|unexpected eof/i.test(problem)
    ? new ServingError('PICTURE_TRUNCATED', { where, format }, { cause: error })
    : new ServingError('PICTURE_CORRUPT', { where, format, problem }, { cause: error });
}
