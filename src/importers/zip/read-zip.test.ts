/** Zip archives: stored and deflated files, zip64, and everything that is refused. */

import { crc32, deflateRawSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { createRandom } from '../../../test/models/random.ts';
import { sourceOfBytes } from '../../onnx/byte-source.ts';
import { InvalidModelError, UnsupportedModelError } from '../problems.ts';
import { readZip } from './read-zip.ts';

interface File {
  readonly name: string;
  readonly content: Buffer;
  readonly method?: number;
  readonly flags?: number;
  /** What the directory says instead of the truth. */
  readonly size?: number;
  readonly zip64?: boolean;
}

/** APPNOTE's layout, as far as Keras' and torch's archives use it. */
function makeZip(files: readonly File[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, content, method = 0, flags = 0, size = content.length, zip64 } of files) {
    const packed = method === 8 ? deflateRawSync(content) : content;
    const header = Buffer.alloc(30);
    header.writeUInt32LE(0x04034b50, 0);
    header.writeUInt16LE(Buffer.byteLength(name), 26);
    parts.push(header, Buffer.from(name), packed);
    const extra = Buffer.alloc(zip64 ? 28 : 0);
    if (zip64) {
      extra.writeUInt16LE(1, 0);
      extra.writeUInt16LE(24, 2);
      extra.writeBigUInt64LE(BigInt(size), 4);
      extra.writeBigUInt64LE(BigInt(packed.length), 12);
      extra.writeBigUInt64LE(BigInt(offset), 20);
    }
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt16LE(flags, 8);
    entry.writeUInt16LE(method, 10);
    entry.writeUInt32LE(crc32(content), 16);
    entry.writeUInt32LE(zip64 ? 0xffffffff : packed.length, 20);
    entry.writeUInt32LE(zip64 ? 0xffffffff : size, 24);
    entry.writeUInt16LE(Buffer.byteLength(name), 28);
    entry.writeUInt16LE(extra.length, 30);
    entry.writeUInt32LE(zip64 ? 0xffffffff : offset, 42);
    directory.push(entry, Buffer.from(name), extra);
    offset += 30 + Buffer.byteLength(name) + packed.length;
  }
  const list = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(files.length, 8);
  end.writeUInt16LE(files.length, 10);
  end.writeUInt32LE(list.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, list, end]);
}

const text = Buffer.from('a configuration, a configuration, a configuration');
const open = (bytes: Uint8Array) => readZip(sourceOfBytes(bytes));

test.each([
  ['stored', { name: 'config.json', content: text }],
  ['deflated', { name: 'config.json', content: text, method: 8 }],
  ['with sizes of 64 bits', { name: 'config.json', content: text, zip64: true }],
])('a file that is %s comes out as it went in', (_, file) => {
  const zip = open(makeZip([{ name: 'other', content: Buffer.from('x') }, file]));
  expect([...zip.entries.keys()]).toEqual(['other', 'config.json']);
  expect(Buffer.from(zip.bytes('config.json', 1000)).toString()).toBe(text.toString());
});

test('a stored file is read in place, by offset', () => {
  const source = open(makeZip([{ name: 'weights', content: text }])).open('weights', 1);
  const into = new Uint8Array(13);
  expect([source.length, source.read(2, into)]).toEqual([text.length, 13]);
  expect(Buffer.from(into).toString()).toBe('configuration');
  expect(source.read(text.length, into)).toBe(0);
});

test('a file larger than the limit is refused before it is unpacked', () => {
  const zip = open(makeZip([{ name: 'bomb', content: Buffer.alloc(100_000), method: 8 }]));
  expect(() => zip.bytes('bomb', 99_999)).toThrow(/has 100000 bytes, more than the limit of 99999/);
});

test('a file that is larger than it says is refused when that is reached', () => {
  const zip = open(
    makeZip([{ name: 'bomb', content: Buffer.alloc(100_000), method: 8, size: 100 }]),
  );
  expect(() => zip.bytes('bomb', 1000)).toThrow(/cannot be unpacked to its 100 bytes/);
});

test.each([
  ['encrypted', { flags: 1 }, /is encrypted/],
  ['packed in another way', { method: 12 }, /packed with method 12/],
])('a file that is %s is refused', (_, change, message) => {
  const zip = open(makeZip([{ name: 'config.json', content: text, ...change }]));
  expect(() => zip.bytes('config.json', 1000)).toThrow(message);
});

test('two files of one name are refused', () => {
  const twice = [
    { name: 'config.json', content: text },
    { name: 'config.json', content: Buffer.from('{}') },
  ];
  expect(() => open(makeZip(twice))).toThrow(/two files 'config.json'/);
});

test('a byte that changed is seen by the checksum', () => {
  const bytes = makeZip([{ name: 'config.json', content: text }]);
  bytes[45] = (bytes[45] as number) ^ 1;
  expect(() => open(bytes).bytes('config.json', 1000)).toThrow(/CRC-32/);
});

test.each([
  ['nothing', Buffer.alloc(0)],
  ['text', Buffer.from('hello, this is no archive')],
  ['half an archive', makeZip([{ name: 'config.json', content: text }]).subarray(0, 60)],
])('%s is refused', (_, bytes) => {
  expect(() => open(bytes)).toThrow(InvalidModelError);
});

test('random damage gives a refusal or the content', () => {
  const random = createRandom(9);
  const whole = makeZip([
    { name: 'config.json', content: text, method: 8 },
    { name: 'weights', content: text, zip64: true },
  ]);
  for (let trial = 0; trial < 2000; trial += 1) {
    const bytes = Buffer.from(whole);
    for (let change = 0; change < 3; change += 1) {
      bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
    }
    try {
      const zip = open(bytes);
      for (const name of zip.entries.keys()) zip.bytes(name, 10_000);
    } catch (error) {
      if (!(error instanceof InvalidModelError || error instanceof UnsupportedModelError))
        throw error;
    }
  }
});
