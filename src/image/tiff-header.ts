/**
 * Size, sample layout and orientation from a TIFF's first directory. Source: TIFF 6.0, sections 2, 8, 18.
 *
 * Only the combinations of samples that were compared with Pillow are let through; the others are
 * named and refused, because libvips and Pillow read many of them differently.
 */

import type { Bytes } from './byte-cursor.ts';
import { asOrientation } from './exif.ts';
import { corruptHeader, type HeaderFacts, UnsupportedVariant } from './header-facts.ts';
import type { PictureLayout } from './picture-format.ts';

const tags = {
  width: 256,
  height: 257,
  bits: 258,
  compression: 259,
  photometric: 262,
  orientation: 274,
  samples: 277,
  extraSamples: 338,
  sampleFormat: 339,
} as const;

/** none, CCITT (2 to 4), LZW, JPEG, Deflate (two numbers), PackBits. */
const compressions = [1, 2, 3, 4, 5, 7, 8, 32946, 32773];

export function readTiffHeader(bytes: Bytes): HeaderFacts {
  const little = bytes.u8(0) === 0x49;
  const entries = readDirectory(bytes, bytes.u32(4, little), little);
  const width = entries.get(tags.width);
  const height = entries.get(tags.height);
  if (width === undefined || height === undefined)
    throw corruptHeader('its first page has no width or no height');
  const orientation = asOrientation(entries.get(tags.orientation) ?? 1);
  return { width, height, orientation, layout: layoutOf(entries) };
}

/** What `layouts` is keyed by. */
interface Samples {
  readonly photometric: number;
  readonly count: number;
  readonly bits: number;
  readonly format: number;
  readonly extra: number | undefined;
}

function layoutOf(entries: ReadonlyMap<number, number>): PictureLayout {
  const compression = entries.get(tags.compression) ?? 1;
  if (!compressions.includes(compression))
    throw new UnsupportedVariant(`TIFF with compression ${compression}`);
  const samples: Samples = {
    photometric: entries.get(tags.photometric) ?? 0,
    count: entries.get(tags.samples) ?? 1,
    bits: entries.get(tags.bits) ?? 1,
    format: entries.get(tags.sampleFormat) ?? 1,
    extra: entries.get(tags.extraSamples),
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
  if (count === 1 && bits <= 8) return 'plain';
  if (count === 1 && bits === 16 && photometric === 1) return 'gray16';
  return count === 2 && bits === 8 && photometric === 1 && extra !== 1 ? 'plain' : undefined;
}

function colorLayout({ count, bits, extra }: Samples): PictureLayout | undefined {
  if (bits !== 8 && bits !== 16) return undefined;
  if (count === 3) return 'plain';
  if (count !== 4) return undefined;
  if (extra === 1) return bits === 8 ? 'premultiplied' : undefined;
  return 'plain';
}

function describe({ photometric, count, bits, format, extra }: Samples): string {
  const extras = extra === undefined ? '' : `, extra samples ${extra}`;
  return `TIFF with ${count} samples of ${bits} bits (photometric ${photometric}, sample format ${format}${extras})`;
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
