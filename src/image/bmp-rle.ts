/**
 * BMP's run-length codes. Source: Microsoft, "Bitmap Compression"; tolerances as in Pillow 13.0
 * `BmpImagePlugin.py`, `BmpRleDecoder`.
 */

import type { BmpFacts } from './bmp-header.ts';
import { EndOfBytes } from './byte-cursor.ts';

const endOfLine = 0;
const endOfBitmap = 1;
const delta = 2;

/** One index a byte, rows in the file's order. @throws EndOfBytes when they end before all rows are there */
export function decodeBmpRle(bytes: Uint8Array, facts: BmpFacts): Uint8Array {
  const { width, height, compression, pixelsAt } = facts;
  const nibbles = compression === 'rle4';
  const out = new Uint8Array(width * height);
  let at = pixelsAt;
  let to = 0;
  let x = 0;
  while (to < out.length) {
    if (at + 2 > bytes.length) throw new EndOfBytes();
    const count = bytes[at++] as number;
    const value = bytes[at++] as number;
    if (count > 0) run(Math.max(0, Math.min(count, width - x)), value);
    else if (value === endOfLine) {
      to = Math.ceil(to / width) * width;
      x = 0;
    } else if (value === endOfBitmap) throw new EndOfBytes();
    else if (value === delta) skip();
    else absolute(value);
  }
  return out;

  function run(count: number, value: number): void {
    for (let i = 0; i < count && to < out.length; i++) out[to++] = pick(value, i);
    x += count;
  }

  function pick(byte: number, i: number): number {
    if (!nibbles) return byte;
    return i % 2 === 0 ? byte >> 4 : byte & 15;
  }

  function skip(): void {
    if (at + 2 > bytes.length) throw new EndOfBytes();
    const right = bytes[at++] as number;
    const up = bytes[at++] as number;
    to = Math.min(to + right + up * width, out.length);
    x = to % width;
  }

  /** Literal pixels, padded to an even offset in the file. */
  function absolute(count: number): void {
    const wanted = Math.min(count, out.length - to);
    const length = nibbles ? Math.ceil(wanted / 2) : wanted;
    if (at + length > bytes.length) throw new EndOfBytes();
    for (let i = 0; i < wanted; i++)
      out[to++] = pick(bytes[nibbles ? at + (i >> 1) : at + i] as number, i);
    at += length;
    at += at % 2;
    x += count;
  }
}
