/** From the rows of the components to gray or RGB, as libjpeg computes it. */

import { UnsupportedVariant } from '../header-facts.ts';
import type { Raster } from '../raster.ts';
import type { Frame } from './frame.ts';
import { halvedToRgb, hasHalvedColors, writePixel } from './halved-colors.ts';
import { fullRows, type RowSource } from './upsample.ts';

export type ColorSpace = 'gray' | 'ycc' | 'rgb' | 'cmyk' | 'ycck';

/** What the markers say about the colours. */
export interface ColorMarkers {
  readonly hasJfif: boolean;
  /** Of Adobe's marker, if there is one: 0 as stored, 1 YCbCr, 2 YCCK. */
  readonly adobeTransform: number | undefined;
}

/** As libjpeg guesses it. */
export function colorSpaceOf({ components }: Frame, markers: ColorMarkers): ColorSpace {
  const { hasJfif, adobeTransform } = markers;
  if (components.length === 1) return 'gray';
  if (components.length === 4) return (adobeTransform ?? 0) === 0 ? 'cmyk' : 'ycck';
  if (components.length !== 3)
    throw new UnsupportedVariant(`JPEG of ${components.length} components`);
  if (hasJfif) return 'ycc';
  if (adobeTransform !== undefined) return adobeTransform === 0 ? 'rgb' : 'ycc';
  return String.fromCharCode(...components.map(({ id }) => id)) === 'RGB' ? 'rgb' : 'ycc';
}

const fixed = (factor: number): number => Math.floor(factor * 65536 + 0.5);
const half = 1 << 15;

type Row = (y: number, out: Uint8ClampedArray, to: number) => void;

/** @throws UnsupportedVariant where TensorFlow refuses the combination too */
export function toPixels(frame: Frame, space: ColorSpace, gray: boolean, isAdobe: boolean): Raster {
  const { width, height } = frame;
  const channels = gray ? 1 : 3;
  const data = new Uint8ClampedArray(width * height * channels);
  const write = gray ? grayRow(frame, space) : colorRow(frame, space, isAdobe);
  for (let y = 0; y < height; y++) write(y, data, y * width * channels);
  return { width, height, channels, data: new Uint8Array(data.buffer) };
}

function sourcesOf(frame: Frame): [RowSource, RowSource, RowSource, RowSource] {
  const rows = frame.components.map((component) => fullRows(component, frame));
  return rows as [RowSource, RowSource, RowSource, RowSource];
}

function grayRow(frame: Frame, space: ColorSpace): Row {
  if (space === 'cmyk' || space === 'ycck')
    throw new UnsupportedVariant('JPEG of inks for a model that takes gray');
  return space === 'rgb' ? rgbToGray(frame) : brightness(frame);
}

function brightness(frame: Frame): Row {
  const { width } = frame;
  const [y0] = sourcesOf(frame);
  return (y, out, to) => {
    const at = y0.at(y);
    out.set(y0.samples.subarray(at, at + width), to);
  };
}

function rgbToGray(frame: Frame): Row {
  const { width } = frame;
  const [reds, greens, blues] = sourcesOf(frame);
  const [r, g, b] = [fixed(0.299), fixed(0.587), fixed(0.114)];
  return (y, out, to) => {
    const [i, j, k] = [reds.at(y), greens.at(y), blues.at(y)];
    for (let x = 0; x < width; x++) {
      const red = reds.samples[i + x] as number;
      const green = greens.samples[j + x] as number;
      out[to + x] = (r * red + g * green + b * (blues.samples[k + x] as number) + half) >> 16;
    }
  };
}

function colorRow(frame: Frame, space: ColorSpace, isAdobe: boolean): Row {
  switch (space) {
    case 'gray':
      return repeatGray(frame);
    case 'rgb':
      return copyColors(frame);
    case 'ycc':
      return yccToRgb(frame);
    case 'cmyk':
    case 'ycck':
      return inksToRgb(frame, space, isAdobe);
    default:
      return space satisfies never;
  }
}

function repeatGray(frame: Frame): Row {
  const { width } = frame;
  const [grays] = sourcesOf(frame);
  return (y, out, to) => {
    const at = grays.at(y);
    for (let x = 0; x < width; x++) {
      const gray = grays.samples[at + x] as number;
      out[to + 3 * x] = gray;
      out[to + 3 * x + 1] = gray;
      out[to + 3 * x + 2] = gray;
    }
  };
}

function copyColors(frame: Frame): Row {
  const { width } = frame;
  const [reds, greens, blues] = sourcesOf(frame);
  return (y, out, to) => {
    const [i, j, k] = [reds.at(y), greens.at(y), blues.at(y)];
    for (let x = 0; x < width; x++) {
      out[to + 3 * x] = reds.samples[i + x] as number;
      out[to + 3 * x + 1] = greens.samples[j + x] as number;
      out[to + 3 * x + 2] = blues.samples[k + x] as number;
    }
  };
}

function yccToRgb(frame: Frame): Row {
  if (hasHalvedColors(frame)) return halvedToRgb(frame);
  const { width } = frame;
  const [lights, blues, reds] = sourcesOf(frame);
  const [ofLight, ofBlue, ofRed] = [lights.samples, blues.samples, reds.samples];
  return (y, out, to) =>
    convertRow(ofLight, lights.at(y), ofBlue, blues.at(y), ofRed, reds.at(y), out, to, width);
}

/** Alone, with all it reads as arguments: three times as fast as inside the closure. */
function convertRow(
  lights: Uint8ClampedArray,
  i: number,
  blues: Uint8ClampedArray,
  j: number,
  reds: Uint8ClampedArray,
  k: number,
  out: Uint8ClampedArray,
  to: number,
  width: number,
): void {
  for (let x = 0, at = to; x < width; x++, at += 3) {
    const light = lights[i + x] as number;
    writePixel(out, at, light, blues[j + x] as number, reds[k + x] as number);
  }
}

/** TensorFlow's own arithmetic; Adobe's programs write the inks inverted. */
function inksToRgb(frame: Frame, space: 'cmyk' | 'ycck', isAdobe: boolean): Row {
  const { width } = frame;
  const [, , , blacks] = sourcesOf(frame);
  const writeInks = space === 'cmyk' ? copyColors(frame) : yccToRgb(frame);
  const stored = space === 'cmyk' ? 0 : 255;
  const wanted = isAdobe ? 0 : 255;
  const flip = stored ^ wanted;
  return (y, out, to) => {
    writeInks(y, out, to);
    const at = blacks.at(y);
    for (let x = 0; x < width; x++) {
      const black = (blacks.samples[at + x] as number) ^ wanted;
      for (let i = to + 3 * x; i < to + 3 * x + 3; i++)
        out[i] = Math.floor((black * ((out[i] as number) ^ flip)) / 255);
    }
  };
}
