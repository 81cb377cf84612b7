/**
 * Size, sample layout and orientation from a TIFF's first directory. Source: TIFF 6.0, sections 2 and 8.
 */

import type { Bytes } from './byte-cursor.ts';
import { asOrientation } from './exif.ts';
import { corruptHeader, type HeaderFacts } from './header-facts.ts';
import { deepLayout, type PictureLayout, plainLayout } from './picture-format.ts';

const tags = {
  width: 256,
  height: 257,
  bitsPerSample: 258,
  photometric: 262,
  orientation: 274,
} as const;
const separated = 5;

export function readTiffHeader(bytes: Bytes): HeaderFacts {
  const little = bytes.u8(0) === 0x49;
  const entries = readDirectory(bytes, bytes.u32(4, little), little);
  const width = entries.get(tags.width);
  const height = entries.get(tags.height);
  if (width === undefined || height === undefined)
    throw corruptHeader('its first page has no width or no height');
  const layout = layoutOf(entries);
  return { width, height, layout, orientation: asOrientation(entries.get(tags.orientation) ?? 1) };
}

function layoutOf(entries: ReadonlyMap<number, number>): PictureLayout {
  if ((entries.get(tags.bitsPerSample) ?? 1) === 16) return deepLayout;
  if (entries.get(tags.photometric) === separated) return { kind: 'cmyk', adobe: false };
  return plainLayout;
}

/** Tag → its first value, for tags of SHORT (3) and LONG (4). */
function readDirectory(bytes: Bytes, at: number, little: boolean): Map<number, number> {
  const entries = new Map<number, number>();
  const count = bytes.u16(at, little);
  for (let i = 0; i < count; i++) {
    const entry = at + 2 + 12 * i;
    const value = readValue(bytes, entry, little);
    if (value !== undefined) entries.set(bytes.u16(entry, little), value);
  }
  return entries;
}

function readValue(bytes: Bytes, entry: number, little: boolean): number | undefined {
  const size = { 3: 2, 4: 4 }[bytes.u16(entry + 2, little)];
  if (size === undefined) return undefined;
  const inline = bytes.u32(entry + 4, little) * size <= 4;
  const at = inline ? entry + 8 : bytes.u32(entry + 8, little);
  return size === 2 ? bytes.u16(at, little) : bytes.u32(at, little);
}
