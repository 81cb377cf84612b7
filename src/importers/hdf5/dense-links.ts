/**
 * Dense storage of newer HDF5 groups: messages (links, attributes) in a fractal heap, found through a
 * version 2 B-tree. Objects within direct blocks only, as h5py writes them; huge ones are refused.
 * Source: HDF5 File Format Specification 3.0, III.A.2 and III.G.
 */

import type { Hdf5Bytes, Hdf5Cursor } from './hdf5-bytes.ts';
import { invalidHdf5, nowhere, unsupportedHdf5 } from './hdf5-bytes.ts';

interface Heap {
  readonly idLength: number;
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  readonly width: number;
  readonly startSize: number;
  readonly maxDirect: number;
  readonly root: number;
  /** Rows of the root indirect block; 0 when the root is a direct block. */
  readonly rows: number;
}

const mostRows = 64;
const mostRecords = 1_000_000;

/** Every message stored there, in the tree's order. */
export function readDense(
  file: Hdf5Bytes,
  heapAt: number,
  treeAt: number,
  place: string,
): Hdf5Cursor[] {
  if (heapAt === nowhere || treeAt === nowhere) return [];
  const heap = readHeap(file, heapAt, place);
  return readTree(file, treeAt, place).map(({ type, record }) => {
    // Types 5 and 6 (links): a hash or an order before the id; 8 and 9 (attributes): the id first.
    record.skip(type === 5 ? 4 : type === 6 ? 8 : 0);
    return readObject(file, heap, record.part(Math.min(heap.idLength, record.left)));
  });
}

function readHeap(file: Hdf5Bytes, address: number, place: string): Heap {
  const cursor = file.atMost(address, 200, place).expect('FRHP').skip(1);
  const idLength = cursor.u16();
  if (cursor.u16() > 0)
    throw unsupportedHdf5(place, 'its links are compressed', 'save it again with h5py');
  cursor.skip(1);
  const maxObject = cursor.u32();
  cursor.skip(file.lengthSize + file.offsetSize + file.lengthSize + file.offsetSize);
  cursor.skip(file.lengthSize * 8);
  const width = cursor.u16();
  const startSize = cursor.length();
  const maxDirect = cursor.length();
  const maxHeapBits = cursor.u16();
  cursor.skip(2);
  const root = cursor.offset();
  const rows = cursor.u16();
  if (
    width === 0 ||
    startSize < 1 ||
    maxDirect < startSize ||
    rows > mostRows ||
    maxHeapBits > 64
  ) {
    throw invalidHdf5(place, 'its heap of links is damaged');
  }
  return {
    idLength,
    offsetBytes: Math.ceil(maxHeapBits / 8),
    lengthBytes: bytesFor(Math.min(maxDirect, maxObject)),
    width,
    startSize,
    maxDirect,
    root,
    rows,
  };
}

/** Bytes that hold a number. */
const bytesFor = (value: number): number => Math.max(1, Math.ceil(Math.log2(value + 1) / 8));

function readObject(file: Hdf5Bytes, heap: Heap, id: Hdf5Cursor): Hdf5Cursor {
  const kind = (id.u8() >> 4) & 3;
  if (kind !== 0)
    throw unsupportedHdf5(id.place, 'it has a link too large for its block', 'use shorter names');
  const offset = id.uint(heap.offsetBytes);
  const length = id.uint(heap.lengthBytes);
  const block =
    heap.rows === 0 ? { address: heap.root, start: 0 } : findBlock(file, heap, offset, id.place);
  return file.at(block.address + offset - block.start, length, id.place);
}

const sizeOfRow = ({ startSize }: Heap, row: number): number =>
  startSize * 2 ** Math.max(0, row - 1);

