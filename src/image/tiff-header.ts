/**
 * Size, sample layout and orientation from a TIFF's first directory. Source: TIFF 6.0, sections 2, 8, 18.
 *
 * Only the combinations of samples that were compared with Pillow are let through; the others are
 * named and refused, because libvips and Pillow read many of them differently.
 */

import { type Bytes, EndOfBytes } from './byte-cursor.ts';
import { asOrientation } from './exif.ts';
import { corruptHeader, type HeaderFacts, UnsupportedVariant } from './header-facts.ts';
import type { PictureLayout } from './picture-format.ts';

const tags = {
  width: 256,
  height: 257,
  bits: 258,
  compression: 259,
  photometric: 262,
  stripOffsets: 273,
  orientation: 274,
  samples: 277,
  stripLengths: 279,
  tileOffsets: 324,
  tileLengths: 325,
  extraSamples: 338,
  sampleFormat: 339,
} as const;

/** none, CCITT (2 to 4), LZW, JPEG, Deflate (two numbers), PackBits. */
const compressions = [1, 2, 3, 4, 5, 7, 8, 32946, 32773];

export function readTiffHeader(bytes: Bytes): HeaderFacts {
  const little = bytes.u8(0) === 0x49;
  const directory = readDirectory(bytes, bytes.u32(4, little), little);
  const first: FirstValue = (tag) => {
    const entry = directory.get(tag);
    return entry && valueAt(bytes, entry, 0, little);
  };
  const width = first(tags.width);
  const height = first(tags.height);
  if (width === undefined || height === undefined)
    throw corruptHeader('its first page has no width or no height');
  const layout = layoutOf(first);
  checkDataIsThere(bytes, directory, little);
  return { width, height, orientation: asOrientation(first(tags.orientation) ?? 1), layout };
}

/** The first value of a tag of the directory. */
type FirstValue = (tag: number) => number | undefined;

/** Of ExtraSamples: libvips divides by alpha with other rounding than Pillow. */
const premultiplied = 1;

/** What `knownLayout` decides on. */
interface Samples {
  readonly photometric: number;
  readonly count: number;
  readonly bits: number;
  readonly format: number;
  readonly extra: number | undefined;
}

function layoutOf(first: FirstValue): PictureLayout {
  const compression = first(tags.compression) ?? 1;
  if (!compressions.includes(compression))
    throw new UnsupportedVariant(`TIFF with compression ${compression}`);
  const samples: Samples = {
    photometric: first(tags.photometric) ?? 0,
    count: first(tags.samples) ?? 1,
    bits: first(tags.bits) ?? 1,
    format: first(tags.sampleFormat) ?? 1,
    extra: first(tags.extraSamples),
  };
  const layout = knownLayout(samples, compression);
  if (layout === undefined) throw new UnsupportedVariant(describe(samples));
  return layout;
}

function knownLayout(samples: Samples, compression: number): PictureLayout | undefined {
  if (samples.format === 3) return isFloatGray(samples) ? 'plain' : undefined;
  if (samples.format !== 1) return undefined;
  switch (samples.photometric) {
    case 0:
    case 1:
      return grayLayout(samples);
    case 2:
      return colorLayout(samples);
    case 3:
      return samples.count === 1 && samples.bits <= 8 ? 'plain' : undefined;
    case 5:
      return samples.count === 4 && samples.bits === 8 ? 'cmyk' : undefined;
    case 6:
      return samples.count === 3 && samples.bits === 8 && compression === 7 ? 'plain' : undefined;
    default:
      return undefined;
  }
}

function isFloatGray({ photometric, count, bits }: Samples): boolean {
  return photometric === 1 && count === 1 && bits === 32;
}

function grayLayout({ photometric, count, bits, extra }: Samples): PictureLayout | undefined {
  if (count === 1 && bits <= 8) return 'gray';
  if (count === 1 && bits === 16 && photometric === 1) return 'gray16';
  return count === 2 && bits === 8 && photometric === 1 && extra !== premultiplied
    ? 'plain'
    : undefined;
}

function colorLayout({ count, bits, extra }: Samples): PictureLayout | undefined {
  if (bits !== 8 && bits !== 16) return undefined;
  if (count === 3) return 'plain';
  return count === 4 && extra !== premultiplied ? 'plain' : undefined;
}

function describe({ photometric, count, bits, format, extra }: Samples): string {
  const extras = extra === undefined ? '' : `, extra samples ${extra}`;
  return `TIFF with ${count} samples of ${bits} bits (photometric ${photometric}, sample format ${format}${extras})`;
}

/** Bytes a value, by type: BYTE 1, ASCII 2, SHORT 3, LONG 4, RATIONAL 5, the signed ones, floats 11 and 12. */
const typeSizes = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8];

/** Where the values of an entry lie. */
interface Entry {
  readonly at: number;
  /** Bytes a value; numbers are read from 2 (SHORT) and 4 (LONG). */
  readonly size: number;
  readonly count: number;
}

type Directory = ReadonlyMap<number, Entry>;

/** @throws EndOfBytes also where the values of any tag are missing: JPEG-in-TIFF keeps its tables in one */
function readDirectory(bytes: Bytes, at: number, little: boolean): Directory {
  const entries = new Map<number, Entry>();
  const total = bytes.u16(at, little);
  for (let i = 0; i < total; i++) {
    const start = at + 2 + 12 * i;
    const size = typeSizes[bytes.u16(start + 2, little)] ?? 0;
    const count = bytes.u32(start + 4, little);
    const values = size * count <= 4 ? start + 8 : bytes.u32(start + 8, little);
    if (values + size * count > bytes.length) throw new EndOfBytes();
    entries.set(bytes.u16(start, little), { at: values, size, count });
  }
  return entries;
}

function valueAt(bytes: Bytes, { at, size }: Entry, i: number, little: boolean): number {
  if (size === 2) return bytes.u16(at + 2 * i, little);
  return size === 4 ? bytes.u32(at + 4 * i, little) : bytes.u8(at + i);
}

/** The header is read on the server's thread: more are not worth holding it. */
const maxParts = 100_000;

/** libvips fills what is missing with black, so missing strips or tiles must be found here. */
function checkDataIsThere(bytes: Bytes, entries: Directory, little: boolean): void {
  const offsets = entries.get(tags.stripOffsets) ?? entries.get(tags.tileOffsets);
  const lengths = entries.get(tags.stripLengths) ?? entries.get(tags.tileLengths);
  if (!offsets) throw corruptHeader('it has neither strips nor tiles');
  if (offsets.count > maxParts) throw corruptHeader(`it has ${offsets.count} strips or tiles`);
  for (let i = 0; i < offsets.count; i++) {
    const length = lengths && i < lengths.count ? valueAt(bytes, lengths, i, little) : 1;
    if (valueAt(bytes, offsets, i, little) + length > bytes.length) throw new EndOfBytes();
  }
}
