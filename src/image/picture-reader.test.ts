import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { createPictureReader } from './picture-reader.ts';
import { geometryOf, readFixture } from './pictures.fixture.ts';

const reader = createPictureReader({ maxPixels: 200_000, threads: 1 });
afterAll(() => reader.close());
const where = 'picture 1';
const rgb = geometryOf();

describe('errors', () => {
  test.each([
    ['rgb-420.jpg', 0.6],
    ['rgb-420-progressive.jpg', 0.4],
    ['gray.jpg', 0.7],
    ['rgb.png', 0.6],
    ['rgb-interlaced.png', 0.6],
    ['lossy.webp', 0.6],
    ['lossless.webp', 0.6],
    ['plain-256.gif', 0.7],
    ['pillow-rgb.bmp', 0.9],
    ['rle-8.bmp', 0.9],
    ['gray.tif', 0.6],
    ['rgb-raw.tif', 0.9],
    ['rgb-lzw.tif', 0.5],
  ])('%s cut at %d of its length is truncated', async (file, share) => {
    const whole = readFixture(file);
    const cut = whole.subarray(0, Math.floor(whole.length * share));
    await expect(reader.read(cut, rgb, { where })).rejects.toMatchObject({
      code: 'PICTURE_TRUNCATED',
      details: { where },
    });
  });

  test('a picture with more pixels than allowed is refused from its header', async () => {
    const header = readFixture('rgb.png').slice(0, 60);
    header.set([0, 0, 0x75, 0x30, 0, 0, 0x75, 0x30], 16);
    await expect(reader.read(header, rgb, { where })).rejects.toMatchObject({
      code: 'PICTURE_TOO_MANY_PIXELS',
      details: { where, width: 30_000, height: 30_000, limitPixels: 200_000 },
    });
  });

  test('a scaled picture without a crop obeys the limit too', async () => {
    const tall = geometryOf({ resize: { mode: 'shortest-edge', size: 256 } });
    await expect(reader.read(readFixture('rgb-3x200.jpg'), tall, { where })).rejects.toMatchObject({
      code: 'PICTURE_TOO_MANY_PIXELS',
      details: { width: 256, height: 17_066 },
    });
  });

  test('a broken checksum of a PNG is corrupt', async () => {
    const bytes = Uint8Array.from(readFixture('rgb.png'));
    bytes[60] = (bytes[60] ?? 0) ^ 0x55;
    await expect(reader.read(bytes, rgb, { where })).rejects.toMatchObject({
      code: 'PICTURE_CORRUPT',
      details: { where, format: 'PNG' },
    });
  });
});

test('many pictures at once are answered each with its own', async () => {
  const files = ['rgb-444.jpg', 'rgb.png', 'plain-256.gif', 'rgb-32.bmp', 'lossy.webp', 'gray.tif'];
  const pictures = files.map(readFixture);
  const alone = [];
  for (const bytes of pictures) alone.push(await reader.read(bytes, rgb, { where }));
  const together = await Promise.all(
    [...pictures, ...pictures].map((bytes) => reader.read(bytes, rgb, { where })),
  );
  expect(together).toEqual([...alone, ...alone]);
});

test('the bytes may be a view, and may change once the call has returned', async () => {
  const bytes = readFixture('rgb.png');
  const buffer = new Uint8Array(bytes.length + 20);
  buffer.set(bytes, 7);
  const view = buffer.subarray(7, 7 + bytes.length);
  const reading = reader.read(view, rgb, { where });
  buffer.fill(0);
  expect(await reading).toEqual(await reader.read(bytes, rgb, { where }));
});

describe('a signal', () => {
  test('that was aborted before rejects at once', async () => {
    const signal = AbortSignal.abort(new Error('gone'));
    await expect(reader.read(readFixture('rgb.png'), rgb, { where, signal })).rejects.toThrow(
      'gone',
    );
  });

  test('that aborts while the picture waits or runs rejects with its reason', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const readings = Array.from({ length: 5 }, () =>
      reader.read(readFixture('photo-500x375.jpg'), rgb, { where, signal }),
    );
    controller.abort(new Error('gone'));
    const results = await Promise.allSettled(readings);
    expect(results.map((result) => result.status === 'rejected' && result.reason.message)).toEqual(
      Array(5).fill('gone'),
    );
    expect((await reader.read(readFixture('rgb.png'), rgb, { where })).width).toBe(33);
  });
});

test('closing refuses what waits and what comes', async () => {
  const short = createPictureReader({ maxPixels: 200_000, threads: 1 });
  const readings = Array.from({ length: 4 }, () =>
    short.read(readFixture('photo-500x375.jpg'), rgb, { where }),
  );
  const settled = Promise.allSettled(readings);
  await short.close();
  const codes = (await settled).map((result) => result.status === 'rejected' && result.reason.code);
  expect(codes).toEqual(Array(4).fill('SHUTTING_DOWN'));
  await expect(short.read(readFixture('rgb.png'), rgb, { where })).rejects.toMatchObject({
    code: 'SHUTTING_DOWN',
  });
});

test('a reader that is idle lets the process end', () => {
  const script = `
    import { readFileSync } from 'node:fs';
    import { createPictureReader } from ${JSON.stringify(join(import.meta.dirname, 'picture-reader.ts'))};
    const reader = createPictureReader({ maxPixels: 1e6, threads: 1 });
    const geometry = ${JSON.stringify(rgb)};
    const { width } = await reader.read(readFileSync(process.argv[1]), geometry, { where: 'it' });
    console.log(width);`;
  const picture = join(import.meta.dirname, '../../test/fixtures/pictures/rgb.png');
  const options = ['--input-type=module', '--eval', script, picture];
  const { status, stdout } = spawnSync(process.execPath, options, {
    encoding: 'utf8',
    timeout: 20_000,
  });
  expect({ status, stdout }).toEqual({ status: 0, stdout: '33\n' });
});
