import { expect, test } from 'vitest';
import { parsePictureUrl } from './picture-url.ts';

test('a URL is taken apart', () => {
  expect(parsePictureUrl('https://Example.org:8443/a%20b.jpg?x=1#part')).toEqual({
    secure: true,
    host: 'example.org',
    isAddress: false,
    port: 8443,
    authority: 'example.org:8443',
    path: '/a%20b.jpg?x=1',
  });
});

test.each([
  ['decimal', 'http://2130706433/', '127.0.0.1'],
  ['hexadecimal', 'http://0x7f000001/', '127.0.0.1'],
  ['octal', 'http://0177.0.0.01/', '127.0.0.1'],
  ['short', 'http://127.1/', '127.0.0.1'],
  ['a dot at the end', 'http://127.0.0.1./', '127.0.0.1'],
  ['full-width digits', 'http://１２７.0.0.1/', '127.0.0.1'],
  ['percent-encoding', 'http://%31%32%37.0.0.1/', '127.0.0.1'],
  ['an ideographic dot', 'http://127。0。0。1/', '127.0.0.1'],
  ['backslashes', 'http:\\\\127.0.0.1\\', '127.0.0.1'],
  ['line breaks inside', 'ht\ntp://127.0.\t0.1/', '127.0.0.1'],
  ['IPv6', 'http://[::1]/', '::1'],
  ['IPv4-mapped', 'http://[::ffff:127.0.0.1]/', '::ffff:7f00:1'],
  ['a name with a dot at its end', 'http://localhost./', 'localhost'],
  ['a name in capitals and signs', 'http://LOCALⒽOST/', 'localhost'],
  ['a name outside of ASCII', 'http://bücher.example/', 'xn--bcher-kva.example'],
])('%s comes out as one host', (_, url, host) => {
  expect(parsePictureUrl(url).host).toBe(host);
});

test('ports have their defaults, and IPv6 hosts their brackets', () => {
  expect(parsePictureUrl('http://[2606::1]/')).toMatchObject({ port: 80, authority: '[2606::1]' });
  expect(parsePictureUrl('https://a.b:443')).toMatchObject({
    port: 443,
    authority: 'a.b',
    path: '/',
  });
});

test('a redirect is resolved against the URL that it came from', () => {
  const base = parsePictureUrl('https://example.org:8443/a/b.jpg?q');
  expect(parsePictureUrl('../c.jpg', base)).toMatchObject({
    authority: 'example.org:8443',
    path: '/c.jpg',
  });
  expect(parsePictureUrl('//other.org/d', base)).toMatchObject({ secure: true, host: 'other.org' });
});

test.each([
  ['', 'it is not a full URL such as https://example.org/cat.jpg'],
  ['cat.jpg', 'it is not a full URL'],
  ['http://', 'it is not a full URL'],
  ['http://1.2.3.4.5/', 'it is not a full URL'],
  ['http://256.1.1.1/', 'it is not a full URL'],
  ['http://[fe80::1%25eth0]/', 'it is not a full URL'],
  ['http://a b/', 'it is not a full URL'],
  ['http://a:99999/', 'it is not a full URL'],
  ['file:///etc/passwd', 'its scheme is "file:"; expected http: or https:'],
  ['ftp://example.org/', 'its scheme is "ftp:"'],
  ['gopher://example.org:6379/_x', 'its scheme is "gopher:"'],
  ['blob:https://example.org/1', 'its scheme is "blob:"'],
  ['data:image/png;base64,AA', 'it is a data URL; send it as {"image": "data:…"}'],
  ['http://user@example.org/', 'it holds a user name or a password'],
  ['http://:secret@example.org/', 'it holds a user name or a password'],
  ['http://a..b/', 'its host is not a host name'],
  ['http://a../', 'its host is not a host name'],
  ['http://*.example.org/', 'its host is not a host name'],
  [`http://${'a.'.repeat(127)}bc/`, 'its host is longer than 253 characters'],
  [`http://example.org/${'a'.repeat(8192)}`, 'it is longer than 8192 characters'],
])('%.60s is refused', (url, problem) => {
  expect(() => parsePictureUrl(url)).toThrow(problem);
});
