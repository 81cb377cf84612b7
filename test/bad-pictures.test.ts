/** What a bad picture gets: a stable code, the right status, a message that helps, and a server that goes on. */

import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { expectError, type ErrorRow as Row } from './support/expect-error.ts';
import type { Answer } from './support/http.ts';
import { formOf, post, request } from './support/http.ts';
import { copyDigits, writeColors } from './support/model-folder.ts';
import { startModelship, temporaryFolder } from './support/modelship.ts';
import { paint, paintNoise, readDigit } from './support/pictures.ts';

const folder = temporaryFolder();
copyDigits(folder.path);
writeColors(folder.path, 'colors');
const limits = ['--max-body', '200KB', '--max-pixels', '40000'];
const server = await startModelship(folder.path, {
  args: [...limits, '--default-model', 'digits'],
});
const predict = `${server.url}/predict`;

const jpeg = readDigit('7-shadow.jpg');
const png = readDigit('3.png');
const noise = await paintNoise(300);

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

// Whatever it was, the next one is answered.
afterEach(async () => {
  expect((await post(predict, jpeg)).json.predictions[0].label).toBe('7');
});

describe('bytes that are no picture', () => {
  test.each<Row>([
    [
      'a text',
      () => post(predict, 'not a picture', { 'content-type': 'image/png' }),
      400,
      'PICTURE_NOT_RECOGNISED',
      /^The picture is not a picture \(no known signature.*expected JPEG, PNG, WebP, GIF, TIFF, BMP/,
    ],
    [
      'a text among pictures of a form',
      () => post(predict, formOf(['a', png], ['b', Buffer.from('oh')])),
      400,
      'PICTURE_NOT_RECOGNISED',
      /^Picture 2 \(field "b"\)/,
    ],
    [
      'half a JPEG',
      () => post(predict, jpeg.subarray(0, jpeg.length / 2)),
      400,
      'PICTURE_TRUNCATED',
      /^The picture is a truncated JPEG picture.*Send the whole file/,
    ],
    [
      'half a PNG',
      () => post(predict, formOf(['img', png.subarray(0, png.length / 2)])),
      400,
      'PICTURE_TRUNCATED',
      /^The picture \(field "img"\) is a truncated PNG/,
    ],
    [
      'a file of no bytes',
      () => post(predict, formOf(['image', Buffer.alloc(0)])),
      400,
      'PICTURE_EMPTY',
      /^The picture \(field "image"\) is empty \(0 bytes\)/,
    ],
    [
      'a signature and nothing else',
      () => post(predict, png.subarray(0, 8)),
      400,
      'PICTURE_TRUNCATED',
      /truncated PNG/,
    ],
    [
      'more pixels than allowed',
      () => post(predict, formOf(['image', noise.subarray(0, 5000)])),
      413,
      'PICTURE_TOO_MANY_PIXELS',
      /300×300 pixels, more than the limit of 40000.*--max-pixels/,
    ],
  ])('%s', async (_, send, status, code, message) => {
    expectError(await send(), status, code, message);
  });

  test.each([
    [
      'SVG',
      '<svg xmlns="http://www.w3.org/2000/svg"><image href="http://169.254.169.254/"/></svg>',
    ],
    ['AVIF', '\0\0\0\x20ftypavif\0\0\0\0'],
    ['HEIC', '\0\0\0\x20ftypheic\0\0\0\0'],
    ['PDF', '%PDF-1.7\n'],
    ['netpbm', 'P6\n1 1\n255\n...'],
  ])('%s is known and not supported', async (format, text) => {
    const answer = await post(predict, Buffer.from(text, 'latin1'), { 'content-type': 'image/x' });
    const message = new RegExp(`is a ${format} picture, which is not supported; expected JPEG`);
    expectError(answer, 415, 'PICTURE_FORMAT_UNSUPPORTED', message);
  });
});

test('200 good and bad requests at once get each its own answer', async () => {
  const red = await paint('red');
  const blue = await paint('blue');
  const colors = `${server.url}/models/colors/predict`;
  const kinds: readonly (readonly [() => Promise<Answer>, unknown])[] = [
    [() => post(predict, jpeg), { predictions: [{ label: '7' }, {}, {}] }],
    [() => post(predict, formOf(['image', png])), { predictions: [{ label: '3' }, {}, {}] }],
    [() => post(colors, red), { predictions: [{ label: '0' }, {}, {}] }],
    [
      () => post(colors, { image: blue.toString('base64') }),
      { predictions: [{ label: '2' }, {}, {}] },
    ],
    [
      () => post(predict, 'text', { 'content-type': 'image/png' }),
      { code: 'PICTURE_NOT_RECOGNISED' },
    ],
    [() => post(predict, jpeg.subarray(0, jpeg.length / 2)), { code: 'PICTURE_TRUNCATED' }],
    [() => request(predict, { method: 'POST' }), { code: 'BODY_EMPTY' }],
    [() => post(`${server.url}/models/cats/predict`, png), { code: 'MODEL_NOT_FOUND' }],
    [() => post(predict, noise), { code: 'BODY_TOO_LARGE' }],
    [() => post(predict, { image: '*' }), { code: 'BASE64_INVALID' }],
  ];
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, i) => (kinds[i % kinds.length] as (typeof kinds)[0])[0]()),
  );
  answers.forEach(({ json }, i) => {
    expect(json, json.error).toMatchObject(kinds[i % kinds.length]?.[1] as object);
  });
});
