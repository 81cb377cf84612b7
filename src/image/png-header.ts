/**
 * Size, depth and orientation from a PNG's chunks. Source: PNG specification 3rd edition, section 5 and 11.
 */

import { type Bytes, maxSegments } from './byte-cursor.ts';
import { readOrientation } from './exif.ts';
import { corruptHeader, type HeaderFacts } from './header-facts.ts';
import type { Orientation, PictureLayout } from './picture-format.ts';

const firstChunk = 8;
const grayType = 0;
const grayAlphaType = 4;

export function readPngHeader(bytes: Bytes): HeaderFacts {
  if (bytes.text(firstChunk, 8).slice(4) !== 'IHDR' && bytes.length >= firstChunk + 8)
    throw corruptHeader('the first chunk is not IHDR');
  const at = firstChunk + 8;
  return {
    width: bytes.u32(at),
    height: bytes.u32(at + 4),
    layout: layoutOf(bytes.u8(at + 8), bytes.u8(at + 9)),
    orientation: findOrientation(bytes),
  };
}

function layoutOf(depth: number, colorType: number): PictureLayout {
  if (colorType === grayType) return depth === 16 ? 'gray16' : 'gray';
  return colorType === grayAlphaType && depth < 16 ? 'gray' : 'plain';
}

/** The eXIf chunk may stand anywhere; without one, or past the end, the picture is upright. */
function findOrientation(bytes: Bytes): Orientation {
  let at = firstChunk;
  for (let count = 0; at + 8 <= bytes.length && count < maxSegments; count++) {
    if (bytes.hasTag(at + 4, 'eXIf')) return readOrientation(bytes, at + 8);
    at += 12 + bytes.u32(at);
  }
  return 1;
}
