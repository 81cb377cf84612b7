/**
 * Canvas size and orientation from a WebP's chunks. Source: RFC 9649 (WebP), sections 2.5 to 2.7 and 3.4; RFC 6386, 9.1.
 */

import { type Bytes, maxSegments } from './byte-cursor.ts';
import { readOrientation } from './exif.ts';
import { corruptHeader, type HeaderFacts } from './header-facts.ts';
import type { Orientation } from './picture-format.ts';

const firstChunk = 12;

export function readWebpHeader(bytes: Bytes): HeaderFacts {
  return { ...readSize(bytes), orientation: findOrientation(bytes), layout: 'plain' };
}

function readSize(bytes: Bytes): { width: number; height: number } {
  const at = firstChunk + 8;
  const fourCc = bytes.text(firstChunk, 4);
  if (fourCc === 'VP8X') return { width: bytes.u24(at + 4) + 1, height: bytes.u24(at + 7) + 1 };
  if (fourCc === 'VP8L') return losslessSize(bytes.u32(at + 1, true));
  if (fourCc === 'VP8 ')
    return { width: bytes.u16(at + 6, true) & 0x3fff, height: bytes.u16(at + 8, true) & 0x3fff };
  throw corruptHeader(`the first chunk is "${fourCc}"; expected VP8, VP8L or VP8X`);
}

/** 14 bits width − 1, then 14 bits height − 1. */
function losslessSize(bits: number): { width: number; height: number } {
  return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
}

function findOrientation(bytes: Bytes): Orientation {
  let at = firstChunk;
  for (let count = 0; at + 8 <= bytes.length && count < maxSegments; count++) {
    if (bytes.hasTag(at, 'EXIF')) return readOrientation(bytes, exifStart(bytes, at + 8));
    const size = bytes.u32(at + 4, true);
    at += 8 + size + (size & 1);
  }
  return 1;
}

/** Some writers keep JPEG's "Exif\0\0" in front of the TIFF header. */
function exifStart(bytes: Bytes, at: number): number {
  return bytes.text(at, 6) === 'Exif\0\0' ? at + 6 : at;
}
