/**
 * Reads a sorted table of keys and values: the format of LevelDB, in which TensorFlow keeps the index of
 * a checkpoint. Blocks may be compressed with Snappy; each carries a checksum, which is verified.
 *
 * Owns: footer, blocks, prefixes. Does not own: what a key or a value means.
 * Source: google/leveldb, doc/table_format.md; tensorflow/core/lib/io/format.cc.
 */

import { InvalidModelError } from '../../problems.ts';
import { crc32c, maskCrc } from './crc32c.ts';
import { decompressSnappy } from './snappy.ts';

export interface TableEntry {
  readonly key: string;
  readonly value: Uint8Array;
}

const footerBytes = 48;
const magic = [0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb];
const trailerBytes = 5;
const maxBlockBytes = 64 * 1024 * 1024;
const maxTableBytes = 256 * 1024 * 1024;
const maxEntries = 1_000_000;
const compressions = { none: 0, snappy: 1 } as const;

/** All entries in the order of their keys. Throws InvalidModelError at `place`. */
export function readTable(file: Uint8Array, place: string): TableEntry[] {
  if (file.length < footerBytes) {
    throw new InvalidModelError(place, `it has ${file.length} bytes, too few for a table of keys`);
  }
  const footer = file.subarray(file.length - footerBytes);
  if (magic.some((byte, i) => footer[footerBytes - magic.length + i] !== byte)) {
    throw new InvalidModelError(
      place,
      'its end is not that of a table of keys; it may be cut short',
    );
  }
  const cursor = new Cursor(footer, place);
  cursor.handle();
  const entries: TableEntry[] = [];
  let bytes = 0;
  for (const { value } of entriesOf(readBlock(file, cursor.handle(), place), place)) {
    const block = readBlock(file, new Cursor(value, place).handle(), place);
    bytes += block.length;
    if (bytes > maxTableBytes) throw new InvalidModelError(place, 'its table of keys is too large');
    for (const entry of entriesOf(block, place)) entries.push(entry);
    if (entries.length > maxEntries) throw new InvalidModelError(place, 'it has too many keys');
  }
  return entries;
}

interface BlockHandle {
  readonly offset: number;
  readonly length: number;
}

function readBlock(file: Uint8Array, { offset, length }: BlockHandle, place: string): Uint8Array {
  const end = offset + length + trailerBytes;
  if (end > file.length - footerBytes) {
    throw new InvalidModelError(place, `a block of ${length} bytes at ${offset} is beyond its end`);
  }
  const contents = file.subarray(offset, offset + length);
  const compression = file[offset + length] as number;
  const stored = new DataView(file.buffer, file.byteOffset + offset + length + 1, 4);
  const sum = crc32c(file.subarray(offset, offset + length + 1));
  if (maskCrc(sum) !== stored.getUint32(0, true)) {
    throw new InvalidModelError(
      place,
      `the checksum of the block at byte ${offset} does not match`,
    );
  }
  if (compression === compressions.none) return contents;
  if (compression === compressions.snappy) return decompressSnappy(contents, place, maxBlockBytes);
  throw new InvalidModelError(place, `a block has the unknown compression ${compression}`);
}

/** A block ends with its restart points, which only searches need, and their number. */
function entriesOf(block: Uint8Array, place: string): TableEntry[] {
  if (block.length < 4) throw new InvalidModelError(place, 'a block has no restart points');
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  const end = block.length - 4 - 4 * view.getUint32(block.length - 4, true);
  if (end < 0) throw new InvalidModelError(place, 'a block has too many restart points');
  const cursor = new Cursor(block.subarray(0, end), place);
  const entries: TableEntry[] = [];
  let key = new Uint8Array();
  while (!cursor.isAtEnd) {
    const shared = cursor.varint();
    const added = cursor.varint();
    const valueLength = cursor.varint();
    if (shared > key.length) throw new InvalidModelError(place, 'a key shares more than there is');
    key = Buffer.concat([key.subarray(0, shared), cursor.bytes(added)]);
    entries.push({ key: Buffer.from(key).toString('utf8'), value: cursor.bytes(valueLength) });
  }
  return entries;
}

class Cursor {
  readonly #bytes: Uint8Array;
  readonly #place: string;
  #at = 0;

  constructor(bytes: Uint8Array, place: string) {
    this.#bytes = bytes;
    this.#place = place;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  varint(): number {
    let value = 0;
    for (let unit = 1; unit < 2 ** 50; unit *= 128) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) break;
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) return value;
    }
    throw new InvalidModelError(this.#place, 'a number in its table of keys is damaged');
  }

  bytes(count: number): Uint8Array {
    if (count > this.#bytes.length - this.#at) {
      throw new InvalidModelError(this.#place, 'an entry of its table of keys is cut short');
    }
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  handle(): BlockHandle {
    return { offset: this.varint(), length: this.varint() };
  }
}
