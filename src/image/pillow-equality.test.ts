/** Every recorded picture in every recorded geometry, bit for bit as Pillow 13.0 gives it. */

import { afterAll, describe, expect, test } from 'vitest';
import { createPictureReader } from './picture-reader.ts';
import {
  digestOf,
  geometryOf,
  type RecordedPicture,
  readFixture,
  recorded,
} from './pictures.fixture.ts';

const reader = createPictureReader({ maxPixels: 1_000_000, threads: 2 });
afterAll(() => reader.close());

const isPhoto = (picture: RecordedPicture): boolean => picture.file.startsWith('photo');

describe.each(recorded.pictures)('$file ($mode)', (picture) => {
  const bytes = readFixture(picture.file);
  const table = isPhoto(picture) ? recorded.photoGeometries : recorded.geometries;

  test('decodes to the pixels of convert("RGB")', async () => {
    const { width, height, channels, data } = await reader.read(bytes, geometryOf(), {
      where: picture.file,
    });
    const { first } = picture;
    expect({
      width,
      height,
      channels,
      first: [...data.subarray(0, 12)].slice(0, first.length),
    }).toEqual({
      width: picture.width,
      height: picture.height,
      channels: 3,
      first,
    });
  });

  test('has the bytes of Pillow in every geometry', async () => {
    const differing: string[] = [];
    for (const [i, [name, declared]] of Object.entries(table).entries()) {
      const { data } = await reader.read(bytes, geometryOf(declared), { where: picture.file });
      if (digestOf(data) !== picture.answers[i]) differing.push(name);
    }
    expect(differing).toEqual([]);
  });

  test('turned upright it has the bytes of exif_transpose', async () => {
    const upright = await reader.read(bytes, geometryOf({ orientation: 'apply' }), {
      where: picture.file,
    });
    expect(digestOf(upright.data)).toBe(picture.upright);
  });
});

test('the record covers every format and many modes', () => {
  const endings = new Set(recorded.pictures.map(({ file }) => file.split('.').at(-1)));
  expect([...endings].toSorted()).toEqual(['bmp', 'gif', 'jpg', 'png', 'tif', 'webp']);
  const modes = new Set(recorded.pictures.map(({ mode }) => mode));
  expect(modes).toEqual(
    new Set(['1', 'L', 'LA', 'P', 'RGB', 'RGBA', 'CMYK', 'I;16', 'I;16B', 'F']),
  );
});
