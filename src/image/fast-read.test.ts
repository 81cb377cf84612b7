import { afterAll, expect, test } from 'vitest';
import { createPictureReader, type Picture } from './picture-reader.ts';
import { geometryOf, readFixture } from './pictures.fixture.ts';

const reader = createPictureReader({ maxPixels: 1_000_000, threads: 1 });
afterAll(() => reader.close());

const imagenet = geometryOf({
  resize: { mode: 'shortest-edge', size: 256 },
  crop: { width: 224, height: 224 },
});

function worstDifference(a: Picture, b: Picture): number {
  return a.data.reduce((most, level, i) => Math.max(most, Math.abs(level - (b.data[i] ?? 0))), 0);
}

test('fast stays within nine levels of exact on a photo at the size of ImageNet', async () => {
  const photo = readFixture('photo-500x375.jpg');
  const exact = await reader.read(photo, imagenet, { where: 'it' });
  const fast = await reader.read(photo, { ...imagenet, fast: true }, { where: 'it' });
  expect(fast).toMatchObject({ width: 224, height: 224, channels: 3 });
  const worst = worstDifference(exact, fast);
  expect(worst).toBeGreaterThan(0);
  expect(worst).toBeLessThanOrEqual(9);
});

test.each(['rgb', 'bgr', 'gray'] as const)(
  'fast gives the size and the channels of %s',
  async (color) => {
    const geometry = geometryOf({
      color,
      fast: true,
      orientation: 'apply',
      resize: { mode: 'exact', width: 23, height: 35 },
      crop: { width: 30, height: 30 },
    });
    const exact = await reader.read(
      readFixture('exif-6.jpg'),
      { ...geometry, fast: false },
      { where: 'it' },
    );
    const fast = await reader.read(readFixture('exif-6.jpg'), geometry, { where: 'it' });
    expect(fast).toEqual(exact);
  },
);

test.each(['rgb.png', 'lossy.webp', 'plain-256.gif', 'cmyk-adobe.jpg'])(
  'fast reads %s exactly: only ordinary JPEGs have a faster way',
  async (file) => {
    const exact = await reader.read(readFixture(file), imagenet, { where: 'it' });
    const fast = await reader.read(readFixture(file), { ...imagenet, fast: true }, { where: 'it' });
    expect(fast).toEqual(exact);
  },
);
