import { gunzipSync, inflateSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { createRandom } from '../../test/models/random.ts';
import { answerEncodingOf, packAnswer } from './answer-encoding.ts';

test.each([
  [undefined, undefined],
  ['', undefined],
  ['identity', undefined],
  ['br, zstd', undefined],
  ['gzip', 'gzip'],
  ['gzip, deflate, br', 'gzip'],
  ['deflate', 'deflate'],
  ['DEFLATE;q=1.0, GZip;q=0.5', 'deflate'],
  ['gzip;q=0', undefined],
  ['gzip;q=0, deflate', 'deflate'],
  ['*', 'gzip'],
  ['*;q=0', undefined],
  ['gzip;q=0, *', 'deflate'],
  ['x-gzip', 'gzip'],
  ['gzip;q=nonsense', 'gzip'],
  [`${'a,'.repeat(10_000)}gzip`, undefined],
])('Accept-Encoding %j means %s', (header, encoding) => {
  expect(answerEncodingOf(header)).toBe(encoding);
});

test('an answer is packed as it was asked', async () => {
  for (const body of [Buffer.from('12345,'.repeat(500)), Buffer.from('0.5,'.repeat(50_000))]) {
    expect(gunzipSync((await packAnswer(body, 'gzip')) as Buffer)).toEqual(body);
    expect(inflateSync((await packAnswer(body, 'deflate')) as Buffer)).toEqual(body);
  }
});

test('what is short, or does not get shorter, stays as it is', async () => {
  const random = createRandom(1);
  const noise = Buffer.from(Uint8Array.from({ length: 100_000 }, () => random() * 256));
  expect(await packAnswer(Buffer.alloc(1000), 'gzip')).toBeUndefined();
  expect(await packAnswer(noise, 'gzip')).toBeUndefined();
  expect(await packAnswer(noise.subarray(0, 2000), 'deflate')).toBeUndefined();
});
