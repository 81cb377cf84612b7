/**
 * The elements of an HDF5 dataset: compact, in one piece, or in chunks (deflate, shuffle, fletcher32).
 * Data in other files is refused.
 * Source: HDF5 File Format Specification 3.0, IV.A.2.i (layout), IV.A.2.l (filters), III.A.1 (chunk index).
 */

import { inflateSync } from 'node:zlib';
import type { AttributeValue } from './attributes.ts';
import { readAttributes } from './attributes.ts';
import type { Hdf5Type } from './datatype.ts';
import {
  countElements,
  isNumber,
  readDataspace,
  readDatatype,
  toFloats,
  toLittleEndian,
} from './datatype.ts';
import type { Hdf5Bytes, Hdf5Cursor } from './hdf5-bytes.ts';
import { invalidHdf5, makeRoom, nowhere, unsupportedHdf5 } from './hdf5-bytes.ts';
import type { Message } from './object-header.ts';
import { findMessage, messages } from './object-header.ts';

export interface Hdf5Dataset {
  /** Its path in the file. */
  readonly path: string;
  readonly shape: readonly number[];
  readonly type: Hdf5Type;
  readonly attributes: ReadonlyMap<string, AttributeValue>;
  /** Reads all elements as FP32. Throws for data that is not numbers, is damaged or too large. */
  readFloats(): Float32Array;
  /** The elements as they lie in the file, little-endian. */
  readBytes(): Uint8Array;
}

type Layout =
  | { readonly kind: 'compact'; readonly bytes: Uint8Array }
  | { readonly kind: 'contiguous'; readonly address: number; readonly length: number }
  | { readonly kind: 'chunked'; readonly tree: number; readonly chunk: readonly number[] };

interface Filter {
  readonly id: number;
  readonly values: readonly number[];
}

export function openDataset(
  file: Hdf5Bytes,
  header: readonly Message[],
  path: string,
  maxBytes: number,
): Hdf5Dataset {
  const space = findMessage(header, messages.dataspace);
  const datatype = findMessage(header, messages.datatype);
  const layoutMessage = findMessage(header, messages.layout);
  if (!space || !datatype || !layoutMessage) throw invalidHdf5(path, 'it is no dataset');
  if (findMessage(header, messages.externalFiles)) {
    throw unsupportedHdf5(path, 'its data is in another file', 'data must be in the file itself');
  }
  const shape = readDataspace(space);
  const type = readDatatype(datatype);
  const layout = readLayout(layoutMessage, shape.length);
  const filters = readFilters(findMessage(header, messages.filters));
  const byteLength = countElements(shape, path) * type.size;
  if (byteLength > maxBytes) {
    throw invalidHdf5(
      path,
      `it has ${byteLength} bytes (shape [${shape.join(', ')}]), more than the limit of ${maxBytes}`,
    );
  }
  checkPresent(file, layout, byteLength, path);
  const readBytes = (): Uint8Array => {
    const bytes = readElements({ file, layout, filters, shape, size: type.size, path }, byteLength);
    if (isNumber(type)) toLittleEndian(bytes, type);
    return bytes;
  };
  return {
    path,
    shape,
    type,
    readBytes,
    readFloats: () => toFloats(readBytes(), type, path),
    get attributes() {
      return readAttributes(file, header, path);
    },
  };
}

/** Deflate packs at most 1032 bytes into one; a small dataset may be mostly unwritten, which is zeros. */
const mostPacked = 1032;
const smallDataset = 2 ** 26;

/** Before any room is made: a shape that the file has no bytes for is refused. */
function checkPresent(file: Hdf5Bytes, layout: Layout, byteLength: number, path: string): void {
  if (layout.kind === 'compact' && layout.bytes.byteLength < byteLength) {
    throw invalidHdf5(path, `it has ${layout.bytes.byteLength} bytes and needs ${byteLength}`);
  }
  if (layout.kind !== 'contiguous' || layout.address === nowhere || byteLength === 0) {
    if (byteLength <= Math.max(smallDataset, file.length * mostPacked)) return;
    throw invalidHdf5(path, `a file of ${file.length} bytes cannot hold its ${byteLength} bytes`);
  }
  if (layout.length < byteLength) {
    throw invalidHdf5(path, `it has ${layout.length} bytes and needs ${byteLength}`);
  }
  file.checkRange(layout.address, byteLength, path);
}

