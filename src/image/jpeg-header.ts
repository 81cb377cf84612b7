/**
 * Size, colour layout and orientation from a JPEG's markers. Source: ITU-T T.81, annex B.
 */

import { type Bytes, maxSegments } from './byte-cursor.ts';
import { readOrientation } from './exif.ts';
import type { HeaderFacts } from './header-facts.ts';
import { corruptHeader, UnsupportedVariant } from './header-facts.ts';
import type { Orientation, PictureLayout } from './picture-format.ts';

/** By the number of components. */
const layouts: Readonly<Record<number, PictureLayout>> = { 1: 'gray', 3: 'plain', 4: 'cmyk' };

const startOfScan = 0xda;
const app1 = 0xe1;

export function readJpegHeader(bytes: Bytes): HeaderFacts {
  let orientation: Orientation = 1;
  for (const { marker, at } of segments(bytes)) {
    if (marker === app1 && orientation === 1 && bytes.hasTag(at, 'Exif'))
      orientation = readOrientation(bytes, at + 6);
    else if (isFrame(marker)) return { ...frameFacts(bytes, at), orientation };
  }
  throw corruptHeader('no frame header before the picture data');
}

/** Markers with a body, up to the start of the scan. Stray bytes between segments are skipped, as libjpeg does. */
function* segments(bytes: Bytes): Generator<{ marker: number; at: number }> {
  let at = 2;
  for (let count = 0; count < maxSegments; count++) {
    at = nextMarker(bytes, at);
    const marker = bytes.u8(at++);
    if (marker === startOfScan) return;
    if (hasNoBody(marker)) continue;
    const length = bytes.u16(at);
    if (length < 2) throw corruptHeader(`marker ${marker.toString(16)} has a length of ${length}`);
    yield { marker, at: at + 2 };
    at += length;
  }
  throw corruptHeader('its header has too many segments');
}

/** Where the code of the next marker stands; a marker may be padded with more 0xFF. */
function nextMarker(bytes: Bytes, from: number): number {
  let at = from;
  while (bytes.u8(at) !== 0xff) at++;
  while (bytes.u8(at) === 0xff) at++;
  return at;
}

/** A stuffed zero, TEM, restart markers and a second start of image. */
function hasNoBody(marker: number): boolean {
  return marker <= 0x01 || (marker >= 0xd0 && marker <= 0xd9);
}

/** SOF0 to SOF15 without DHT (C4), JPG (C8) and DAC (CC). */
function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}

function frameFacts(bytes: Bytes, at: number): HeaderFacts {
  const precision = bytes.u8(at);
  if (precision !== 8) throw new UnsupportedVariant(`${precision}-bit JPEG`);
  const components = bytes.u8(at + 5);
  const layout = layouts[components];
  if (layout === undefined) throw new UnsupportedVariant(`JPEG of ${components} components`);
  return { width: bytes.u16(at + 3), height: bytes.u16(at + 1), orientation: 1, layout };
}
