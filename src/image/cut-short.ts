/** Whether a file that cannot be decoded simply ends too early, by the lengths that it declares. */

import { Bytes } from './byte-cursor.ts';
import type { PictureFormat } from './picture-format.ts';

/** @param problem what the decoder said */
export function isCutShort(picture: Uint8Array, format: PictureFormat, problem: string): boolean {
  const bytes = new Bytes(picture);
  switch (format) {
    case 'PNG':
      return !hasPngEnd(bytes);
    case 'WebP':
      return bytes.u32(4, true) + 8 > bytes.length;
    case 'JPEG':
      // libvips keeps its messages in one place for all threads: one of two that fail together loses it.
      return /premature end/i.test(problem) || !hasJpegEnd(picture);
    case 'TIFF':
    case 'GIF':
    case 'BMP':
      return false;
    default:
      return format satisfies never;
  }
}

/** The end marker behind the last start of a scan; a thumbnail in the header has its own two before it. */
function hasJpegEnd(picture: Uint8Array): boolean {
  const bytes = Buffer.from(picture.buffer, picture.byteOffset, picture.byteLength);
  return bytes.lastIndexOf('ffd9', undefined, 'hex') > bytes.lastIndexOf('ffda', undefined, 'hex');
}

/** Follows the chunks' lengths to IEND. */
function hasPngEnd(bytes: Bytes): boolean {
  let at = 8;
  while (at + 12 <= bytes.length) {
    if (bytes.text(at + 4, 4) === 'IEND') return true;
    at += 12 + bytes.u32(at);
  }
  return false;
}
