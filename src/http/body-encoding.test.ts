import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { ByteBudget, Hold } from '../serving/byte-budget.ts';
import { createByteBudget } from '../serving/byte-budget.ts';
import type { BodyEncoding } from './body-encoding.ts';
import { bodyEncodingOf, unpackBody } from './body-encoding.ts';

const megabyte = 1024 ** 2;

interface Given {
  readonly budget?: ByteBudget;
  readonly hold?: Hold;
  readonly limit?: number;
  readonly weight?: number;
}

function unpack(body: Buffer, encoding: BodyEncoding, given: Given = {}): Promise<Buffer> {
  const { budget = createByteBudget(16 * megabyte), limit = 4 * megabyte, weight = 1 } = given;
  const hold = given.hold ?? budget.open();
  return new Promise((resolve, reject) =>
    unpackBody(body, { encoding, hold, weight, limit }, (error, whole) =>
      error ? reject(error) : resolve(whole as Buffer),
    ),
  );
}

test.each([
  [undefined, undefined],
  ['', undefined],
  ['Identity', undefined],
  ['gzip', 'gzip'],
  ['X-GZIP', 'gzip'],
  [' deflate ', 'deflate'],
])('Content-Encoding %j is %s', (header, encoding) => {
  expect(bodyEncodingOf(header)).toBe(encoding);
});

test.each(['br', 'zstd', 'gzip, gzip', 'compress', 'constructor', 'x-'])(
  'Content-Encoding %j is refused, with those that are known',
  (header) => {
    expect(() => bodyEncodingOf(header)).toThrow(/not supported; expected gzip, deflate/);
  },
);

describe('a body', () => {
  const text = Buffer.from(JSON.stringify(Array.from({ length: 50_000 }, (_, i) => i / 7)));

  test.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
  ] as const)('of %s comes out as it was, long or short', async (encoding, pack) => {
    for (const body of [text, text.subarray(0, 5), Buffer.alloc(3 * megabyte)]) {
      expect((await unpack(pack(body), encoding)).equals(body)).toBe(true);
    }
  });

  test('of several gzip members is all of them', async () => {
    const members = Buffer.concat([gzipSync('one '), gzipSync('two')]);
    expect((await unpack(members, 'gzip')).toString()).toBe('one two');
  });

  test('of no bytes is one of no bytes', async () => {
    expect((await unpack(Buffer.alloc(0), 'gzip')).length).toBe(0);
  });

  test.each([
    ['no gzip', 'gzip', text],
    ['gzip that is cut short', 'gzip', gzipSync(text).subarray(0, 1000)],
    [
      'gzip with a wrong checksum',
      'gzip',
      Buffer.concat([gzipSync(text).subarray(0, -8), text.subarray(0, 8)]),
    ],
    ['deflate without its header', 'deflate', deflateRawSync(text)],
    ['gzip instead of deflate', 'deflate', gzipSync(text)],
  ] as const)('%s is refused', async (_, encoding, body) => {
    await expect(unpack(body, encoding)).rejects.toMatchObject({ code: 'BODY_ENCODING_INVALID' });
  });
});

describe('a body that grows', () => {
  const bomb = gzipSync(Buffer.alloc(32 * megabyte));

  test('beyond the limit is refused, and holds no more than it had', async () => {
    const budget = createByteBudget(64 * megabyte);
    const hold = budget.open();
    const unpacked = unpack(bomb, 'gzip', { budget, hold, limit: 4 * megabyte });
    await expect(unpacked).rejects.toMatchObject({ code: 'BODY_TOO_LARGE' });
    expect(budget.used).toBeLessThanOrEqual(2 * (4 + 1) * megabyte);
    hold.release();
    expect(budget.used).toBe(0);
  });

  test('beyond the memory for all bodies is refused', async () => {
    const budget = createByteBudget(8 * megabyte);
    const unpacked = unpack(bomb, 'gzip', { budget, limit: 64 * megabyte });
    await expect(unpacked).rejects.toMatchObject({ code: 'BODY_MEMORY_FULL' });
  });

  test('stops when its client is gone', async () => {
    const budget = createByteBudget(256 * megabyte);
    const hold = budget.open();
    const unpacked = unpack(bomb, 'gzip', { budget, hold, limit: 64 * megabyte });
    hold.release();
    await expect(unpacked).rejects.toMatchObject({ code: 'REQUEST_CANCELLED' });
    expect(budget.used).toBe(0);
  });

  test('holds in the end what it weighs, not what it was packed', async () => {
    const budget = createByteBudget(64 * megabyte);
    const hold = budget.open();
    const packed = gzipSync(Buffer.alloc(megabyte));
    hold.grow(3 * packed.length);
    await unpack(packed, 'gzip', { budget, hold, weight: 3 });
    expect(hold.bytes).toBe(3 * megabyte);
  });
});
