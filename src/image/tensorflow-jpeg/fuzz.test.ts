/**
 * Damage of every kind to JPEGs of every kind (test/fixtures/pictures/tensorflow.json): pixels of the size that the
 * header says, or a refusal that its sender is told. Anything else, a TypeError or a RangeError, is a fault.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ServingError } from '../../errors.ts';
import { EndOfBytes } from '../byte-cursor.ts';
import { CorruptPixels } from '../decode-errors.ts';
import { UnsupportedVariant } from '../header-facts.ts';
import { changeBytes, cutOff, randomNumbers, shuffleSegments } from '../mutations.fixture.ts';
import type { PictureHeader } from '../picture-format.ts';
import { digestOf } from '../pictures.fixture.ts';
import { sniffPicture } from '../sniff.ts';
import { decodeAsTensorflow } from './decode.ts';

const path = join(import.meta.dirname, '../../../test/fixtures/pictures/tensorflow.json');
const { files }: { files: { name: string; base64?: string }[] } = JSON.parse(
  readFileSync(path, 'utf8'),
);
const whole = files.flatMap(({ base64 }) =>
  base64 === undefined ? [] : [new Uint8Array(Buffer.from(base64, 'base64'))],
);

const mostPixels = 20_000;
const methods = [
  { isAccurate: false, isFancy: true },
  { isAccurate: true, isFancy: false },
];
const refusals = [EndOfBytes, CorruptPixels, UnsupportedVariant];

function headerOf(bytes: Uint8Array): PictureHeader | undefined {
  try {
    const header = sniffPicture(bytes, 'it');
    return header.width * header.height > mostPixels ? undefined : header;
  } catch (error) {
    if (error instanceof ServingError) return undefined;
    throw error;
  }
}

/** The digest of the pixels, or which refusal it was. */
function outcomeOf(bytes: Uint8Array, { width, height }: PictureHeader, turn: number): string {
  const gray = turn % 3 === 0;
  const method = methods[turn % 2] as (typeof methods)[number];
  try {
    const raster = decodeAsTensorflow(bytes, { width, height, gray, ...method });
    expect(raster).toMatchObject({ width, height, channels: gray ? 1 : 3 });
    expect(raster.data).toHaveLength(width * height * raster.channels);
    return digestOf(raster.data);
  } catch (error) {
    const refusal = refusals.find((kind) => error instanceof kind);
    if (!refusal) throw error;
    return refusal.name;
  }
}

/** Each mutation of each file, decoded in a row. */
function runAll(seed: number): string[] {
  const random = randomNumbers(seed);
  const outcomes: string[] = [];
  for (const mutate of [changeBytes, cutOff, shuffleSegments])
    for (const bytes of whole)
      for (let turn = 0; turn < 8; turn++) {
        // Two kinds of damage now and then.
        const damaged = mutate(turn === 7 ? changeBytes(bytes, random) : bytes, random);
        const header = headerOf(damaged);
        if (header) outcomes.push(outcomeOf(damaged, header, turn));
      }
  return outcomes;
}

test('pixels or a refusal, and the same again after all the others', () => {
  const outcomes = runAll(2121);
  const count = (kind: RegExp): number => outcomes.filter((one) => kind.test(one)).length;
  expect(outcomes.length).toBeGreaterThan(1000);
  expect(count(/^[0-9a-f]{12}$/)).toBeGreaterThan(300);
  expect(count(/^EndOfBytes$/)).toBeGreaterThan(100);
  expect(count(/^CorruptPixels$/)).toBeGreaterThan(100);
  expect(runAll(2121)).toEqual(outcomes);
});

test('what it takes is bounded by the pixels, whatever the segments say', () => {
  const taken = (bytes: Uint8Array): number => {
    const header = headerOf(bytes);
    if (!header) return 0;
    const before = process.memoryUsage().arrayBuffers;
    outcomeOf(bytes, header, 0);
    return process.memoryUsage().arrayBuffers - before;
  };
  const random = randomNumbers(99);
  const most = Math.max(
    ...whole.flatMap((bytes) =>
      [changeBytes, shuffleSegments].flatMap((mutate) =>
        Array.from({ length: 4 }, () => taken(mutate(bytes, random))),
      ),
    ),
  );
  // Blocks of at most 4 × 4 an MCU, four components, three bytes a sample, pictures that are one MCU thin.
  expect(most).toBeLessThan(mostPixels * 32 * 4 * 3);
});
