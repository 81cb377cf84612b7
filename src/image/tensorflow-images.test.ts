/** The pixels of TensorFlow 2.21's `decode_image` (recorded by test/fixtures/pictures/make_tensorflow.py). */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ServingError } from '../errors.ts';
import { decodePicture } from './decode-picture.ts';
import { digestOf, readFixture } from './pictures.fixture.ts';
import { cutPlanes, type Raster } from './raster.ts';
import { sniffPicture } from './sniff.ts';
import { toGray } from './to-gray.ts';

/** Of three channels and of one; null where TensorFlow refuses. */
type Digests = readonly [string | null, string | null];

const path = join(import.meta.dirname, '../../test/fixtures/pictures/tensorflow-images.json');
const recorded: Readonly<Record<string, Digests>> = JSON.parse(readFileSync(path, 'utf8'));

function decode(bytes: Uint8Array, color: 'rgb' | 'gray'): Promise<Raster> {
  const decoding = { color, decoder: 'tensorflow', orientation: 'ignore' } as const;
  return decodePicture(bytes, sniffPicture(bytes, 'it'), decoding, 'it');
}

/** Without alpha; three channels where they are wanted. */
function samplesOf(decoded: Raster, color: 'rgb' | 'gray'): Uint8Array {
  const raster = color === 'gray' ? toGray(decoded) : decoded;
  const { width, height } = raster;
  const { data, channels } = cutPlanes(
    raster,
    { from: 0, count: width },
    { from: 0, count: height },
  );
  if (channels === 3 || color === 'gray') return data;
  return Uint8Array.from({ length: 3 * data.length }, (_, i) => data[Math.floor(i / 3)] as number);
}

async function digestAs(color: 'rgb' | 'gray', file: string): Promise<string> {
  try {
    return digestOf(samplesOf(await decode(readFixture(file), color), color));
  } catch (error) {
    if (error instanceof ServingError) return error.code;
    throw error;
  }
}

/** TensorFlow gives their first frame without its canvas. */
const offset = ['offset.gif', 'offset-transparent.gif', 'outside.gif'];

test.each(Object.entries(recorded))('%s', async (file, [rgb, gray]) => {
  const asColor = await digestAs('rgb', file);
  const asGray = await digestAs('gray', file);
  if (offset.includes(file)) expect(asColor).toBe('PICTURE_FORMAT_UNSUPPORTED');
  // What TensorFlow refuses is decoded as Pillow does.
  else if (rgb !== null) expect(asColor).toBe(rgb);
  if (gray !== null) expect(asGray).toBe(gray);
});

test('nearly all are TensorFlow’s in colour, and all PNGs in gray', () => {
  const files = Object.entries(recorded);
  const pngs = files.filter(([file]) => file.endsWith('.png'));
  expect(files.filter(([, [rgb]]) => rgb !== null).length).toBeGreaterThan(50);
  expect(pngs.filter(([, [, gray]]) => gray === null)).toEqual([]);
  expect(pngs.length).toBeGreaterThan(30);
});

test('the light of 16-bit colours is not mixed, and that is said', async () => {
  const deep = readFixture('rgb-16.png');
  const gamma = [0, 0, 0, 4, ...Buffer.from('gAMA'), 0, 0, 0xb1, 0x8f, 0, 0, 0, 0];
  const bytes = Uint8Array.from([...deep.subarray(0, 33), ...gamma, ...deep.subarray(33)]);
  await expect(decode(bytes, 'gray')).rejects.toMatchObject({
    code: 'PICTURE_FORMAT_UNSUPPORTED',
    message: expect.stringContaining('PNG of 16-bit colours with a gamma'),
  });
});
