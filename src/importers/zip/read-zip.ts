/**
 * Reads zip archives by their central directory. A stored file is a part of the archive and is not
 * copied; a deflated one is unpacked into memory, up to a limit that is known before.
 * Source: PKWARE APPNOTE 6.3 (4.3.7 local header, 4.3.12 central directory, 4.3.14 zip64, 4.3.16 end).
 */

import { crc32, inflateRawSync } from 'node:zlib';
import type { ByteSource } from '../../onnx/byte-source.ts';
import { sliceSource, sourceOfBytes } from '../../onnx/byte-source.ts';
import { InvalidModelError, UnsupportedModelError } from '../problems.ts';

export interface ZipEntry {
  readonly name: string;
  /** Bytes when unpacked. */
  readonly size: number;
}

export interface ZipArchive {
  readonly entries: ReadonlyMap<string, ZipEntry>;
  /** The contents as a source; `maxBytes` bounds what may be unpacked into memory. */
  open(name: string, maxBytes: number): ByteSource;
  /** The contents in memory. */
  bytes(name: string, maxBytes: number): Uint8Array;
}

interface Entry extends ZipEntry {
  readonly method: number;
  readonly isEncrypted: boolean;
  readonly crc: number;
  readonly packed: number;
  readonly header: number;
}

const endSize = 22;
const longestComment = 0xffff;
const mostEntries = 100_000;
const largestDirectory = 2 ** 26;
const inZip64 = 0xffff_ffff;

const invalid = (problem: string): InvalidModelError =>
  new InvalidModelError('zip archive', problem);

/** Throws InvalidModelError for what is no whole zip archive. */
export function readZip(source: ByteSource): ZipArchive {
  const { start, size, count } = findDirectory(source);
  const entries = readDirectory(read(source, start, size), count);
  const find = (name: string): Entry => {
    const entry = entries.get(name);
    if (!entry) throw invalid(`there is no file '${name}' in it`);
    return entry;
  };
  return {
    entries,
    open: (name, maxBytes) => openEntry(source, find(name), maxBytes),
    bytes(name, maxBytes) {
      const entry = find(name);
      checkSize(entry, maxBytes);
      const bytes = read(openEntry(source, entry, maxBytes), 0, entry.size);
      if (crc32(bytes) !== entry.crc) throw invalid(`the file '${name}' in it is damaged (CRC-32)`);
      return bytes;
    },
  };
}

