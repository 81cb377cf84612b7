import { readdirSync, readFileSync } from 'node:fs';
import fastify from 'fastify';
import { expect, test } from 'vitest';
import { prefersHtml, registerPage } from './page.ts';

const chromiumAccept =
  'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8';

function createApp() {
  const app = fastify();
  registerPage(app, { describe: () => 'Modelship serves digits.' });
  return app;
}

test.each([
  [chromiumAccept, true],
  ['text/html', true],
  ['TEXT/HTML; charset=utf-8', true],
  ['text/html;q=0.5, text/plain;q=0.4', true],
  ['text/*;q=0.3, text/html', true],
  ['*/*', false],
  [undefined, false],
  ['', false],
  ['text/plain', false],
  ['text/html, text/plain', false],
  ['text/html;q=0.4, */*;q=0.5', false],
  ['text/html;q=0', false],
  ['text/html;q=nonsense, */*;q=0.1', false],
  ['application/json', false],
])('a client that accepts %s prefers HTML: %s', (accept, expected) => {
  expect(prefersHtml(accept)).toBe(expected);
});

test('a browser gets the page and a terminal gets one line', async () => {
  const app = createApp();
  const page = await app.inject({ url: '/', headers: { accept: chromiumAccept } });
  expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
  expect(page.body).toMatch(/^<!doctype html>/);
  const line = await app.inject({ url: '/', headers: { accept: '*/*' } });
  expect(line.headers['content-type']).toBe('text/plain; charset=utf-8');
  expect(line.body).toBe('Modelship serves digits.\n');
  expect([page.headers.vary, line.headers.vary]).toEqual(['Accept', 'Accept']);
});

test('the page comes with a policy that allows nothing inline and no other host', async () => {
  const { headers } = await createApp().inject({ url: '/', headers: { accept: 'text/html' } });
  expect(headers['content-security-policy']).toContain("default-src 'none'; script-src 'self'");
  expect(headers['content-security-policy']).not.toMatch(/unsafe|http|\*/);
  expect(headers).toMatchObject({
    'cache-control': 'no-cache',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  });
});

test('a file that did not change is not sent again', async () => {
  const app = createApp();
  const first = await app.inject('/page/style.css');
  const etag = String(first.headers.etag);
  const again = await app.inject({
    url: '/page/style.css',
    headers: { 'if-none-match': `W/${etag}` },
  });
  expect([again.statusCode, again.body, again.headers.etag]).toEqual([304, '', etag]);
  const other = await app.inject({
    url: '/page/style.css',
    headers: { 'if-none-match': '"other"' },
  });
  expect([other.statusCode, other.body]).toEqual([200, first.body]);
});

test('every file of src/web is served, and every file that the page names exists', async () => {
  const app = createApp();
  const folder = new URL('../web/', import.meta.url);
  const html = readFileSync(new URL('index.html', folder), 'utf8');
  const named = [...html.matchAll(/(?:src|href)="(\/page\/[^"]+)"/g)].map(([, path = '']) => path);
  const kept = readdirSync(folder).filter((name) => name !== 'index.html');
  for (const path of [...named, ...kept.map((name) => `/page/${name}`)]) {
    expect([path, (await app.inject(path)).statusCode]).toEqual([path, 200]);
  }
});

test('nothing outside the list is served', async () => {
  const app = createApp();
  for (const path of ['/page/', '/page/../package.json', '/page/%2e%2e%2fhttp%2fpage.ts']) {
    expect((await app.inject(path)).statusCode).toBe(404);
  }
});
