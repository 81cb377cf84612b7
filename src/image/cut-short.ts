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
      return /premature end/i.test(problem);
    case 'TIFF':
    case 'GIF':
    case 'BMP':
      return false;
    default:
      return format satisfies never;
  }
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
