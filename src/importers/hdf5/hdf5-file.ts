/**
 * Opens HDF5 files as far as Keras writes them, and nothing beyond the file itself: links to other
 * places and files, data in other files and virtual datasets are refused by name.
 *
 * Owns: the superblock and the way from a path to an object. The rest of the format lies beside it.
 * Source: HDF5 File Format Specification 3.0, II.A.
 */

import type { ByteSource } from '../../onnx/byte-source.ts';
import type { AttributeValue } from './attributes.ts';
import { readAttributes } from './attributes.ts';
import type { Hdf5Dataset } from './dataset.ts';
import { openDataset } from './dataset.ts';
import type { Link } from './group-links.ts';
import { readLinks } from './group-links.ts';
import type { Hdf5Cursor } from './hdf5-bytes.ts';
import { Hdf5Bytes, invalidHdf5, unsupportedHdf5 } from './hdf5-bytes.ts';
import { findMessage, messages, readObjectHeader } from './object-header.ts';

export interface Hdf5Group {
  /** '' for the root. */
  readonly path: string;
  readonly names: readonly string[];
  readonly attributes: ReadonlyMap<string, AttributeValue>;
  has(name: string): boolean;
  /** A group below it, by a name or a path (`a/b`); undefined when there is none. */
  group(path: string): Hdf5Group | undefined;
  /** A dataset below it; undefined when there is none. */
  dataset(path: string): Hdf5Dataset | undefined;
}

const signature = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a];

/** Whether these first bytes are an HDF5 file's; it may begin at byte 512 too. */
export function isHdf5(head: Uint8Array): boolean {
  return [0, 512].some((start) => signature.every((byte, i) => head[start + i] === byte));
}

const largestUserBlock = 2 ** 20;

/** Opens the root group. `maxBytes` bounds each dataset. Throws InvalidModelError, UnsupportedModelError. */
export function openHdf5(source: ByteSource, maxBytes: number): Hdf5Group {
  for (
    let base = 0;
    base <= largestUserBlock && base < source.length;
    base = base === 0 ? 512 : base * 2
  ) {
    const head = new Uint8Array(Math.min(128, source.length - base));
    source.read(base, head);
    if (signature.every((byte, i) => head[i] === byte)) return openAt(source, base, head, maxBytes);
  }
  throw invalidHdf5('', 'it has no HDF5 signature');
}

function openAt(source: ByteSource, base: number, head: Uint8Array, maxBytes: number): Hdf5Group {
  const version = head[8] ?? 255;
  if (version > 3)
    throw invalidHdf5('', `its superblock has the version ${version}; 0 to 3 are read`);
  const [offsetSize = 0, lengthSize = 0] =
    version < 2 ? head.subarray(13, 15) : head.subarray(9, 11);
  if (![4, 8].includes(offsetSize) || ![4, 8].includes(lengthSize)) {
    throw invalidHdf5('', `it has addresses of ${offsetSize} and lengths of ${lengthSize} bytes`);
  }
  const file = new Hdf5Bytes(source, base, offsetSize, lengthSize);
  const root = rootOf(file.atMost(0, 128, ''), version, offsetSize);
  return openGroup({ file, maxBytes }, root, '');
}

/** The address of the root group's header; the end of the file is checked on the way. */
function rootOf(cursor: Hdf5Cursor, version: number, offsetSize: number): number {
  if (version < 2) {
    cursor.skip(version === 0 ? 24 : 28).skip(4 * offsetSize);
    cursor.offset();
    return cursor.offset();
  }
  cursor.skip(12).skip(3 * offsetSize);
  return cursor.offset();
}

interface Opened {
  readonly file: Hdf5Bytes;
  readonly maxBytes: number;
}

function openGroup(opened: Opened, address: number, path: string): Hdf5Group {
  const { file, maxBytes } = opened;
  const header = readObjectHeader(file, address, path);
  const links = readLinks(file, header, path);
  let attributes: ReadonlyMap<string, AttributeValue> | undefined;
  const groups = new Map<string, Hdf5Group | undefined>();
  const pathOf = (name: string): string => (path === '' ? name : `${path}/${name}`);
  /** A group right below, opened once: a network's layers are all looked up in one that has many members. */
  const child = (name: string): Hdf5Group | undefined => {
    if (groups.has(name)) return groups.get(name);
    const target = resolve(links, name, pathOf(name));
    const found = target === undefined ? undefined : groupAt(opened, target, pathOf(name));
    groups.set(name, found);
    return found;
  };
  return {
    path,
    names: [...links.keys()],
    get attributes() {
      attributes ??= readAttributes(file, header, path);
      return attributes;
    },
    has: (name) => links.has(name),
    group(below) {
      const [name, rest] = splitPath(below);
      return rest === undefined ? child(name) : child(name)?.group(rest);
    },
    dataset(below) {
      const [name, rest] = splitPath(below);
      if (rest !== undefined) return child(name)?.dataset(rest);
      const target = resolve(links, name, pathOf(name));
      if (target === undefined) return undefined;
      const messagesOfIt = readObjectHeader(file, target, pathOf(name));
      return findMessage(messagesOfIt, messages.layout)
        ? openDataset(file, messagesOfIt, pathOf(name), maxBytes)
        : undefined;
    },
  };
}

/** The first name of a path, and what is below it. */
function splitPath(path: string): [string, string | undefined] {
  const end = path.indexOf('/');
  return end === -1 ? [path, undefined] : [path.slice(0, end), path.slice(end + 1)];
}

function resolve(links: ReadonlyMap<string, Link>, name: string, path: string): number | undefined {
  const link = links.get(name);
  if (!link) return undefined;
  if ('address' in link) return link.address;
  throw unsupportedHdf5(
    path,
    `it is a link of the kind "${link.refused}"`,
    'links are never followed; the data must be in the file itself',
  );
}

function groupAt(opened: Opened, address: number, path: string): Hdf5Group | undefined {
  const header = readObjectHeader(opened.file, address, path);
  return findMessage(header, messages.layout) ? undefined : openGroup(opened, address, path);
}
