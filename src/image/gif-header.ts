/**
 * The blocks of a GIF up to its first frame. Source: GIF89a, sections 18 to 23; and Pillow 13.0
 * `GifImagePlugin.py` for what happens where files break the rules.
 */

import type { Bytes } from './byte-cursor.ts';
import { corruptHeader, type HeaderFacts } from './header-facts.ts';

const extension = 0x21;
const imageDescriptor = 0x2c;
const trailer = 0x3b;
const graphicControl = 0xf9;
/** The header is read on the server's thread; comments of a megabyte are not worth holding it. */
const maxHeaderBytes = 1 << 20;

export interface GifFrame {
  /** The canvas; it grows where the first frame lies outside the screen. */
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly top: number;
  readonly frameWidth: number;
  readonly frameHeight: number;
  readonly interlaced: boolean;
  /** The index that stands for "nothing"; the canvas around the frame is filled with it. */
  readonly transparent: number | undefined;
  /** Where the palette's bytes lie: the frame's own, else the screen's, else none. */
  readonly palette: { readonly at: number; readonly length: number } | undefined;
  /** Where the compressed data begin: the minimum code size, then blocks. */
  readonly dataAt: number;
}

export function readGifHeader(bytes: Bytes): HeaderFacts {
  const { width, height } = readGifFrame(bytes);
  return { width, height, orientation: 1, layout: 'plain' };
}

export function readGifFrame(bytes: Bytes): GifFrame {
  const flags = bytes.u8(10);
  const palette = paletteAt(13, flags);
  let at = 13 + (palette?.length ?? 0);
  let transparent: number | undefined;
  while (at < maxHeaderBytes) {
    const block = bytes.u8(at);
    if (block === imageDescriptor) return frameAt(bytes, at + 1, transparent, palette);
    if (block === trailer) throw corruptHeader('it has no frame');
    if (block === extension) {
      transparent = transparentIndex(bytes, at + 1) ?? transparent;
      at = afterBlocks(bytes, at + 2);
    } else at++;
  }
  throw corruptHeader('it has no frame in its first megabyte');
}

/** Bit 7 says that there is one, the low three bits how large it is. */
function paletteAt(at: number, flags: number): GifFrame['palette'] {
  return flags & 0x80 ? { at, length: 3 * (2 << (flags & 7)) } : undefined;
}

function transparentIndex(bytes: Bytes, at: number): number | undefined {
  const isControl = bytes.u8(at) === graphicControl && bytes.u8(at + 1) >= 4;
  return isControl && bytes.u8(at + 2) & 1 ? bytes.u8(at + 5) : undefined;
}

/** Skips sub-blocks up to and with the empty one. */
function afterBlocks(bytes: Bytes, from: number): number {
  let at = from;
  for (let length = bytes.u8(at); length > 0; length = bytes.u8(at)) at += 1 + length;
  return at + 1;
}

function frameAt(
  bytes: Bytes,
  at: number,
  transparent: number | undefined,
  screenPalette: GifFrame['palette'],
): GifFrame {
  const [left, top] = [bytes.u16(at, true), bytes.u16(at + 2, true)];
  const [frameWidth, frameHeight] = [bytes.u16(at + 4, true), bytes.u16(at + 6, true)];
  if (frameWidth === 0 || frameHeight === 0) throw corruptHeader('its first frame has no pixels');
  const flags = bytes.u8(at + 8);
  const own = paletteAt(at + 9, flags);
  return {
    width: Math.max(bytes.u16(6, true), left + frameWidth),
    height: Math.max(bytes.u16(8, true), top + frameHeight),
    left,
    top,
    frameWidth,
    frameHeight,
    interlaced: (flags & 0x40) !== 0,
    transparent,
    palette: own ?? screenPalette,
    dataAt: at + 9 + (own?.length ?? 0),
  };
}
