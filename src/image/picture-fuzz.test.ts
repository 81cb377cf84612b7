/** Broken bytes always end in pixels or in an error of the catalogue, whatever the format. */

import { afterAll, describe, expect, test } from 'vitest';
import type { PictureGeometry } from '../config/picture-spec.ts';
import { ServingError } from '../errors.ts';
import { changeBytes, cutOff, randomNumbers, shuffleSegments } from './mutations.fixture.ts';
import { createPictureReader } from './picture-reader.ts';
import { digestOf, geometryOf, readFixture } from './pictures.fixture.ts';

const reader = createPictureReader({ maxPixels: 100_000, threads: 2 });
afterAll(() => reader.close());
const geometry = geometryOf({
  resize: { mode: 'shortest-edge', size: 20 },
  crop: { width: 16, height: 16 },
});

/** "pixels" and their digest, the code of the error, or what it was instead. */
async function outcomeOf(
  bytes: Uint8Array,
  decoder: PictureGeometry['decoder'] = 'pillow',
): Promise<string> {
  try {
    const { data } = await reader.read(bytes, { ...geometry, decoder }, { where: 'it' });
    return data.length === 16 * 16 * 3 ? `pixels ${digestOf(data)}` : `${data.length} bytes`;
  } catch (error) {
    return error instanceof ServingError ? error.code : String(error);
  }
}

const codes = new Set([
  'PICTURE_EMPTY',
  'PICTURE_NOT_RECOGNISED',
  'PICTURE_FORMAT_UNSUPPORTED',
  'PICTURE_TRUNCATED',
  'PICTURE_CORRUPT',
  'PICTURE_TOO_MANY_PIXELS',
]);

async function unexpected(
  variants: readonly Uint8Array[],
  decoder?: PictureGeometry['decoder'],
): Promise<string[]> {
  const outcomes = await Promise.all(variants.map((bytes) => outcomeOf(bytes, decoder)));
  return outcomes.filter((outcome) => !codes.has(outcome) && !outcome.startsWith('pixels'));
}

describe.each([
  'rgb-420.jpg',
  'rgb-420-progressive.jpg',
  'cmyk-adobe.jpg',
  'exif-6.jpg',
  'rgb-filters.png',
  'rgba-16-interlaced.png',
  'palette-8-trns.png',
  'plain-256.gif',
  'offset-transparent.gif',
  'interlaced.gif',
  'lossy-alpha.webp',
  'lossless.webp',
  'animated.webp',
  'rgb-lzw.tif',
  'rgb-jpeg.tif',
  'bilevel-g4.tif',
  'palette.tif',
  'cmyk.tif',
  'pillow-rgb.bmp',
  'palette-4.bmp',
  'rle-8.bmp',
  'rle-4.bmp',
])('%s', (file) => {
  const whole = readFixture(file);

  test('cut every 37 bytes it is an error or still the whole picture', async () => {
    const cuts = Array.from({ length: Math.ceil(whole.length / 37) }, (_, i) =>
      whole.subarray(0, i * 37),
    );
    const pixels = await outcomeOf(whole);
    const outcomes = new Set(await Promise.all(cuts.map((cut) => outcomeOf(cut))));
    outcomes.delete(pixels);
    expect([...outcomes].filter((outcome) => !codes.has(outcome))).toEqual([]);
  });

  test('with bytes changed', async () => {
    const random = randomNumbers(whole.length);
    const changed = Array.from({ length: 60 }, () => changeBytes(whole, random));
    expect(await unexpected(changed)).toEqual([]);
  });
});

test('random bytes behind each signature', async () => {
  const random = randomNumbers(7);
  const heads = ['rgb-420.jpg', 'rgb.png', 'plain-16.gif', 'lossy.webp', 'gray.tif', 'rgb-32.bmp'];
  const noise = heads.flatMap((file) =>
    Array.from({ length: 20 }, (_, i) => {
      const bytes = Uint8Array.from({ length: 300 }, () => random(256));
      bytes.set(readFixture(file).subarray(0, 4 + i * 2));
      return bytes;
    }),
  );
  expect(await unexpected(noise)).toEqual([]);
});

describe.each(['tensorflow', 'tensorflow-accurate-plain'] as const)('decoder: %s', (decoder) => {
  test.each([
    'rgb-420.jpg',
    'rgb-420-progressive.jpg',
    'rgb-420-restarts.jpg',
    'gray-progressive.jpg',
    'cmyk-adobe.jpg',
    'rgba-16-interlaced.png',
    'interlaced.gif',
    'palette-4.bmp',
    'lossless.webp',
  ])('%s', async (file) => {
    const whole = readFixture(file);
    const random = randomNumbers(whole.length);
    const mutations = [changeBytes, cutOff, ...(file.endsWith('.jpg') ? [shuffleSegments] : [])];
    const variants = mutations.flatMap((mutate) =>
      Array.from({ length: 25 }, () => mutate(whole, random)),
    );
    expect(await unexpected(variants, decoder)).toEqual([]);
  });
});
