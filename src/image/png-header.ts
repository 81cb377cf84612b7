/**
 * Size, depth and orientation from a PNG's chunks. Source: PNG specification 3rd edition, section 5 and 11.
 */

import type { Bytes } from './byte-cursor.ts';
import { readOrientation } from './exif.ts';
import { corruptHeader, type HeaderFacts } from './header-facts.ts';
import type { Orientation } from './picture-format.ts';

const firstChunk = 8;
/** Colour type 0. */
const gray = 0;

export function readPngHeader(bytes: Bytes): HeaderFacts {
  if (bytes.text(firstChunk, 8).slice(4) !== 'IHDR' && bytes.length >= firstChunk + 8)
    throw corruptHeader('the first chunk is not IHDR');
  const at = firstChunk + 8;
  return {
    width: bytes.u32(at),
    height: bytes.u32(at + 4),
    layout: bytes.u8(at + 8) === 16 && bytes.u8(at + 9) === gray ? 'gray16' : 'plain',
    orientation: findOrientation(bytes),
  };
}

/** The eXIf chunk may stand anywhere; without one, or past the end, the picture is upright. */
function findOrientation(bytes: Bytes): Orientation {
  let at = firstChunk;
  while (at + 8 <= bytes.length) {
    if (bytes.text(at + 4, 4) === 'eXIf') return readOrientation(bytes, at + 8);
    at += 12 + bytes.u32(at);
  }
  return 1;
}
