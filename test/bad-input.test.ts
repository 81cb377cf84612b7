/** What bad input gets: a stable code, the right status, a message that helps, and a server that goes on. */

import { afterAll, afterEach, describe, expect, test } from 'vitest';
import type { Answer } from './support/http.ts';
import { formOf, post, request } from './support/http.ts';
import { copyDigits, writeColors, writeModels } from './support/model-folder.ts';
import { startModelship, temporaryFolder } from './support/modelship.ts';
import { paint, paintNoise, readDigit } from './support/pictures.ts';
import { exchange } from './support/raw-http.ts';

const folder = temporaryFolder();
copyDigits(folder.path);
writeColors(folder.path, 'colors');
writeModels(folder.path, 'picture-nhwc', 'simple');
const limits = ['--max-body', '200KB', '--max-pixels', '40000', '--max-pictures', '3'];
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

function expectError(answer: Answer, status: number, code: string, message: RegExp): void {
  expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
  expect(answer.json).toEqual({ success: false, code, error: expect.stringMatching(message) });
  expect(answer.status).toBe(status);
}

const form = 'multipart/form-data; boundary=b';
const parts = (...lines: readonly string[]): string => lines.join('\r\n');

type Row = readonly [
  what: string,
  send: () => Promise<Answer>,
  status: number,
  code: string,
  message: RegExp,
];

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

