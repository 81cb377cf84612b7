/** BMP to pixels as Pillow 13.0 gives them (`BmpImagePlugin.py`, `Unpack.c`); sharp has no BMP. */

import { type BmpFacts, readBmpFacts } from './bmp-header.ts';
import { decodeBmpRle } from './bmp-rle.ts';
import { Bytes, EndOfBytes } from './byte-cursor.ts';
import { UnsupportedVariant } from './header-facts.ts';
import { applyPalette, toPalette } from './palette.ts';
import type { Raster } from './raster.ts';

/** @throws EndOfBytes, UnsupportedVariant */
export function decodeBmp(picture: Uint8Array): Raster {
  const facts = readBmpFacts(new Bytes(picture));
  const { width, height, bits, palette } = facts;
  if (bits > 8) return decodeColor(picture, facts);
  const stored = picture.subarray(palette.at, palette.at + palette.colors * palette.step);
  const colors = toPalette(stored, palette.step, 2);
  return applyPalette(decodeIndices(picture, facts), width, height, colors);
}

/**
 * As TensorFlow's `decode_bmp` gives it: indices are taken for gray, whatever the palette says, and four bytes for
 * blue, green, red and alpha, whatever the masks say. What it refuses is decoded as Pillow does.
 *
 * @throws EndOfBytes, UnsupportedVariant
 */
export function decodeBmpAsTensorflow(picture: Uint8Array): Raster {
  const facts = readBmpFacts(new Bytes(picture));
  const { width, height, bits, compression } = facts;
  if (bits === 32) return decodeColor(picture, { ...facts, masks: [0, 0, 0] });
  if (bits !== 8 || compression !== 'none') return decodeBmp(picture);
  return { width, height, channels: 1, data: decodeIndices(picture, facts) };
}

function decodeIndices(picture: Uint8Array, facts: BmpFacts): Uint8Array {
  const { width, height, bits } = facts;
  const out = new Uint8Array(width * height);
  if (facts.compression !== 'none') {
    const rows = decodeBmpRle(picture, facts);
    eachRow(facts, (row, from) =>
      out.set(rows.subarray(from * width, (from + 1) * width), row * width),
    );
    return out;
  }
  const lines = storedLines(picture, facts);
  const mask = (1 << bits) - 1;
  eachRow(facts, (row, from) => {
    const line = lines(from);
    for (let x = 0; x < width; x++) {
      const byte = line[(x * bits) >> 3] as number;
      out[row * width + x] = (byte >> (8 - bits - ((x * bits) & 7))) & mask;
    }
  });
  return out;
}

/** Calls with the row of the picture and the row of the file that holds it. */
function eachRow({ height, topDown }: BmpFacts, visit: (row: number, from: number) => void): void {
  for (let row = 0; row < height; row++) visit(row, topDown ? row : height - 1 - row);
}

/** Rows are padded to four bytes. */
function storedLines(picture: Uint8Array, facts: BmpFacts): (from: number) => Uint8Array {
  const { width, height, bits, pixelsAt } = facts;
  const stride = Math.ceil((width * bits) / 32) * 4;
  if (pixelsAt + stride * height > picture.length) throw new EndOfBytes();
  return (from) => picture.subarray(pixelsAt + from * stride, pixelsAt + (from + 1) * stride);
}

function decodeColor(picture: Uint8Array, facts: BmpFacts): Raster {
  const { width, height } = facts;
  const data = new Uint8Array(width * height * 3);
  const lines = storedLines(picture, facts);
  const unpack = facts.bits === 16 ? unpackWords(facts) : unpackBytes(facts);
  eachRow(facts, (row, from) =>
    unpack(lines(from), data.subarray(row * width * 3, (row + 1) * width * 3)),
  );
  return { width, height, channels: 3, data };
}

type Unpack = (line: Uint8Array, rgb: Uint8Array) => void;

/** Which byte of a pixel is red, green and blue. */
function unpackBytes(facts: BmpFacts): Unpack {
  const step = facts.bits / 8;
  const [red, green, blue] = byteOrder(facts);
  return (line, rgb) => {
    for (let to = 0, at = 0; to < rgb.length; to += 3, at += step) {
      rgb[to] = line[at + red] as number;
      rgb[to + 1] = line[at + green] as number;
      rgb[to + 2] = line[at + blue] as number;
    }
  };
}

const byteOrders: Readonly<Record<string, readonly [number, number, number]>> = {
  '0 0 0': [2, 1, 0],
  'ff0000 ff00 ff': [2, 1, 0],
  'ff00 ff0000 ff000000': [1, 2, 3],
  'ff000000 ff0000 ff00': [3, 2, 1],
  'ff000000 ff00 ff': [3, 1, 0],
  'ff ff00 ff0000': [0, 1, 2],
};

function byteOrder({ masks }: BmpFacts): readonly [number, number, number] {
  const key = hexMasks(masks);
  const order = byteOrders[key];
  if (!order) throw new UnsupportedVariant(`BMP with the colour masks ${key}`);
  return order;
}

/** Five bits a colour, six for green in 565; scaled to bytes as Pillow does, rounding down. */
function unpackWords({ masks }: BmpFacts): Unpack {
  const key = hexMasks(masks);
  const is565 = key === 'f800 7e0 1f';
  if (!is565 && key !== '7c00 3e0 1f' && key !== '0 0 0')
    throw new UnsupportedVariant(`BMP with the colour masks ${key}`);
  const [redShift, greenMax] = is565 ? [11, 63] : [10, 31];
  return (line, rgb) => {
    for (let to = 0, at = 0; to < rgb.length; to += 3, at += 2) {
      const word = (line[at] as number) | ((line[at + 1] as number) << 8);
      rgb[to] = Math.trunc((((word >> redShift) & 31) * 255) / 31);
      rgb[to + 1] = Math.trunc((((word >> 5) & greenMax) * 255) / greenMax);
      rgb[to + 2] = Math.trunc(((word & 31) * 255) / 31);
    }
  };
}

function hexMasks(masks: readonly number[]): string {
  return masks
    .slice(0, 3)
    .map((mask) => mask.toString(16))
    .join(' ');
}
