import { describe, expect, test } from 'vitest';
import { ServingError } from '../errors.ts';
import { readFixture, recorded } from './pictures.fixture.ts';
import { sniffPicture } from './sniff.ts';

const where = 'picture 2 (field img)';
const ascii = (text: string): Uint8Array => Buffer.from(text, 'latin1');

function errorOf(bytes: Uint8Array): ServingError {
  try {
    sniffPicture(bytes, where);
  } catch (error) {
    if (error instanceof ServingError) return error;
    throw error;
  }
  throw new Error('it was taken for a picture');
}

test('the header gives the size that Pillow gives', () => {
  const sizes = recorded.pictures.map(({ file }) => {
    const { width, height, format, orientation } = sniffPicture(readFixture(file), file);
    return format === 'TIFF' && orientation >= 5 ? [file, height, width] : [file, width, height];
  });
  expect(sizes).toEqual(recorded.pictures.map(({ file, width, height }) => [file, width, height]));
});

test.each([2, 3, 4, 5, 6, 7, 8])('the EXIF orientation %d of a JPEG is read', (orientation) => {
  expect(sniffPicture(readFixture(`exif-${orientation}.jpg`), where).orientation).toBe(orientation);
});

test.each(['rgb-exif-6.png', 'lossy-exif-6.webp', 'orientation-6.tif'])(
  'the orientation of %s is read',
  (file) => {
    expect(sniffPicture(readFixture(file), where).orientation).toBe(6);
  },
);

test('no bytes are an empty picture', () => {
  expect(errorOf(new Uint8Array()).code).toBe('PICTURE_EMPTY');
});

test.each([
  ['text', 'hello, this is not a picture at all'],
  ['HTML', '<!doctype html><html><body>404</body></html>'],
  ['JSON', '{"image": "abc"}'],
  ['text that begins as a BMP does', 'BMW is a car, and this is a text about it'],
  ['a wave file', 'RIFF\x24\0\0\0WAVEfmt '],
  ['a film', '\0\0\0\x18ftypmp42\0\0\0\0'],
  ['one byte', '\xff'],
])('%s is no picture', (_, text) => {
  const error = errorOf(ascii(text));
  expect(error.code).toBe('PICTURE_NOT_RECOGNISED');
  expect(error.message).toContain(where);
});

describe.each([
  ['SVG', '<svg xmlns="http://www.w3.org/2000/svg"/>'],
  [
    'SVG',
    '\xef\xbb\xbf<?xml version="1.0"?>\n<!-- x --><svg width="1" height="1"><image href="file:///etc/passwd"/></svg>',
  ],
  ['SVGZ (gzip)', '\x1f\x8b\x08\0\0'],
  ['AVIF', '\0\0\0\x1cftypavif\0\0\0\0'],
  ['HEIC', '\0\0\0\x18ftypheic\0\0\0\0'],
  ['JPEG XL', '\xff\x0a\0\0'],
  ['JPEG XL', '\0\0\0\x0cJXL \x0d\x0a\x87\x0a'],
  ['JPEG 2000', '\0\0\0\x0cjP  \x0d\x0a\x87\x0a'],
  ['PSD', '8BPS\0\x01'],
  ['ICO', '\0\0\x01\0\x01\0'],
  ['PDF', '%PDF-1.7'],
  ['BigTIFF', 'II+\0\x08\0\0\0'],
  ['netpbm', 'P6\n1 1\n255\n'],
])('%s', (format, text) => {
  test('is refused by name', () => {
    const error = errorOf(ascii(text));
    expect(error).toMatchObject({ code: 'PICTURE_FORMAT_UNSUPPORTED', details: { where, format } });
    expect(error.message).toContain('expected JPEG, PNG, WebP, GIF, TIFF, BMP');
  });
});

test('a TIFF of samples that libvips and Pillow read differently is refused by name', () => {
  expect(errorOf(readFixture('refused/rgba-premultiplied.tif'))).toMatchObject({
    code: 'PICTURE_FORMAT_UNSUPPORTED',
    details: {
      format: 'TIFF with 4 samples of 8 bits (photometric 2, sample format 1, extra samples 1)',
    },
  });
});

test.each(['rgb-444.jpg', 'rgb.png', 'lossy.webp', 'gray.tif', 'rgb-32.bmp'])(
  '%s cut inside its header is truncated',
  (file) => {
    expect(errorOf(readFixture(file).subarray(0, 20))).toMatchObject({ code: 'PICTURE_TRUNCATED' });
  },
);

test('a size of zero is corrupt', () => {
  const bytes = Uint8Array.from(readFixture('rgb.png'));
  bytes.fill(0, 16, 20);
  expect(errorOf(bytes).message).toContain('its size is 0×25');
});

test.each([
  ['JPEG', '\xff\xd8', '\xff\xe1\0\x06Exif'],
  ['GIF', 'GIF89a\x01\0\x01\0\0\0\0', '\x21\xfe\x01a\0'],
])('a %s of endless small segments is corrupt after a bounded read', (_, head, segment) => {
  expect(errorOf(ascii(head + segment.repeat(300_000))).code).toBe('PICTURE_CORRUPT');
});
