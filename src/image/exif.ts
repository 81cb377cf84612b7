/**
 * The orientation tag (0x0112) of an EXIF block. Source: EXIF 2.32, section 4.6; the block is a TIFF file.
 */

import { type Bytes, EndOfBytes } from './byte-cursor.ts';
import type { Orientation } from './picture-format.ts';

const orientationTag = 0x0112;

/** Orientation of the TIFF structure at `base`; 1 when there is none or the block is broken. */
export function readOrientation(bytes: Bytes, base: number): Orientation {
  try {
    return findOrientation(bytes, base);
  } catch (error) {
    if (error instanceof EndOfBytes) return 1;
    throw error;
  }
}

function findOrientation(bytes: Bytes, base: number): Orientation {
  const order = bytes.text(base, 2);
  if (order !== 'II' && order !== 'MM') return 1;
  const little = order === 'II';
  const directory = base + bytes.u32(base + 4, little);
  const count = bytes.u16(directory, little);
  for (let i = 0; i < count; i++) {
    const entry = directory + 2 + 12 * i;
    if (bytes.u16(entry, little) === orientationTag)
      return asOrientation(bytes.u16(entry + 8, little));
  }
  return 1;
}

export function asOrientation(value: number): Orientation {
  return value >= 1 && value <= 8 ? (value as Orientation) : 1;
}
