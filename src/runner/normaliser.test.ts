import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Preset } from '../config/presets.ts';
import { findPreset } from '../config/presets.ts';
import { createNormaliser, normalisationTables } from './normaliser.ts';
import type { PictureInput } from './protocol.ts';

/** Recorded from torch and numpy by test/fixtures/normalise/record.py. */
const recorded = JSON.parse(
  readFileSync(new URL('../../test/fixtures/normalise/expected.json', import.meta.url), 'utf8'),
) as Record<string, string[]>;

function floatsOf(base64: string): Float32Array {
  return new Float32Array(new Uint8Array(Buffer.from(base64, 'base64')).buffer);
}

const allBytes = Uint8Array.from({ length: 256 }, (_, value) => value);

/** The 256 byte values in each of three channels, as a picture [1, 256, 1, 3]. */
const rows = Uint8Array.from({ length: 768 }, (_, i) => Math.floor(i / 3));

test.each(Object.keys(recorded))(
  '%s gives the floats of its training pipeline, bit for bit',
  (name) => {
    const { scale, mean, std } = findPreset(name) as Preset;
    const normalise = createNormaliser({ index: 0, layout: 'NCHW', scale, mean, std });
    const { data, shape } = normalise(rows, [1, 256, 1, 3]);
    expect(shape).toEqual([1, 3, 256, 1]);
    const channels = [0, 1, 2].map((channel) => data.slice(256 * channel, 256 * (channel + 1)));
    expect(channels).toEqual(recorded[name]?.map(floatsOf));
  },
);

test('a scale written with 15 digits of 1/255 divides, as ToTensor does', () => {
  const written: PictureInput = {
    index: 0,
    layout: 'NHWC',
    scale: 0.003921568627451,
    mean: [0],
    std: [1],
  };
  const [table] = normalisationTables(written, 1);
  expect(table).toEqual(Float32Array.from(allBytes, (value) => value / 255));
});

test.each([0.00392157, 0.3, 0.017, 1e-3 + 1e-9])('a scale of %d multiplies in float32', (scale) => {
  const [table] = normalisationTables({ index: 0, layout: 'NHWC', scale, mean: [0], std: [1] }, 1);
  const factor = Math.fround(scale);
  expect(table).toEqual(Float32Array.from(allBytes, (value) => value * factor));
});

const plain: PictureInput = { index: 0, layout: 'NCHW', scale: 1, mean: [0, 0, 0], std: [1, 1, 1] };

test('NCHW separates the channels of each picture, NHWC keeps the pixels together', () => {
  // Two pictures of height 1 and width 2.
  const pixels = Uint8Array.of(1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16);
  const planes = createNormaliser(plain)(pixels, [2, 1, 2, 3]);
  expect(planes.shape).toEqual([2, 3, 1, 2]);
  expect([...planes.data]).toEqual([1, 4, 2, 5, 3, 6, 11, 14, 12, 15, 13, 16]);
  const together = createNormaliser({ ...plain, layout: 'NHWC' })(pixels, [2, 1, 2, 3]);
  expect(together.shape).toEqual([2, 1, 2, 3]);
  expect([...together.data]).toEqual([...pixels]);
});

test('gray pictures have one channel', () => {
  const gray: PictureInput = { ...plain, mean: [1], std: [2] };
  const { data, shape } = createNormaliser(gray)(Uint8Array.of(1, 3, 5, 7), [1, 2, 2, 1]);
  expect(shape).toEqual([1, 1, 2, 2]);
  expect([...data]).toEqual([0, 1, 2, 3]);
});

test('the array is recycled for the same size and nothing of the last picture is left in it', () => {
  const normalise = createNormaliser(plain);
  const first = normalise(new Uint8Array(12).fill(200), [1, 2, 2, 3]);
  const second = normalise(new Uint8Array(12).fill(7), [1, 2, 2, 3]);
  expect(second.data).toBe(first.data);
  expect([...second.data]).toEqual(new Array(12).fill(7));
  expect([...normalise(new Uint8Array(3).fill(9), [1, 1, 1, 3]).data]).toEqual([9, 9, 9]);
});
