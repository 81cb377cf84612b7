/** Chooses the decoder of a format and turns what a decoder throws into an error of the catalogue. */

import type { PictureDecoder, PictureGeometry } from '../config/picture-spec.ts';
import { ServingError } from '../errors.ts';
import { decodeBmp, decodeBmpAsTensorflow } from './bmp-decode.ts';
import { EndOfBytes } from './byte-cursor.ts';
import { isCutShort } from './cut-short.ts';
import { CorruptPixels } from './decode-errors.ts';
import { decodeGif, decodeGifAsTensorflow } from './gif-decode.ts';
import { CorruptHeader, UnsupportedVariant } from './header-facts.ts';
import { isTurned } from './orientation.ts';
import { type PictureHeader, supportedFormats } from './picture-format.ts';
import type { Raster } from './raster.ts';
import { decodeWithSharp } from './sharp-decode.ts';
import { decodeAsTensorflow } from './tensorflow-jpeg/decode.ts';
import type { JpegMethods } from './tensorflow-jpeg/frame.ts';
import { decodePngAsTensorflow } from './tensorflow-png.ts';
import { turnUpright } from './turn-upright.ts';

/** What of a geometry concerns decoding. */
export type Decoding = Pick<PictureGeometry, 'color' | 'decoder' | 'orientation'>;

/**
 * The picture as it is stored, gray or RGB: one channel where gray is wanted and TensorFlow's decoder takes
 * it out of a JPEG.
 *
 * @throws PICTURE_TRUNCATED, PICTURE_CORRUPT, PICTURE_FORMAT_UNSUPPORTED
 */
export async function decodePicture(
  bytes: Uint8Array,
  header: PictureHeader,
  decoding: Decoding,
  where: string,
): Promise<Raster> {
  try {
    const stored = await decodeStored(bytes, header, decoding);
    checkSize(stored, header);
    return isTurned(header, decoding.orientation)
      ? turnUpright(stored, header.orientation)
      : stored;
  } catch (error) {
    throw asPictureError(error, bytes, header, where);
  }
}

/** The limit of pixels was checked on the header's size, so nothing else may come out. */
function checkSize({ width, height }: Raster, header: PictureHeader): void {
  if (width !== header.width || height !== header.height)
    throw new CorruptPixels(
      `it decodes to ${width}×${height} pixels, its header says ${header.width}×${header.height}`,
    );
}

const jpegMethods = {
  tensorflow: { isAccurate: false, isFancy: true },
  'tensorflow-accurate': { isAccurate: true, isFancy: true },
  'tensorflow-plain': { isAccurate: false, isFancy: false },
  'tensorflow-accurate-plain': { isAccurate: true, isFancy: false },
} satisfies Record<Exclude<PictureDecoder, 'pillow'>, JpegMethods>;

function decodeStored(
  bytes: Uint8Array,
  header: PictureHeader,
  { color, decoder }: Decoding,
): Raster | Promise<Raster> {
  const gray = color === 'gray';
  if (decoder !== 'pillow' && header.format === 'JPEG')
    return decodeAsTensorflow(bytes, { ...header, ...jpegMethods[decoder], gray });
  return (decoder === 'pillow' ? likePillow : likeTensorflow)(bytes, header, gray);
}

type Decode = (bytes: Uint8Array, header: PictureHeader, gray: boolean) => Raster | Promise<Raster>;

const likePillow: Decode = (bytes, header) => {
  if (header.format === 'GIF') return decodeGif(bytes);
  if (header.format === 'BMP') return decodeBmp(bytes);
  return decodeWithSharp(bytes, header);
};

/** What TensorFlow refuses is decoded as Pillow does. */
const likeTensorflow: Decode = (bytes, header, gray) => {
  if (header.format === 'GIF') return decodeGifAsTensorflow(bytes);
  if (header.format === 'BMP') return decodeBmpAsTensorflow(bytes);
  if (header.format === 'PNG') return decodePngAsTensorflow(bytes, header, gray);
  return decodeWithSharp(bytes, header);
};

/** What a decoder threw, as an error of the catalogue; a fault of the decoder itself stays what it is. */
export function asPictureError(
  error: unknown,
  bytes: Uint8Array,
  { format }: PictureHeader,
  where: string,
): unknown {
  if (error instanceof ServingError) return error;
  if (error instanceof EndOfBytes) return new ServingError('PICTURE_TRUNCATED', { where, format });
  if (error instanceof UnsupportedVariant)
    return new ServingError('PICTURE_FORMAT_UNSUPPORTED', {
      where,
      format: error.message,
      supported: supportedFormats,
    });
  if (!(error instanceof CorruptPixels || error instanceof CorruptHeader)) return error;
  const problem = oneProblem(error.message);
  return isCutShort(bytes, format, problem)
    ? new ServingError('PICTURE_TRUNCATED', { where, format }, { cause: error })
    : new ServingError('PICTURE_CORRUPT', { where, format, problem }, { cause: error });
}

/** libvips lists every step that failed, some of them again and again: the first says it. */
function oneProblem(message: string): string {
  const [first = message] = message
    .replace('Input buffer has corrupt header: ', '')
    .split(/ Vips\w+: /);
  return first.trim().replace(/[:.]$/, '') || 'its data are damaged';
}