describe('bodies', () => {
  const big = Buffer.concat([jpeg, Buffer.alloc(300_000)]);

  test.each<Row>([
    ['none', () => request(predict, { method: 'POST' }), 400, 'BODY_EMPTY', /expected a picture/],
    [
      'larger than allowed',
      () => post(predict, big),
      413,
      'BODY_TOO_LARGE',
      /limit of 204800 bytes.*--max-body/,
    ],
    [
      'a type that is none of a picture',
      () => post(predict, '<p>', { 'content-type': 'text/html; charset=utf-8' }),
      415,
      'CONTENT_TYPE_UNSUPPORTED',
      /"text\/html" is not supported here; expected multipart\/form-data, image\/\*/,
    ],
    [
      'compressed',
      () => post(predict, jpeg, { 'content-encoding': 'gzip' }),
      415,
      'CONTENT_ENCODING_UNSUPPORTED',
      /"gzip" is not supported; expected identity/,
    ],
    [
      'a form without a boundary',
      () => post(predict, jpeg, { 'content-type': 'multipart/form-data' }),
      400,
      'MULTIPART_INVALID',
      /boundary/,
    ],
    [
      'a form that does not end',
      () =>
        post(predict, parts('--b', 'Content-Disposition: form-data; name="i"', '', 'x'), {
          'content-type': form,
        }),
      400,
      'MULTIPART_INVALID',
      /curl -F/,
    ],
    [
      'a form with another boundary',
      () => post(predict, parts('--c', '', 'x', '--c--', ''), { 'content-type': form }),
      400,
      'MULTIPART_INVALID',
      /multipart body is broken/,
    ],
    [
      'a form without a file',
      () =>
        post(
          predict,
          parts('--b', 'Content-Disposition: form-data; name="note"', '', 'x', '--b--', ''),
          { 'content-type': form },
        ),
      400,
      'MULTIPART_NO_PICTURE',
      /no picture \(parts: note\).*at least one file part/,
    ],
    [
      'more pictures than allowed',
      () => post(predict, formOf(['a', png], ['a', png], ['a', png], ['a', png])),
      413,
      'TOO_MANY_PICTURES',
      /4 pictures, more than the limit of 3/,
    ],
    [
      'JSON with an error',
      () => post(predict, '{"url": ', { 'content-type': 'application/json' }),
      400,
      'JSON_INVALID',
      /not valid JSON/,
    ],
    [
      'JSON without a picture',
      () => post(predict, { picture: 'x' }),
      400,
      'PREDICT_JSON_INVALID',
      /\(keys: "picture"\); expected \{"url"/,
    ],
    [
      'broken base64',
      () => post(predict, { images: [png.toString('base64'), 'a*b'] }),
      400,
      'BASE64_INVALID',
      /images\[1\]/,
    ],
    [
      'a time limit that is no number',
      () => post(predict, jpeg, { 'x-request-timeout-ms': 'soon' }),
      400,
      'REQUEST_MALFORMED',
      /X-Request-Timeout-Ms/,
    ],
  ])('%s', async (_, send, status, code, message) => {
    expectError(await send(), status, code, message);
  });

  test('larger than allowed, in chunks', async () => {
    const body = ReadableStream.from([big.subarray(0, 150_000), big.subarray(150_000)]);
    const init = { method: 'POST', body, duplex: 'half' } as RequestInit;
    expectError(await request(predict, init), 413, 'BODY_TOO_LARGE', /204800/);
  });

  test('the types of the parts of a form are ignored', async () => {
    const answer = await post(predict, formOf(['image', jpeg, 'x.html', 'text/html']));
    expect(answer.json.predictions[0].label).toBe('7');
  });
});

describe('paths and methods', () => {
  const get = (path: string, method = 'GET') => request(`${server.url}${path}`, { method });

  test.each<Row>([
    ['GET of a POST', () => get('/predict'), 405, 'METHOD_NOT_ALLOWED', /GET.*expected POST/],
    ['PUT', () => get('/models/digits/predict', 'PUT'), 405, 'METHOD_NOT_ALLOWED', /PUT/],
    ['DELETE of a GET', () => get('/models', 'DELETE'), 405, 'METHOD_NOT_ALLOWED', /GET or HEAD/],
    [
      'nothing there',
      () => get('/predictions'),
      404,
      'ROUTE_NOT_FOUND',
      /GET \/predictions.*\/models/,
    ],
    ['a path that is no UTF-8', () => get('/models/%ff'), 400, 'REQUEST_MALFORMED', /%ff/],
    [
      'a model that is not there',
      () => post(`${server.url}/models/cats/predict`, jpeg),
      404,
      'MODEL_NOT_FOUND',
      /"cats"; models here: colors, digits, picture-nhwc, simple/,
    ],
    [
      'a version that is not there',
      () => post(`${server.url}/models/digits/versions/9/predict`, jpeg),
      404,
      'VERSION_NOT_FOUND',
      /digits has no version "9"; versions here: 1/,
    ],
    [
      'a model without preprocessing',
      () => post(`${server.url}/models/picture-nhwc/predict`, jpeg),
      400,
      'PREPROCESSING_MISSING',
      /never guessed. Add to its model.yaml.*\ninput:\n.*color: rgb.*\n.*size: \[32, 32\]/,
    ],
    [
      'a model without pictures',
      () => post(`${server.url}/models/simple/predict`, jpeg),
      400,
      'PREPROCESSING_MISSING',
      /2 inputs \(INPUT0, INPUT1\).*\/v2\/models\/simple\/infer/,
    ],
  ])('%s', async (_, send, status, code, message) => {
    expectError(await send(), status, code, message);
  });

  test('a refused method is told which are allowed', async () => {
    expect((await get('/predict')).headers.get('allow')).toBe('POST');
  });
});

describe('HTTP itself', () => {
  test.each([
    ['no HTTP', 'hello\r\n\r\n', 400],
    [
      'two lengths',
      'POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx',
      400,
    ],
    [
      'a length and chunks',
      'POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    [
      'a chunk without a length',
      'POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
      400,
    ],
    [
      'long headers',
      `GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(40_000)}\r\n\r\n`,
      431,
    ],
  ])('%s', async (_, bytes, status) => {
    const answer = await exchange(server.port, bytes);
    expect(answer.head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(JSON.parse(answer.body)).toMatchObject({ success: false, code: 'REQUEST_MALFORMED' });
  });

  test('a client that goes away in the middle of its body disturbs nobody', async () => {
    const head = 'POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n';
    await exchange(server.port, `${head}half`, { hangUp: true });
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
    [() => post(predict, png.subarray(0, 20)), { code: 'PICTURE_TRUNCATED' }],
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