function readLayout(cursor: Hdf5Cursor, rank: number): Layout {
  const version = cursor.u8();
  if (version === 3 || version === 4) return readNewLayout(cursor, version, rank);
  if (version !== 1 && version !== 2) throw invalidHdf5(cursor.place, 'its layout cannot be read');
  const dims = cursor.u8();
  const kind = cursor.u8();
  cursor.skip(5);
  const address = kind === 0 ? nowhere : cursor.offset();
  const sizes = Array.from({ length: dims }, () => cursor.u32());
  if (kind === 0) return { kind: 'compact', bytes: cursor.take(cursor.u32()) };
  if (kind === 1) return { kind: 'contiguous', address, length: Number.MAX_SAFE_INTEGER };
  return chunkedLayout(address, sizes, rank, cursor.place);
}

function readNewLayout(cursor: Hdf5Cursor, version: number, rank: number): Layout {
  const kind = cursor.u8();
  if (kind === 0) return { kind: 'compact', bytes: cursor.take(cursor.u16()) };
  if (kind === 1) return { kind: 'contiguous', address: cursor.offset(), length: cursor.length() };
  if (kind === 3) {
    throw unsupportedHdf5(
      cursor.place,
      'it is a virtual dataset',
      'data must be in the file itself',
    );
  }
  if (version === 4) {
    throw unsupportedHdf5(
      cursor.place,
      'its chunks have an index of HDF5 1.10',
      "write it without libver='latest'",
    );
  }
  const dims = cursor.u8();
  const tree = cursor.offset();
  return chunkedLayout(
    tree,
    Array.from({ length: dims }, () => cursor.u32()),
    rank,
    cursor.place,
  );
}

/** The last size is that of an element. */
function chunkedLayout(
  tree: number,
  sizes: readonly number[],
  rank: number,
  place: string,
): Layout {
  const chunk = sizes.slice(0, -1);
  if (chunk.length !== rank || chunk.some((size) => size === 0)) {
    throw invalidHdf5(place, 'its chunks do not fit its shape');
  }
  return { kind: 'chunked', tree, chunk };
}

function readFilters(cursor: Hdf5Cursor | undefined): Filter[] {
  if (!cursor) return [];
  const version = cursor.u8();
  const count = cursor.u8();
  if (version === 1) cursor.skip(6);
  return Array.from({ length: count }, () => {
    const id = cursor.u16();
    const nameLength = version === 1 || id >= 256 ? cursor.u16() : 0;
    cursor.skip(2);
    const valueCount = cursor.u16();
    cursor.skip(version === 1 ? Math.ceil(nameLength / 8) * 8 : nameLength);
    const values = Array.from({ length: valueCount }, () => cursor.u32());
    if (version === 1 && valueCount % 2 === 1) cursor.skip(4);
    return { id, values };
  });
}

interface Reading {
  readonly file: Hdf5Bytes;
  readonly layout: Layout;
  readonly filters: readonly Filter[];
  readonly shape: readonly number[];
  readonly size: number;
  readonly path: string;
}

function readElements(reading: Reading, byteLength: number): Uint8Array {
  const { file, layout, path } = reading;
  // A dataset that was never written has no address and is its fill value, which is 0.
  if (layout.kind === 'compact') return new Uint8Array(layout.bytes.subarray(0, byteLength));
  const bytes = makeRoom(byteLength, path);
  if (layout.kind === 'contiguous') {
    if (layout.address !== nowhere && byteLength > 0) file.read(layout.address, bytes, path);
    return bytes;
  }
  if (layout.tree !== nowhere) readChunks(reading, layout.tree, layout.chunk, bytes);
  return bytes;
}

interface Chunk {
  readonly address: number;
  /** Bytes in the file. */
  readonly stored: number;
  readonly skippedFilters: number;
  readonly offsets: readonly number[];
}

const deepestTree = 32;

function readChunks(
  reading: Reading,
  tree: number,
  chunk: readonly number[],
  into: Uint8Array,
): void {
  const { path, shape, size } = reading;
  const chunkBytes = countElements(chunk, path) * size;
  if (chunkBytes > Math.max(into.byteLength * 64, 2 ** 24)) {
    throw invalidHdf5(path, `its chunks have ${chunkBytes} bytes for data of ${into.byteLength}`);
  }
  const most = shape.reduce((count, dim, i) => count * Math.ceil(dim / (chunk[i] ?? 1)), 1);
  let seen = 0;
  walkChunks(reading, tree, deepestTree, (found) => {
    seen += 1;
    if (seen > most) throw invalidHdf5(path, 'it has more chunks than its shape');
    const bytes = unfilter(reading, found, chunkBytes);
    placeChunk(bytes, found.offsets, chunk, reading, into);
  });
}

