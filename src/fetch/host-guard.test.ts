import { expect, test } from 'vitest';
import { ServingError } from '../errors.ts';
import { createAllowedHosts } from './allowed-hosts.ts';
import { createHostGuard } from './host-guard.ts';
import { parsePictureUrl } from './picture-url.ts';

const names: Readonly<Record<string, readonly string[]>> = {
  'public.example': ['8.8.8.8', '2606:4700::1111'],
  'private.example': ['10.0.0.1'],
  'mixed.example': ['8.8.8.8', '169.254.169.254'],
  'mixed6.example': ['8.8.8.8', '::ffff:127.0.0.1'],
  'own.example': ['9.9.9.9'],
  'empty.example': [],
  'many.example': Array.from({ length: 500 }, (_, i) => `8.8.${i >> 8}.${i & 255}`),
  'many-and-one.example': [...Array.from({ length: 500 }, () => '8.8.8.8'), '127.0.0.1'],
  redis: ['10.0.0.2'],
};

const asked: string[] = [];
const resolve = async (name: string) => {
  asked.push(name);
  return names[name] ?? Promise.reject(new Error(`ENOTFOUND ${name}`));
};
const guard = createHostGuard({
  isAllowedHost: createAllowedHosts(['redis:6379', 'gone.example', '10.0.0.5', 'private.example']),
  resolvePublic: resolve,
  resolveAllowed: resolve,
  ownAddresses: () => ['9.9.9.9', '127.0.0.1'],
});
const { signal } = new AbortController();
const check = async (url: string): Promise<unknown> => {
  try {
    return await guard(parsePictureUrl(url), signal);
  } catch (error) {
    if (error instanceof ServingError) return `${error.code}: ${error.message}`;
    throw error;
  }
};
const refusedName = (host: string): string =>
  `URL_REFUSED: The host ${host} is refused: its name does not resolve to addresses of the public internet alone. The server's owner can exempt it with --url-allow-private.`;

test('a public name gives all its addresses, in order', async () => {
  expect(await check('https://public.example/a.jpg')).toEqual(['8.8.8.8', '2606:4700::1111']);
});

test('a public address needs no name server', async () => {
  asked.length = 0;
  expect(await check('http://8.8.8.8/')).toEqual(['8.8.8.8']);
  expect(await check('http://[2606:4700::1111]/')).toEqual(['2606:4700::1111']);
  expect(asked).toEqual([]);
});

test.each([
  ['does not exist', 'nowhere.example'],
  ['has no address', 'empty.example'],
  ['has one address that is private', 'mixed.example'],
  ['has one address that is IPv4-mapped', 'mixed6.example'],
  ['has a private address after many public ones', 'many-and-one.example'],
  ['is this machine', 'own.example'],
  ['is localhost', 'localhost'],
  ['is below localhost', 'a.localhost'],
  ['has no dot', 'kubernetes'],
])('a name that %s gets the one answer for all of these', async (_, host) => {
  expect(await check(`http://${host}/`)).toBe(refusedName(host));
});

test('what was found inside stays in the cause', async () => {
  const error = await guard(parsePictureUrl('http://mixed.example/'), signal).catch((e) => e);
  expect(error.message).not.toContain('169.254');
  expect(error.cause.message).toBe('mixed.example resolves to 169.254.169.254');
});

test('localhost and names without a dot are not even asked for', async () => {
  asked.length = 0;
  for (const host of ['localhost', 'x.localhost', 'redis']) await check(`http://${host}/`);
  expect(asked).toEqual([]);
});

test.each([
  'http://127.0.0.1/',
  'http://0x7f.1/',
  'http://2130706433/',
  'http://0/',
  'http://169.254.169.254/latest/meta-data/',
  'http://[::1]/',
  'http://[::ffff:10.0.0.1]/',
  'http://[fd00:ec2::254]/',
  'http://[64:ff9b::7f00:1]/',
  'http://9.9.9.9/',
])('the address in %s is refused', async (url) => {
  expect(await check(url)).toContain('is refused: it is not an address of the public internet.');
});

test.each([21, 22, 25, 81, 445, 1023])('port %d is refused', async (port) => {
  expect(await check(`http://public.example:${port}/`)).toContain(
    `is refused: port ${port} is not a port of the web (80, 443, 1024 and up)`,
  );
});

test.each([80, 443, 1024, 8080, 65535])('port %d is not', async (port) => {
  expect(await check(`http://public.example:${port}/`)).toHaveLength(2);
});

test('an exempted host may be private, on its port if it names one', async () => {
  expect(await check('http://10.0.0.5:22/')).toEqual(['10.0.0.5']);
  expect(await check('http://private.example/')).toEqual(['10.0.0.1']);
  expect(await check('http://redis:6379/')).toEqual(['10.0.0.2']);
  expect(await check('http://redis:6380/')).toBe(refusedName('redis'));
  expect(await check('http://10.0.0.6/')).toContain('is refused');
});

test('an exempted host that does not resolve says so', async () => {
  expect(await check('http://gone.example/')).toBe(
    'URL_FETCH_FAILED: The picture could not be fetched from gone.example: its name does not resolve.',
  );
});

test('of very many addresses the first eight are tried', async () => {
  expect(await check('http://many.example/')).toEqual(names['many.example']?.slice(0, 8));
});
