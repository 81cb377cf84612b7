/**
 * PNG to the pixels of TensorFlow's `decode_png` and `decode_image`, where those are not Pillow's: gray of 16 bits
 * keeps its high byte, and coloured pictures become gray as libpng does it (1.6, `png_set_rgb_to_gray` with the
 * weights 0.299 and 0.587), which is done to light where the file has a gamma.
 */

import { Bytes, maxSegments } from './byte-cursor.ts';
import { UnsupportedVariant } from './header-facts.ts';
import type { PictureHeader } from './picture-format.ts';
import type { Raster } from './raster.ts';
import { decodeWithSharp, decodeWords, type Words } from './sharp-decode.ts';

/** @throws CorruptPixels, UnsupportedVariant */
export async function decodePngAsTensorflow(
  bytes: Uint8Array,
  header: PictureHeader,
  gray: boolean,
): Promise<Raster> {
  if (header.layout === 'gray16') return highBytes(await decodeWords(bytes, header, 'grey16'));
  if (!gray || header.layout === 'gray') return decodeWithSharp(bytes, header);
  const { depth, gamma } = readColors(new Bytes(bytes));
  if (depth < 16) return toGray(await decodeWithSharp(bytes, header), gamma);
  if (gamma !== undefined)
    throw new UnsupportedVariant('PNG of 16-bit colours with a gamma for a model that takes gray');
  return wordsToGray(await decodeWords(bytes, header, 'rgb16'));
}

function highBytes({ width, height, channels, data }: Words): Raster {
  const gray = Uint8Array.from(
    { length: width * height },
    (_, i) => (data[i * channels] as number) >> 8,
  );
  return { width, height, channels: 1, data: gray };
}

/** 32768 parts, of which libpng cuts the first two off. */
const [red, green, blue] = [9797, 19234, 3737];

function toGray(source: Raster, gamma: number | undefined): Raster {
  const { width, height, channels, data } = source;
  if (channels < 3) return source;
  const mix = gamma === undefined ? mixLevels : lightMixer(gamma);
  const gray = new Uint8Array(width * height);
  for (let i = 0, at = 0; i < gray.length; i++, at += channels)
    gray[i] = mix(data[at] as number, data[at + 1] as number, data[at + 2] as number);
  return { width, height, channels: 1, data: gray };
}

type Mixer = (r: number, g: number, b: number) => number;

const mixLevels: Mixer = (r, g, b) => (red * r + green * g + blue * b) >> 15;

/** Colours to light and back. What is gray already stays as it is. */
function lightMixer(gamma: number): Mixer {
  const toLight = powers(Math.floor(1e10 / gamma + 0.5) * 1e-5);
  const toLevel = powers(gamma * 1e-5);
  return (r, g, b) => {
    if (r === g && r === b) return r;
    const [x, y, z] = [toLight[r] as number, toLight[g] as number, toLight[b] as number];
    return toLevel[(red * x + green * y + blue * z + 16384) >> 15] as number;
  };
}

const powers = (exponent: number): Uint8Array =>
  Uint8Array.from({ length: 256 }, (_, i) => Math.floor(255 * (i / 255) ** exponent + 0.5));

function wordsToGray({ width, height, channels, data }: Words): Raster {
  const gray = new Uint8Array(width * height);
  for (let i = 0, at = 0; i < gray.length; i++, at += channels) {
    const sum = red * (data[at] as number) + green * (data[at + 1] as number);
    // More than 31 bits.
    gray[i] = (sum + blue * (data[at + 2] as number) + 16384) / 2 ** 23;
  }
  return { width, height, channels: 1, data: gray };
}

interface Colors {
  readonly depth: number;
  /** × 100,000; undefined where there is none, or none that libpng takes for one. */
  readonly gamma: number | undefined;
}

const gammaOfSrgb = 45455;

function readColors(bytes: Bytes): Colors {
  const depth = bytes.u8(24);
  let gamma: number | undefined;
  let at = 8;
  for (let count = 0; count < maxSegments && !bytes.hasTag(at + 4, 'IDAT'); count++) {
    if (bytes.hasTag(at + 4, 'sRGB')) return { depth, gamma: gammaOfSrgb };
    if (bytes.hasTag(at + 4, 'gAMA')) gamma = bytes.u32(at + 8);
    at += 12 + bytes.u32(at);
  }
  return { depth, gamma: isSignificant(gamma) ? gamma : undefined };
}

/** More than 5% from 1. */
const isSignificant = (gamma: number | undefined): boolean =>
  gamma !== undefined && gamma > 0 && Math.abs(gamma - 100_000) > 5000;