/** The direct block that holds an offset of the heap: down through indirect blocks. */
function findBlock(
  file: Hdf5Bytes,
  heap: Heap,
  offset: number,
  place: string,
): { address: number; start: number } {
  let { root: address, rows } = heap;
  let start = 0;
  for (let depth = 0; depth < mostRows; depth += 1) {
    let row = 0;
    let rowStart = start;
    while (row < rows && offset >= rowStart + sizeOfRow(heap, row) * heap.width) {
      rowStart += sizeOfRow(heap, row) * heap.width;
      row += 1;
    }
    if (row >= rows) break;
    const size = sizeOfRow(heap, row);
    const column = Math.floor((offset - rowStart) / size);
    const head = 4 + 1 + file.offsetSize + heap.offsetBytes;
    const index = row * heap.width + column;
    const block = file.at(address, head + (index + 1) * file.offsetSize, place).expect('FHIB');
    block.position = head + index * file.offsetSize;
    address = block.offset();
    start = rowStart + column * size;
    if (size <= heap.maxDirect) return { address, start };
    rows = Math.log2(size / heap.startSize / heap.width) + 1;
  }
  throw invalidHdf5(place, 'a link lies outside of its heap');
}

interface TreeRecord {
  readonly type: number;
  readonly record: Hdf5Cursor;
}

interface TreeShape {
  readonly type: number;
  readonly nodeSize: number;
  readonly recordSize: number;
  /** By depth, 0 for leaves: most records of a node, and of the nodes below it. */
  readonly most: readonly number[];
  readonly mostBelow: readonly number[];
}

function readTree(file: Hdf5Bytes, address: number, place: string): TreeRecord[] {
  const cursor = file.atMost(address, 64, place).expect('BTHD').skip(1);
  const type = cursor.u8();
  const nodeSize = cursor.u32();
  const recordSize = cursor.u16();
  const depth = cursor.u16();
  cursor.skip(2);
  const root = cursor.offset();
  const count = cursor.u16();
  if (![5, 6, 8, 9].includes(type) || recordSize === 0 || nodeSize < 16 || depth > 16) {
    throw invalidHdf5(place, 'its index of links is damaged');
  }
  const found: TreeRecord[] = [];
  if (root !== nowhere && count > 0) {
    readNode(
      file,
      shapeOf(file, type, nodeSize, recordSize, depth),
      { address: root, count, depth },
      place,
      found,
    );
  }
  return found;
}

function shapeOf(
  file: Hdf5Bytes,
  type: number,
  nodeSize: number,
  recordSize: number,
  depth: number,
): TreeShape {
  const most = [Math.floor((nodeSize - 10) / recordSize)];
  const mostBelow = [most[0] as number];
  for (let level = 1; level <= depth; level += 1) {
    const below = most[level - 1] as number;
    const total = mostBelow[level - 1] as number;
    const pointer = file.offsetSize + bytesFor(below) + (level > 1 ? bytesFor(total) : 0);
    const here = Math.floor((nodeSize - 10 - pointer) / (recordSize + pointer));
    most.push(here);
    mostBelow.push((here + 1) * total + here);
  }
  return { type, nodeSize, recordSize, most, mostBelow };
}

interface Node {
  readonly address: number;
  readonly count: number;
  readonly depth: number;
}

function readNode(
  file: Hdf5Bytes,
  shape: TreeShape,
  node: Node,
  place: string,
  into: TreeRecord[],
): void {
  const cursor = file.at(node.address, shape.nodeSize, place);
  cursor.expect(node.depth === 0 ? 'BTLF' : 'BTIN').skip(2);
  const { type, recordSize } = shape;
  if (into.length + node.count > mostRecords) throw invalidHdf5(place, 'it has too many links');
  const records = Array.from({ length: node.count }, () => cursor.part(recordSize));
  into.push(...records.map((record) => ({ type, record })));
  if (node.depth === 0) return;
  const below = node.depth - 1;
  for (let i = 0; i <= node.count; i += 1) {
    const address = cursor.offset();
    const count = cursor.uint(bytesFor(shape.most[below] ?? 0));
    if (below > 0) cursor.skip(bytesFor(shape.mostBelow[below] ?? 0));
    readNode(file, shape, { address, count: Math.max(count, 0), depth: below }, place, into);
  }
}