function walkChunks(
  reading: Reading,
  address: number,
  maxLevel: number,
  onChunk: (chunk: Chunk) => void,
): void {
  const { file, path, shape } = reading;
  const head = file.at(address, 8 + 2 * file.offsetSize, path).expect('TREE');
  const type = head.u8();
  const level = head.u8();
  const count = head.u16();
  if (type !== 1 || level > maxLevel) throw invalidHdf5(path, 'its index of chunks is damaged');
  const keySize = 8 + 8 * (shape.length + 1);
  const body = file.at(
    address + 8 + 2 * file.offsetSize,
    count * (keySize + file.offsetSize),
    path,
  );
  for (let i = 0; i < count; i += 1) {
    const stored = body.u32();
    const skippedFilters = body.u32();
    const offsets = shape.map(() => body.uint(8));
    body.skip(8);
    const child = body.offset();
    if (level > 0) walkChunks(reading, child, level - 1, onChunk);
    else onChunk({ address: child, stored, skippedFilters, offsets });
  }
}

function unfilter(
  { file, filters, size, path }: Reading,
  chunk: Chunk,
  chunkBytes: number,
): Uint8Array {
  // Deflate grows by less than 1 in 1000; anything larger than that is no chunk of this dataset.
  if (chunk.stored > chunkBytes * 2 + 4096)
    throw invalidHdf5(path, `a chunk has ${chunk.stored} bytes`);
  let bytes: Uint8Array = new Uint8Array(chunk.stored);
  file.read(chunk.address, bytes, path);
  for (const [i, { id, values }] of [...filters.entries()].reverse()) {
    if ((chunk.skippedFilters >> i) & 1) continue;
    if (id === 1) bytes = inflateChunk(bytes, chunkBytes, path);
    else if (id === 2) bytes = unshuffle(bytes, values[0] ?? size);
    else if (id === 3) bytes = bytes.subarray(0, Math.max(0, bytes.byteLength - 4));
    else {
      throw unsupportedHdf5(
        path,
        `it is packed with ${filterNames[id] ?? `filter ${id}`}`,
        'gzip and shuffle are read',
      );
    }
  }
  if (bytes.byteLength !== chunkBytes) {
    throw invalidHdf5(path, `a chunk has ${bytes.byteLength} bytes instead of ${chunkBytes}`);
  }
  return bytes;
}

const filterNames: Record<number, string> = {
  4: 'szip',
  5: 'nbit',
  6: 'scale-offset',
  32000: 'lzf',
};

function inflateChunk(bytes: Uint8Array, chunkBytes: number, path: string): Uint8Array {
  try {
    // Fletcher32 may add 4 bytes before the deflating.
    return inflateSync(bytes, { maxOutputLength: chunkBytes + 4 });
  } catch {
    throw invalidHdf5(path, 'a chunk of it cannot be unpacked');
  }
}

/** First all first bytes of the elements, then all second ones, … */
function unshuffle(bytes: Uint8Array, size: number): Uint8Array {
  if (size <= 1) return bytes;
  const count = Math.floor(bytes.byteLength / size);
  // A Buffer's own slice() would be the same memory.
  const result = new Uint8Array(bytes);
  for (let b = 0; b < size; b += 1) {
    for (let i = 0; i < count; i += 1) result[i * size + b] = bytes[b * count + i] as number;
  }
  return result;
}

/** Copies the rows of a chunk to their places; what reaches over the dataset's edge is left out. */
function placeChunk(
  bytes: Uint8Array,
  offsets: readonly number[],
  chunk: readonly number[],
  { shape, size, path }: Reading,
  into: Uint8Array,
): void {
  const rank = shape.length;
  if (
    offsets.some(
      (offset, i) => offset < 0 || offset >= (shape[i] ?? 0) || offset % (chunk[i] ?? 1) !== 0,
    )
  ) {
    throw invalidHdf5(path, 'a chunk lies outside of it');
  }
  const clipped = chunk.map((length, i) => Math.min(length, (shape[i] ?? 0) - (offsets[i] ?? 0)));
  const rows = clipped.slice(0, -1).reduce((count, length) => count * length, 1);
  const run = (clipped[rank - 1] ?? 1) * size;
  const index = clipped.map(() => 0);
  for (let row = 0; row < rows; row += 1) {
    let from = 0;
    let to = 0;
    for (let axis = 0; axis < rank; axis += 1) {
      from = from * (chunk[axis] ?? 1) + (index[axis] ?? 0);
      to = to * (shape[axis] ?? 1) + (offsets[axis] ?? 0) + (index[axis] ?? 0);
    }
    into.set(bytes.subarray(from * size, from * size + run), to * size);
    for (let axis = rank - 2; axis >= 0; axis -= 1) {
      index[axis] = (index[axis] ?? 0) + 1;
      if ((index[axis] ?? 0) < (clipped[axis] ?? 0)) break;
      index[axis] = 0;
    }
  }
}
