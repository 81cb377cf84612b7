/** Small pictures that a test makes itself, and the samples of the bundled model. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { root } from './modelship.ts';

export const colors = { red: '#ff0000', green: '#00ff00', blue: '#0000ff' } as const;
export type Color = keyof typeof colors;
export const colorNames = Object.keys(colors) as Color[];

/** A picture of one colour. */
export function paint(
  color: Color,
  format: 'png' | 'jpeg' | 'webp' | 'gif' | 'tiff' = 'png',
  size = 32,
): Promise<Buffer> {
  return sharp({ create: { width: size, height: size, channels: 3, background: colors[color] } })
    .toFormat(format)
    .toBuffer();
}

/** Compresses badly: for bodies that must be large. */
export function paintNoise(size: number): Promise<Buffer> {
  const pixels = Buffer.alloc(size * size * 3);
  for (let i = 0, state = 1; i < pixels.length; i += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    pixels[i] = state >>> 24;
  }
  return sharp(pixels, { raw: { width: size, height: size, channels: 3 } })
    .png()
    .toBuffer();
}

export const digitFolder = join(root, 'examples', 'digits');

/** The sample pictures; a file's name begins with the digit that it shows. */
export const digitFiles = readdirSync(digitFolder).filter((name) => /^\d.*\.(png|jpg)$/.test(name));

export const digitPath = (file: string): string => join(digitFolder, file);
export const readDigit = (file: string): Buffer => readFileSync(digitPath(file));
