import { expect, test } from 'vitest';
import { crc32c, maskCrc } from './crc32c.ts';
import { decompressSnappy } from './snappy.ts';
import { readTable } from './table-file.ts';

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

test('checksums are those of RFC 3720', () => {
  expect(crc32c(text('123456789'))).toBe(0xe3069283);
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
  expect(crc32c(text('56789'), crc32c(text('1234')))).toBe(0xe3069283);
});

test('a checksum does not depend on where the bytes lie in memory', () => {
  const sum = crc32c(text('a checksum of some bytes'));
  for (let offset = 0; offset < 9; offset += 1) {
    const memory = new Uint8Array(40);
    memory.set(text('a checksum of some bytes'), offset);
    const moved = memory.subarray(offset, offset + 24);
    expect(crc32c(moved)).toBe(sum);
    expect(crc32c(moved.subarray(3), crc32c(moved.subarray(0, 3)))).toBe(sum);
  }
});

test('literals and copies of every form are decompressed', () => {
  const literal = bytes(5, 4 << 2, ...text('hello'));
  expect(Buffer.from(decompressSnappy(literal, 'x', 99)).toString()).toBe('hello');
  // "ab", then 10 bytes from 2 back in two-byte form, and 4 from 4 back in one-byte form.
  const copies = bytes(16, 1 << 2, ...text('ab'), (9 << 2) | 2, 2, 0, 1, 4);
  expect(Buffer.from(decompressSnappy(copies, 'x', 99)).toString()).toBe('abababababababab');
  const far = bytes(4, 0, 0x41, (2 << 2) | 3, 1, 0, 0, 0);
  expect(Buffer.from(decompressSnappy(far, 'x', 99)).toString()).toBe('AAAA');
  const long = bytes(70, 60 << 2, 69, ...new Uint8Array(70).fill(7));
  expect(decompressSnappy(long, 'x', 99)).toEqual(new Uint8Array(70).fill(7));
});

test.each([
  ['an announced length that is too large', bytes(0xff, 0xff, 0xff, 0xff, 0x0f)],
  ['no length', bytes()],
  ['a length without end', bytes(0x80, 0x80, 0x80, 0x80, 0x80, 0x80)],
  ['a literal beyond the end', bytes(5, 4 << 2, 1)],
  ['more than announced', bytes(1, 4 << 2, ...text('hello'))],
  ['less than announced', bytes(9, 4 << 2, ...text('hello'))],
  ['a copy from before the beginning', bytes(9, 0, 0x41, 1, 2)],
  ['a copy of offset 0', bytes(9, 0, 0x41, 1, 0)],
  ['a copy that is cut short', bytes(9, 0, 0x41, 2, 1)],
])('damaged Snappy data is refused: %s', (_, data) => {
  expect(() => decompressSnappy(data, 'index', 1000)).toThrow('its Snappy data is damaged');
});

/** A block with its trailer; compression 1 wraps it as one Snappy literal. */
function block(contents: Uint8Array, compression = 0): Buffer {
  const body = compression
    ? Buffer.from([contents.length, (contents.length - 1) << 2, ...contents])
    : Buffer.from(contents);
  const typed = Buffer.concat([body, Buffer.from([compression])]);
  const sum = Buffer.alloc(4);
  sum.writeUInt32LE(maskCrc(crc32c(typed)));
  return Buffer.concat([typed, sum]);
}

const restarts = [0, 0, 0, 0, 1, 0, 0, 0];

/** A table of one data block with these entries: [shared, key rest, value]. */
function table(entries: readonly (readonly [number, string, string])[], compression = 0): Buffer {
  const contents = entries.flatMap(([shared, key, value]) => [
    shared,
    key.length,
    value.length,
    ...text(key + value),
  ]);
  const data = block(bytes(...contents, ...restarts), compression);
  const handle = [0, data.length - 5];
  const index = block(bytes(0, 1, handle.length, 0x7a, ...handle, ...restarts));
  const footer = Buffer.alloc(48);
  footer.set([0, 0, data.length, index.length - 5]);
  footer.set([0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb], 40);
  return Buffer.concat([data, index, footer]);
}

const entries = [
  [0, 'dense/bias', 'B'],
  [6, 'kernel', 'K'],
] as const;

test.each([0, 1])('keys that share a beginning are read (compression %i)', (compression) => {
  const read = readTable(table(entries, compression), 'index');
  expect(read.map(({ key, value }) => [key, Buffer.from(value).toString()])).toEqual([
    ['dense/bias', 'B'],
    ['dense/kernel', 'K'],
  ]);
});

test('a changed byte, an unknown compression and a key that shares too much are refused', () => {
  const changed = table(entries);
  changed[4] = (changed[4] ?? 0) ^ 1;
  expect(() => readTable(changed, 'index')).toThrow('the checksum of the block at byte 0');
  expect(() => readTable(table(entries, 2), 'index')).toThrow('unknown compression 2');
  expect(() => readTable(table([[3, 'a', '']]), 'index')).toThrow('shares more than there is');
  expect(() => readTable(Buffer.alloc(100), 'index')).toThrow('is not that of a table of keys');
});
