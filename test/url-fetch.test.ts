/** `{"url": …}` over HTTP: what is refused, what fails, and what a client is told. */

import { afterAll, describe, expect, test } from 'vitest';
import { expectError } from './support/expect-error.ts';
import { post } from './support/http.ts';
import { root, startModelship } from './support/modelship.ts';
import { servePictures } from './support/picture-server.ts';
import { readDigit } from './support/pictures.ts';

const seven = readDigit('7-shadow.jpg');
const web = await servePictures({
  '/7.jpg': seven,
  '/moved': '/7.jpg',
  '/inside': 'http://localhost:1/secret',
  '/round': '/round',
  '/text': Buffer.from('hello'),
  '/large': Buffer.alloc(60_000),
});
const { port } = new URL(web.url);
const models = { cwd: root };
const guarded = await startModelship('models/digits', models);
const open = await startModelship('models/digits', {
  ...models,
  args: ['--url-allow-private', '127.0.0.1', '--url-max-bytes', '50KB'],
});
const closed = await startModelship('models/digits', { ...models, args: ['--no-url'] });

afterAll(async () => {
  for (const part of [guarded, open, closed, web]) await part[Symbol.asyncDispose]();
});

const ask = (server: { url: string }, url: unknown) => post(`${server.url}/predict`, { url });

describe('addresses that are not public are refused before anything is sent', () => {
  test.each([
    `http://127.0.0.1:${port}/7.jpg`,
    `http://localhost:${port}/7.jpg`,
    `http://[::1]:${port}/7.jpg`,
    `http://[::ffff:127.0.0.1]:${port}/7.jpg`,
    `http://0x7f000001:${port}/7.jpg`,
    'http://169.254.169.254/latest/meta-data',
    'http://10.0.0.1/a.jpg',
    'http://192.168.1.1/a.jpg',
    'http://0.0.0.0/a.jpg',
  ])('%s', async (url) => {
    const message = /^The host \S+ is refused: .*--url-allow-private/;
    expectError(await ask(guarded, url), 403, 'URL_REFUSED', message);
  });

  test('nothing was asked of the server behind them', () => {
    expect(web.asked).toEqual([]);
  });
});

describe('a host that is exempt', () => {
  test.each(['/7.jpg', '/moved'])('%s is fetched', async (path) => {
    const { json } = await ask(open, `${web.url}${path}`);
    expect(json.predictions[0].label).toBe('7');
  });

  test('does not exempt the host that it redirects to', async () => {
    const answer = await ask(open, `${web.url}/inside`);
    expectError(answer, 403, 'URL_REFUSED', /^The host localhost is refused/);
  });

  test.each([
    ['/gone', 'URL_FETCH_FAILED', /127\.0\.0\.1\S*: .*404/],
    ['/round', 'URL_FETCH_FAILED', /redirect/],
    ['/large', 'URL_FETCH_FAILED', /51200/],
    ['/text', 'PICTURE_NOT_RECOGNISED', /^The picture at the url is not a picture/],
  ])('%s', async (path, code, message) => {
    expectError(await ask(open, `${web.url}${path}`), 400, code, message);
  });
});

describe('URLs that cannot be fetched', () => {
  test.each([
    ['not a url', 'URL_INVALID', /^The url is not usable/],
    ['file:///etc/passwd', 'URL_INVALID', /http/],
    ['ftp://example.org/a.jpg', 'URL_INVALID', /http/],
    [7, 'PREDICT_JSON_INVALID', /"url" is a number, not a string/],
  ])('%s', async (url, code, message) => {
    expectError(await ask(guarded, url), 400, code, message);
  });

  test('a name without an address is refused like one that is not public', async () => {
    const answer = await ask(guarded, 'http://nothing.invalid/a.jpg');
    expectError(answer, 403, 'URL_REFUSED', /^The host nothing\.invalid is refused: .*resolve/);
  });

  test('a port that nobody listens on', async () => {
    const answer = await ask(open, 'http://127.0.0.1:1/a.jpg');
    expectError(answer, 400, 'URL_FETCH_FAILED', /from 127\.0\.0\.1/);
  });
});

test('--no-url turns the form off, and no other', async () => {
  const answer = await ask(closed, `${web.url}/7.jpg`);
  expectError(answer, 403, 'URL_DISABLED', /turned off on this server \(--no-url\)/);
  const { json } = await post(`${closed.url}/predict`, { image: seven.toString('base64') });
  expect(json.predictions[0].label).toBe('7');
});
