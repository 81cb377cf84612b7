/** Whose fault it is: the picture's, which its sender is told, or the decoder's, which is logged. */

import { expect, test } from 'vitest';
import { EndOfBytes } from './byte-cursor.ts';
import { CorruptPixels } from './decode-errors.ts';
import { asPictureError, decodePicture } from './decode-picture.ts';
import { corruptHeader, UnsupportedVariant } from './header-facts.ts';
import { createPictureThreads } from './picture-threads.ts';
import { geometryOf, readFixture } from './pictures.fixture.ts';
import { sniffPicture } from './sniff.ts';

const bytes = readFixture('rgb-420.jpg');
const header = sniffPicture(bytes, 'it');

test.each([
  [new EndOfBytes(), 'PICTURE_TRUNCATED'],
  [new CorruptPixels('bad'), 'PICTURE_CORRUPT'],
  [corruptHeader('bad'), 'PICTURE_CORRUPT'],
  [new UnsupportedVariant('odd'), 'PICTURE_FORMAT_UNSUPPORTED'],
])('%o is the picture’s: %s', (refusal, code) => {
  expect(asPictureError(refusal, bytes, header, 'it')).toMatchObject({ code });
});

test.each([
  new TypeError('x is undefined'),
  new RangeError('Invalid typed array length'),
  new Error('?'),
])('%o is the decoder’s and stays as it is', (bug) => {
  expect(asPictureError(bug, bytes, header, 'it')).toBe(bug);
});

/** No decoder knows such samples. */
const odd = { ...header, layout: 'odd' as 'plain' };

test('what a decoder cannot have been asked for is no corrupt picture', async () => {
  const decoding = { color: 'rgb', decoder: 'pillow', orientation: 'ignore' } as const;
  await expect(decodePicture(bytes, odd, decoding, 'it')).rejects.toThrow(TypeError);
});

test('out of a picture thread it comes with its stack, which is what is logged', async () => {
  const threads = createPictureThreads({ count: 1 });
  const job = { bytes, header: odd, geometry: geometryOf(), where: 'it' };
  await expect(threads.run(job, undefined)).rejects.toThrow(
    /^a picture thread failed: TypeError: .*\n +at decodeWithSharp/,
  );
  await threads.close();
});
