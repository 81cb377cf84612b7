/**
 * The names in an HDF5 group and where their objects are: symbol tables of older files, link messages of
 * newer ones. Links to other places or files are known by name and never followed.
 * Source: HDF5 File Format Specification 3.0, III.A.1, III.B, III.C, III.D, IV.A.2.g.
 */

import { readDense } from './dense-links.ts';
import type { Hdf5Bytes, Hdf5Cursor } from './hdf5-bytes.ts';
import { invalidHdf5, nowhere } from './hdf5-bytes.ts';
import type { Message } from './object-header.ts';
import { findMessage, messages } from './object-header.ts';

/** Where the object is, or what other kind of link it is. */
export type Link =
  | { readonly address: number }
  | { readonly refused: 'soft' | 'external' | 'user-defined' };

const mostLinks = 1_000_000;
const deepestTree = 32;

export function readLinks(
  file: Hdf5Bytes,
  header: readonly Message[],
  place: string,
): Map<string, Link> {
  const links = new Map<string, Link>();
  const table = findMessage(header, messages.symbolTable);
  if (table) readSymbolTable(file, table.offset(), table.offset(), links, place);
  for (const { type, body } of header) if (type === messages.link) readLink(body, links);
  const info = findMessage(header, messages.linkInfo);
  if (info) readLinkInfo(file, info, links, place);
  return links;
}

function readLinkInfo(
  file: Hdf5Bytes,
  info: Hdf5Cursor,
  links: Map<string, Link>,
  place: string,
): void {
  info.skip(1);
  if (info.u8() & 1) info.skip(8);
  const heap = info.offset();
  const names = info.offset();
  for (const body of readDense(file, heap, names, place)) readLink(body, links);
}

function readLink(body: Hdf5Cursor, links: Map<string, Link>): void {
  if (body.u8() !== 1)
    throw invalidHdf5(body.place, 'it has a link of a version that is not known');
  const flags = body.u8();
  const kind = flags & 8 ? body.u8() : 0;
  if (flags & 4) body.skip(8);
  if (flags & 16) body.skip(1);
  const name = body.text(body.uint(1 << (flags & 3)));
  if (kind === 0) addLink(links, name, { address: body.offset() }, body.place);
  else {
    const refused = kind === 1 ? 'soft' : kind === 64 ? 'external' : 'user-defined';
    addLink(links, name, { refused }, body.place);
  }
}

function addLink(links: Map<string, Link>, name: string, link: Link, place: string): void {
  if (links.size >= mostLinks) throw invalidHdf5(place, 'it has too many members');
  links.set(name, link);
}

function readSymbolTable(
  file: Hdf5Bytes,
  treeAt: number,
  heapAt: number,
  links: Map<string, Link>,
  place: string,
): void {
  const heap = file.atMost(heapAt, 64, place).expect('HEAP').skip(4);
  const size = heap.length();
  heap.length();
  const names = file.at(heap.offset(), size, place);
  readTreeNode(file, treeAt, deepestTree, place, (address) =>
    readSymbols(file, address, names, links),
  );
}

/** Walks a version 1 B-tree of a group down to its leaves. */
function readTreeNode(
  file: Hdf5Bytes,
  address: number,
  maxLevel: number,
  place: string,
  onLeaf: (address: number) => void,
): void {
  const head = file.atMost(address, 8 + 2 * file.offsetSize, place).expect('TREE');
  const type = head.u8();
  const level = head.u8();
  const count = head.u16();
  if (type !== 0 || level > maxLevel) throw invalidHdf5(place, 'its index of members is damaged');
  const start = address + 8 + 2 * file.offsetSize;
  const body = file.at(start, count * (file.lengthSize + file.offsetSize), place);
  for (let i = 0; i < count; i += 1) {
    body.skip(file.lengthSize);
    const child = body.offset();
    if (level === 0) onLeaf(child);
    else readTreeNode(file, child, level - 1, place, onLeaf);
  }
}

function readSymbols(
  file: Hdf5Bytes,
  address: number,
  names: Hdf5Cursor,
  links: Map<string, Link>,
): void {
  const { place } = names;
  const head = file.at(address, 8, place).expect('SNOD').skip(2);
  const count = head.u16();
  const entrySize = 2 * file.offsetSize + 24;
  const body = file.at(address + 8, count * entrySize, place);
  for (let i = 0; i < count; i += 1) {
    const nameAt = body.offset();
    const target = body.offset();
    const cacheType = body.u32();
    body.skip(20);
    if (nameAt === nowhere || nameAt > names.bytes.byteLength) {
      throw invalidHdf5(place, 'the name of a member is outside of its heap');
    }
    names.position = nameAt;
    const name = names.text(names.left);
    addLink(links, name, cacheType === 2 ? { refused: 'soft' } : { address: target }, place);
  }
}
