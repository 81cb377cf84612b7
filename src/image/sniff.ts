/**
 * What a picture is, from its header alone: nothing is decoded and no more than the header is read.
 *
 * Owns: telling no picture, an unsupported one, a truncated and a corrupt header apart.
 * Does not own: the limit of pixels (the reader knows it), nor whether the pixels can be decoded.
 */

import { ServingError } from '../errors.ts';
import { readBmpHeader } from './bmp-header.ts';
import { Bytes, EndOfBytes } from './byte-cursor.ts';
import { readGifHeader } from './gif-header.ts';
import { CorruptHeader, type HeaderFacts, UnsupportedVariant } from './header-facts.ts';
import { readJpegHeader } from './jpeg-header.ts';
import { type PictureFormat, type PictureHeader, supportedFormats } from './picture-format.ts';
import { readPngHeader } from './png-header.ts';
import { readSignature } from './signature.ts';
import { readTiffHeader } from './tiff-header.ts';
import { readWebpHeader } from './webp-header.ts';

const readers = {
  JPEG: readJpegHeader,
  PNG: readPngHeader,
  WebP: readWebpHeader,
  GIF: readGifHeader,
  TIFF: readTiffHeader,
  BMP: readBmpHeader,
} satisfies Record<PictureFormat, (bytes: Bytes) => HeaderFacts>;

/**
 * Format, stored size, orientation and sample layout of an encoded picture.
 *
 * @param where how an error names the picture, such as `picture 2 (field img)`
 * @throws PICTURE_EMPTY, PICTURE_NOT_RECOGNISED, PICTURE_FORMAT_UNSUPPORTED, PICTURE_TRUNCATED, PICTURE_CORRUPT
 */
export function sniffPicture(picture: Uint8Array, where: string): PictureHeader {
  if (picture.length === 0) throw new ServingError('PICTURE_EMPTY', { where });
  const bytes = new Bytes(picture);
  const format = supportedFormat(bytes, where);
  const header = { format, ...readHeader(bytes, format, where) };
  if (header.width < 1 || header.height < 1)
    throw corrupt(where, format, `its size is ${header.width}×${header.height}`);
  return header;
}

function supportedFormat(bytes: Bytes, where: string): PictureFormat {
  const signature = readSignature(bytes);
  if (signature === undefined)
    throw new ServingError('PICTURE_NOT_RECOGNISED', { where, supported: supportedFormats });
  if (!signature.supported) throw unsupported(where, signature.format);
  return signature.format;
}

function readHeader(bytes: Bytes, format: PictureFormat, where: string): HeaderFacts {
  try {
    return readers[format](bytes);
  } catch (error) {
    if (error instanceof EndOfBytes) throw new ServingError('PICTURE_TRUNCATED', { where, format });
    if (error instanceof CorruptHeader) throw corrupt(where, format, error.message);
    if (error instanceof UnsupportedVariant) throw unsupported(where, error.message);
    throw error;
  }
}

function corrupt(where: string, format: string, problem: string): ServingError {
  return new ServingError('PICTURE_CORRUPT', { where, format, problem });
}

function unsupported(where: string, format: string): ServingError {
  return new ServingError('PICTURE_FORMAT_UNSUPPORTED', {
    where,
    format,
    supported: supportedFormats,
  });
}
