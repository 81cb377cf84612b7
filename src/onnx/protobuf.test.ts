/** Writer against reader, and the reader against bytes that the writer does not make. */

import { expect, test } from 'vitest';
import { sourceOfBytes } from './byte-source.ts';
import { ProtobufReader } from './protobuf-reader.ts';
import { ProtobufWriter, readPiece } from './protobuf-writer.ts';

const bytesOf = (writer: ProtobufWriter): Buffer =>
  Buffer.concat(writer.finish().flatMap((piece) => [...readPiece(piece)]));

const readerOf = (bytes: Uint8Array): ProtobufReader => new ProtobufReader(sourceOfBytes(bytes));

/** Reads field 1 as a bigint. */
function bigintIn(bytes: Uint8Array): bigint | undefined {
  let value: bigint | undefined;
  readerOf(bytes).readFields({
    1: (r) => {
      value = r.bigint();
    },
  });
  return value;
}

test.each([0n, 1n, 127n, 128n, -1n, 2n ** 28n, 2n ** 53n, 2n ** 63n - 1n, -(2n ** 63n)])(
  'the integer %d is read back',
  (value) => {
    expect(bigintIn(bytesOf(new ProtobufWriter().int(1, value)))).toBe(value);
  },
);

test('the bytes are those of the encoding guide', () => {
  expect(bytesOf(new ProtobufWriter().int(1, 150)).toString('hex')).toBe('089601');
  expect(bytesOf(new ProtobufWriter().string(2, 'testing')).toString('hex')).toBe(
    '120774657374696e67',
  );
  expect(bytesOf(new ProtobufWriter().ints(6, [3, 270, 86942])).toString('hex')).toBe(
    '3206038e029ea705',
  );
});

test('repeated integers are read packed, unpacked and mixed', () => {
  const writer = new ProtobufWriter().int(1, 5).ints(1, [6, -7]).int(1, 8);
  const values: number[] = [];
  readerOf(bytesOf(writer)).readFields({ 1: (r) => r.ints((value) => values.push(value)) });
  expect(values).toEqual([5, 6, -7, 8]);
});

test('unknown fields of every wire type are skipped', () => {
  const writer = new ProtobufWriter().int(100, -1).float(101, 1).string(102, 'x').int(1, 7);
  const fixed64 = Buffer.from([0x19, 1, 2, 3, 4, 5, 6, 7, 8]);
  expect(bigintIn(Buffer.concat([fixed64, bytesOf(writer)]))).toBe(7n);
});

test('large fields are pieces of their own, not copies', () => {
  const large = new Uint8Array(5000);
  const inner = new ProtobufWriter().int(1, 1).bytes(2, large);
  const pieces = new ProtobufWriter().message(3, inner).int(4, 4).finish();
  expect(pieces).toContain(large);
  expect(pieces.length).toBe(3);
});

test('a number that a JavaScript number cannot hold is refused as such', () => {
  const bytes = bytesOf(new ProtobufWriter().int(1, 2n ** 60n));
  expect(() => readerOf(bytes).readFields({ 1: (r) => r.int() })).toThrow('is out of range');
});

test.each([
  ['an endless number', 'ff'.repeat(20), 'a number longer than ten bytes'],
  ['a number that is cut', '0880', 'the data ends inside a number'],
  ['a length that is cut', '0a', 'the data ends inside a number'],
  ['a length past the end', '0a05ff', 'a field of 5 bytes where only 1 are left'],
  ['an absurd length', '0affffffffffffffffff01', 'where only 0 are left'],
  ['a fixed number that is cut', '1d0000', 'the data ends inside a number'],
])('%s is refused', (_, hex, message) => {
  expect(() => readerOf(Buffer.from(hex, 'hex')).readFields({ 2: (r) => r.skip() })).toThrow(
    message,
  );
});

test('a length inside a message is held against that message, not against the file', () => {
  const bytes = Buffer.from('0a020a05ffffffffffff', 'hex');
  const read = () => readerOf(bytes).readFields({ 1: (r) => r.message({ 1: (s) => s.skip() }) });
  expect(read).toThrow('a field of 5 bytes where only 0 are left');
});

test('a text that is not UTF-8 is refused', () => {
  const bytes = Buffer.from('0a02c328', 'hex');
  expect(() => readerOf(bytes).readFields({ 1: (r) => r.string() })).toThrow('not UTF-8');
});

test('texts across and beyond the reader’s window are read', () => {
  const texts = ['a'.repeat(20_000), 'b'.repeat(20_000), 'c'.repeat(100_000), 'd'];
  const writer = new ProtobufWriter();
  for (const text of texts) writer.string(1, text);
  const read: string[] = [];
  readerOf(bytesOf(writer)).readFields({ 1: (r) => read.push(r.string()) });
  expect(read).toEqual(texts);
});

test('a source that becomes shorter while it is read is noticed', () => {
  const bytes = bytesOf(new ProtobufWriter().string(1, 'x'.repeat(100)));
  const source = { ...sourceOfBytes(bytes.subarray(0, 50)), length: bytes.byteLength };
  const read = () => new ProtobufReader(source).readFields({ 1: (r) => r.string() });
  expect(read).toThrow('the file became shorter');
});
