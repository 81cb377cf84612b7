/** What a bad request gets: a stable code, the right status, a message that helps, and a server that goes on. */

import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { expectError, type ErrorRow as Row } from './support/expect-error.ts';
import { formOf, post, request } from './support/http.ts';
import { copyDigits, writeModels } from './support/model-folder.ts';
import { startModelship, temporaryFolder } from './support/modelship.ts';
import { readDigit } from './support/pictures.ts';
import { exchange } from './support/raw-http.ts';

const folder = temporaryFolder();
copyDigits(folder.path);
writeModels(folder.path, 'picture-nhwc', 'simple');
const limits = ['--max-body', '200KB', '--max-pictures', '3'];
const server = await startModelship(folder.path, {
  args: [...limits, '--default-model', 'digits'],
});
const predict = `${server.url}/predict`;

const jpeg = readDigit('7-shadow.jpg');
const png = readDigit('3.png');

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

// Whatever it was, the next one is answered.
afterEach(async () => {
  expect((await post(predict, jpeg)).json.predictions[0].label).toBe('7');
});

const form = 'multipart/form-data; boundary=b';
const parts = (...lines: readonly string[]): string => lines.join('\r\n');

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
      'compressed in a way that is not known',
      () => post(predict, jpeg, { 'content-encoding': 'br' }),
      501,
      'CONTENT_ENCODING_UNSUPPORTED',
      /"br" is not supported; expected gzip, deflate/,
    ],
    [
      'not compressed as it says',
      () => post(predict, jpeg, { 'content-encoding': 'gzip' }),
      400,
      'BODY_ENCODING_INVALID',
      /not valid gzip.*incorrect header/,
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
      'the name of a file where the file was to be',
      () =>
        post(
          predict,
          parts('--b', 'Content-Disposition: form-data; name="image"', '', 'a/7.png', '--b--', ''),
          { 'content-type': form },
        ),
      400,
      'MULTIPART_NO_PICTURE',
      /"image" is the text "a\/7\.png": .*-F image=@a\/7\.png/,
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
      /'cats' is not found; models here: digits, picture-nhwc, simple/,
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
      /never guessed. Add to model.yaml, which lies with the model.*\ninput:\n.*color: rgb.*\n.*size: 32,/,
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
      'POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx',
      400,
    ],
    [
      'a length and chunks',
      'POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    [
      'a chunk without a length',
      'POST /predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
      400,
    ],
    [
      'long headers',
      `GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Long: ${'x'.repeat(40_000)}\r\n\r\n`,
      431,
    ],
  ])('%s', async (_, bytes, status) => {
    const answer = await exchange(server.port, bytes);
    expect(answer.head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(JSON.parse(answer.body)).toMatchObject({ success: false, code: 'REQUEST_MALFORMED' });
  });

  test.each([
    ['another name for this address', 'Host: evil.example', 'HOST_NOT_ALLOWED'],
    [
      'a form that a page of another site posts',
      'Host: localhost\r\nOrigin: https://evil.example',
      'ORIGIN_NOT_ALLOWED',
    ],
  ])('%s', async (_, lines, code) => {
    const post = `POST /predict HTTP/1.1\r\n${lines}\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx`;
    const answer = await exchange(server.port, post);
    expect(answer.head).toMatch(/^HTTP\/1.1 403 /);
    expect(JSON.parse(answer.body)).toMatchObject({ code });
  });

  test('a probe may use any name', async () => {
    const get = 'GET /readyz HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n';
    expect((await exchange(server.port, get)).head).toMatch(/^HTTP\/1.1 200 /);
  });

  test('a client that goes away in the middle of its body disturbs nobody', async () => {
    const head = 'POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n';
    await exchange(server.port, `${head}half`, { hangUp: true });
  });
});
