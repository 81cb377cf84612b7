import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { createHostCheck, hostNameOf } from './host-check.ts';

interface Ask {
  readonly host?: string;
  readonly origin?: string;
  readonly method?: string;
  readonly url?: string;
}

const at = (address: string) => (): AddressInfo => ({ address, family: 'IPv4', port: 1 });

function checkOf(address: string, ...allowedHosts: string[]) {
  const check = createHostCheck({ host: address, allowedHosts }, at(address));
  return ({ host, origin, method = 'POST', url = '/predict' }: Ask) => {
    const headers = { ...(host === undefined ? {} : { host }), ...(origin ? { origin } : {}) };
    try {
      check({ headers, method, url } as never);
      return 'taken';
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
}

const [taken, host, origin] = ['taken', 'HOST_NOT_ALLOWED', 'ORIGIN_NOT_ALLOWED'];

describe('on a loopback address', () => {
  const check = checkOf('127.0.0.1');

  test.each([
    ['localhost:8080', taken],
    ['LOCALHOST', taken],
    ['localhost.', taken],
    ['models.localhost:1', taken],
    ['127.0.0.1:8080', taken],
    ['[::1]:8080', taken],
    ['192.168.1.7:8080', taken],
    [undefined, taken],
    ['evil.example', host],
    ['localhost.evil.example', host],
    ['evillocalhost', host],
    ['127.evil.example', host],
    ['127.0.0.1.evil.example:8080', host],
    ['user@localhost', host],
    ['localhost:8080:1', host],
    ['', host],
  ])('the host %j is %s', (name, expected) => {
    expect(check(name === undefined ? {} : { host: name })).toBe(expected);
  });

  test.each(['/healthz', '/readyz', '/readyz?verbose'])('probes of %s use any name', (url) => {
    expect(check({ host: 'pod-7.cluster.example', method: 'GET', url })).toBe(taken);
  });

  test.each([
    ['http://localhost:3000', 'POST', taken],
    ['http://127.0.0.1:8080', 'POST', taken],
    ['http://[::1]', 'POST', taken],
    ['https://evil.example', 'POST', origin],
    ['http://203.0.113.9', 'POST', origin],
    ['null', 'POST', origin],
    ['file://', 'POST', origin],
    ['https://evil.example', 'GET', taken],
  ])('a page of %j may %s: %s', (from, method, expected) => {
    expect(check({ host: 'localhost:8080', origin: from, method })).toBe(expected);
  });

  test('a page is of the same host when it was loaded from there', () => {
    expect(check({ host: '192.168.1.7:1', origin: 'http://192.168.1.7:1' })).toBe(taken);
  });

  test('more names can be allowed, or all', () => {
    const more = checkOf('127.0.0.1', 'Models.Example');
    expect(more({ host: 'models.example', origin: 'https://models.example' })).toBe(taken);
    expect(more({ host: 'other.example' })).toBe(host);
    expect(checkOf('127.0.0.1', '*')({ host: 'x.y', origin: 'null' })).toBe(taken);
  });
});

describe('on another address', () => {
  test('every name is taken', () => {
    expect(checkOf('0.0.0.0')({ host: 'x.y', origin: 'https://z' })).toBe(taken);
  });

  test('unless some are named', () => {
    const check = checkOf('10.0.0.1', 'models.example');
    expect(check({ host: 'models.example:80' })).toBe(taken);
    expect(check({ host: 'localhost' })).toBe(taken);
    expect(check({ host: 'x.y' })).toBe(host);
  });
});

test.each([
  ['a.b:80', 'a.b'],
  ['[FE80::1]:80', 'fe80::1'],
  ['a b', undefined],
  ['a/b', undefined],
])('the name of %j is %j', (authority, name) => {
  expect(hostNameOf(authority)).toBe(name);
});
