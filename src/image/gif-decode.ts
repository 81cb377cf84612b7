/**
 * The first frame of a GIF as Pillow's `convert('RGB')` gives it: the transparent index keeps its
 * palette colour (libvips, and so sharp, would lose it).
 */

import { Bytes } from './byte-cursor.ts';
import { type GifFrame, readGifFrame } from './gif-header.ts';
import { decodeGifLzw } from './gif-lzw.ts';
import { UnsupportedVariant } from './header-facts.ts';
import { applyPalette, grayRamp, type Palette, toPalette } from './palette.ts';
import type { Raster } from './raster.ts';

/** @throws EndOfBytes, CorruptPixels */
export function decodeGif(picture: Uint8Array): Raster {
  const frame = readGifFrame(new Bytes(picture));
  return decodeFrame(picture, frame, paletteOf(picture, frame));
}

/**
 * As TensorFlow's `decode_image` gives it: what is transparent is black.
 *
 * @throws EndOfBytes, CorruptPixels, UnsupportedVariant where it would give the frame without its canvas
 */
export function decodeGifAsTensorflow(picture: Uint8Array): Raster {
  const frame = readGifFrame(new Bytes(picture));
  const { width, height, frameWidth, frameHeight, transparent } = frame;
  if (frameWidth !== width || frameHeight !== height)
    throw new UnsupportedVariant('GIF with a smaller first frame');
  const palette = Uint8Array.from(paletteOf(picture, frame));
  if (transparent !== undefined) palette.fill(0, 3 * transparent, 3 * transparent + 3);
  return decodeFrame(picture, frame, palette);
}

function paletteOf(picture: Uint8Array, { palette }: GifFrame): Palette {
  if (!palette) return grayRamp;
  return toPalette(picture.subarray(palette.at, palette.at + palette.length), 3, 0);
}

function decodeFrame(picture: Uint8Array, frame: GifFrame, palette: Palette): Raster {
  const indices = decodeGifLzw(picture, frame.dataAt, frame.frameWidth * frame.frameHeight);
  return applyPalette(placeFrame(indices, frame), frame.width, frame.height, palette);
}

function placeFrame(indices: Uint8Array, frame: GifFrame): Uint8Array {
  const { width, height, frameWidth, frameHeight, left, top } = frame;
  const rows = frame.interlaced ? interlacedRows(frameHeight) : undefined;
  const canvas = new Uint8Array(width * height).fill(frame.transparent ?? 0);
  for (let i = 0; i < frameHeight; i++) {
    const line = indices.subarray(i * frameWidth, (i + 1) * frameWidth);
    canvas.set(line, (top + (rows?.[i] ?? i)) * width + left);
  }
  return canvas;
}

/** The order in which an interlaced frame stores its rows: every eighth, and three times the ones between. */
function interlacedRows(height: number): Uint32Array {
  const rows = new Uint32Array(height);
  let i = 0;
  for (const [from, step] of [
    [0, 8],
    [4, 8],
    [2, 4],
    [1, 2],
  ] as const)
    for (let row = from; row < height; row += step) rows[i++] = row;
  return rows;
}
