/**
 * A BMP's headers. Source: Microsoft, BITMAPCOREHEADER to BITMAPV5HEADER; and Pillow 13.0
 * `BmpImagePlugin.py` for which layouts are read and where the pixels are taken to begin.
 */

import type { Bytes } from './byte-cursor.ts';
import { corruptHeader, type HeaderFacts, UnsupportedVariant } from './header-facts.ts';

export interface BmpFacts {
  readonly width: number;
  readonly height: number;
  readonly topDown: boolean;
  readonly bits: 1 | 4 | 8 | 16 | 24 | 32;
  readonly compression: 'none' | 'rle8' | 'rle4' | 'bitfields';
  /** For bitfields: red, green, blue, alpha; zeros otherwise. */
  readonly masks: readonly number[];
  readonly palette: { readonly at: number; readonly colors: number; readonly step: 3 | 4 };
  readonly pixelsAt: number;
}

const infoAt = 14;
const coreLength = 12;

export function readBmpHeader(bytes: Bytes): HeaderFacts {
  const { width, height } = readBmpFacts(bytes);
  return { width, height, orientation: 1, layout: 'plain' };
}

export function readBmpFacts(bytes: Bytes): BmpFacts {
  const length = bytes.u32(infoAt, true);
  const core = length === coreLength;
  const height = core ? bytes.u16(20, true) : bytes.i32(22, true);
  const bits = knownBits(bytes.u16(core ? 24 : 28, true));
  const compression = core ? 'none' : knownCompression(bytes.u32(30, true), bits);
  const afterHeader = infoAt + length;
  const masksAfter = compression === 'bitfields' && length < 52;
  const paletteAt = afterHeader + (masksAfter ? 12 : 0);
  const colors = (core ? 0 : bytes.u32(46, true)) || 2 ** bits;
  if (bits <= 8 && colors > 256) throw corruptHeader(`its palette has ${colors} colours`);
  const step = core ? 3 : 4;
  return {
    width: core ? bytes.u16(18, true) : bytes.i32(18, true),
    height: Math.abs(height),
    topDown: height < 0,
    bits,
    compression,
    masks: compression === 'bitfields' ? readMasks(bytes, length, afterHeader) : [0, 0, 0, 0],
    palette: { at: paletteAt, colors, step },
    pixelsAt: pixelsAt(bytes.u32(10, true), afterHeader, paletteAt, bits <= 8 ? colors * step : 0),
  };
}

function knownBits(bits: number): BmpFacts['bits'] {
  if (bits === 1 || bits === 4 || bits === 8 || bits === 16 || bits === 24 || bits === 32)
    return bits;
  throw new UnsupportedVariant(`BMP of ${bits} bits a pixel`);
}

function knownCompression(compression: number, bits: number): BmpFacts['compression'] {
  if (compression === 0) return 'none';
  if (compression === 1 && bits === 8) return 'rle8';
  if (compression === 2 && bits === 4) return 'rle4';
  if (compression === 3 && bits >= 16) return 'bitfields';
  throw new UnsupportedVariant(`BMP of ${bits} bits with compression ${compression}`);
}

function readMasks(bytes: Bytes, length: number, afterHeader: number): number[] {
  const at = length < 52 ? afterHeader : infoAt + 40;
  const rgb = [bytes.u32(at, true), bytes.u32(at + 4, true), bytes.u32(at + 8, true)];
  return [...rgb, length >= 56 ? bytes.u32(at + 12, true) : 0];
}

/** Some writers give the end of the header, as if there were no palette, or nothing at all. */
function pixelsAt(
  stored: number,
  afterHeader: number,
  paletteAt: number,
  paletteBytes: number,
): number {
  if (stored === afterHeader) return stored + paletteBytes;
  return stored === 0 ? paletteAt + paletteBytes : stored;
}