function read(source: ByteSource, offset: number, length: number): Uint8Array {
  if (offset < 0 || offset + length > source.length) {
    throw invalid(
      `it ends at byte ${source.length}, and bytes ${offset} to ${offset + length} are needed`,
    );
  }
  const bytes = new Uint8Array(length);
  if (source.read(offset, bytes) !== length) throw invalid('it got shorter while it was read');
  return bytes;
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

interface Directory {
  readonly start: number;
  readonly size: number;
  readonly count: number;
}

function findDirectory(source: ByteSource): Directory {
  const length = Math.min(source.length, endSize + longestComment);
  const tail = viewOf(read(source, source.length - length, length));
  for (let at = length - endSize; at >= 0; at -= 1) {
    if (tail.getUint32(at, true) !== 0x0605_4b50) continue;
    if (at + endSize + tail.getUint16(at + 20, true) !== length) continue;
    return checkDirectory(source, readEnd(source, tail, at, source.length - length));
  }
  throw invalid('its end is missing, so it is cut short or no zip archive');
}

function readEnd(source: ByteSource, tail: DataView, at: number, base: number): Directory {
  const count = tail.getUint16(at + 10, true);
  const size = tail.getUint32(at + 12, true);
  const start = tail.getUint32(at + 16, true);
  if (count !== 0xffff && size !== inZip64 && start !== inZip64) return { start, size, count };
  const locator = base + at - 20;
  const head = viewOf(read(source, locator, 20));
  if (head.getUint32(0, true) !== 0x0706_4b50) return { start, size, count };
  const end = viewOf(read(source, uint64(head, 8), 56));
  if (end.getUint32(0, true) !== 0x0606_4b50) throw invalid('its zip64 end is damaged');
  return { start: uint64(end, 48), size: uint64(end, 40), count: uint64(end, 32) };
}

function checkDirectory(source: ByteSource, directory: Directory): Directory {
  const { start, size, count } = directory;
  if (start + size > source.length) throw invalid('its directory lies beyond its end');
  if (count > mostEntries) throw invalid(`it has ${count} files, more than ${mostEntries}`);
  if (size > largestDirectory) throw invalid(`its directory has ${size} bytes`);
  return directory;
}

function uint64(view: DataView, at: number): number {
  const value = view.getBigUint64(at, true);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw invalid(`it has an offset of ${value}`);
  return Number(value);
}

function readDirectory(bytes: Uint8Array, count: number): Map<string, Entry> {
  const view = viewOf(bytes);
  const entries = new Map<string, Entry>();
  let at = 0;
  for (let i = 0; i < count; i += 1) {
    if (at + 46 > bytes.length || view.getUint32(at, true) !== 0x0201_4b50) {
      throw invalid(`entry ${i} of its directory is damaged`);
    }
    const nameEnd = at + 46 + view.getUint16(at + 28, true);
    const extraEnd = nameEnd + view.getUint16(at + 30, true);
    const end = extraEnd + view.getUint16(at + 32, true);
    if (end > bytes.length) throw invalid(`entry ${i} of its directory is damaged`);
    const name = new TextDecoder().decode(bytes.subarray(at + 46, nameEnd));
    if (entries.has(name)) throw invalid(`it has two files '${name}'`);
    entries.set(name, readEntry(view, at, name, { from: nameEnd, to: extraEnd }));
    at = end;
  }
  return entries;
}

interface Range {
  readonly from: number;
  readonly to: number;
}

function readEntry(view: DataView, at: number, name: string, extra: Range): Entry {
  const small = { size: view.getUint32(at + 24, true), packed: view.getUint32(at + 20, true) };
  const header = view.getUint32(at + 42, true);
  return {
    name,
    method: view.getUint16(at + 10, true),
    isEncrypted: (view.getUint16(at + 8, true) & 1) !== 0,
    crc: view.getUint32(at + 16, true),
    ...readZip64({ ...small, header }, view, extra),
  };
}

/** In the extra field 1 stand, in this order, those of the three that did not fit. */
function readZip64(
  small: { size: number; packed: number; header: number },
  view: DataView,
  { from, to }: Range,
): { size: number; packed: number; header: number } {
  const wide = { ...small };
  for (let at = from; at + 4 <= to; ) {
    const end = at + 4 + view.getUint16(at + 2, true);
    if (view.getUint16(at, true) === 1 && end <= to) {
      let next = at + 4;
      for (const key of ['size', 'packed', 'header'] as const) {
        if (small[key] !== inZip64 || next + 8 > end) continue;
        wide[key] = uint64(view, next);
        next += 8;
      }
    }
    at = end;
  }
  return wide;
}

function checkSize({ name, size }: ZipEntry, maxBytes: number): void {
  if (size <= maxBytes) return;
  throw invalid(`the file '${name}' in it has ${size} bytes, more than the limit of ${maxBytes}`);
}

function openEntry(source: ByteSource, entry: Entry, maxBytes: number): ByteSource {
  const { name, method, size, packed, header } = entry;
  const what = `the file '${name}' in it`;
  if (entry.isEncrypted) throw invalid(`${what} is encrypted`);
  const local = viewOf(read(source, header, 30));
  if (local.getUint32(0, true) !== 0x0403_4b50) throw invalid(`${what} is damaged`);
  const start = header + 30 + local.getUint16(26, true) + local.getUint16(28, true);
  if (start + packed > source.length) throw invalid(`${what} is cut short`);
  if (method === 0) {
    if (size !== packed) throw invalid(`${what} has two sizes`);
    return sliceSource(source, start, size);
  }
  if (method !== 8) {
    throw new UnsupportedModelError(
      'zip archive',
      `${what} is packed with method ${method}`,
      'stored and deflated files are read',
    );
  }
  checkSize(entry, maxBytes);
  return sourceOfBytes(inflate(read(source, start, packed), entry, what));
}

function inflate(packed: Uint8Array, { size }: Entry, what: string): Uint8Array {
  try {
    const bytes = inflateRawSync(packed, { maxOutputLength: Math.max(size, 1) });
    if (bytes.byteLength === size) return bytes;
  } catch {
    // Damaged, or larger than it says.
  }
  throw invalid(`${what} cannot be unpacked to its ${size} bytes`);
}
