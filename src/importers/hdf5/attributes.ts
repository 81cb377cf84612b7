/**
 * Attributes of HDF5 objects: numbers, and texts of fixed or variable length (in global heaps).
 * Source: HDF5 File Format Specification 3.0, IV.A.2.m, IV.A.2.v, III.E.
 */

import type { Hdf5Type } from './datatype.ts';
import {
  countElements,
  isNumber,
  readDataspace,
  readDatatype,
  toFloats,
  toLittleEndian,
} from './datatype.ts';
import { readDense } from './dense-links.ts';
import type { Hdf5Bytes, Hdf5Cursor } from './hdf5-bytes.ts';
import { invalidHdf5, nowhere } from './hdf5-bytes.ts';
import type { Message } from './object-header.ts';
import { findMessage, messages } from './object-header.ts';

/** Texts and numbers as lists; a scalar is a list of one. Undefined: a type that is not read. */
export type AttributeValue = readonly string[] | readonly number[] | undefined;

const largestText = 2 ** 26;
const mostElements = 2 ** 20;

export function readAttributes(
  file: Hdf5Bytes,
  header: readonly Message[],
  place: string,
): Map<string, AttributeValue> {
  const found = new Map<string, AttributeValue>();
  const bodies = header.filter(({ type }) => type === messages.attribute).map(({ body }) => body);
  const info = findMessage(header, messages.attributeInfo);
  if (info) bodies.push(...readDenseAttributes(file, info, place));
  for (const body of bodies) {
    const { name, value } = readAttribute(file, body);
    found.set(name, value);
  }
  return found;
}

function readDenseAttributes(file: Hdf5Bytes, info: Hdf5Cursor, place: string): Hdf5Cursor[] {
  info.skip(1);
  if (info.u8() & 1) info.skip(2);
  return readDense(file, info.offset(), info.offset(), place);
}

function readAttribute(file: Hdf5Bytes, body: Hdf5Cursor): { name: string; value: AttributeValue } {
  const version = body.u8();
  if (version < 1 || version > 3)
    throw invalidHdf5(body.place, 'it has an attribute of a version that is not known');
  body.skip(1);
  const nameLength = body.u16();
  const typeLength = body.u16();
  const spaceLength = body.u16();
  if (version === 3) body.skip(1);
  const padded = (length: number): number => (version === 1 ? Math.ceil(length / 8) * 8 : length);
  const name = body.text(padded(nameLength));
  const type = readDatatype(body.part(padded(typeLength)));
  const shape = readDataspace(body.part(padded(spaceLength)));
  const count = countElements(shape, body.place);
  if (count > mostElements)
    throw invalidHdf5(body.place, `its attribute '${name}' has ${count} elements`);
  return { name, value: readValue(file, type, count, body) };
}

function readValue(
  file: Hdf5Bytes,
  type: Hdf5Type,
  count: number,
  body: Hdf5Cursor,
): AttributeValue {
  if (type.kind === 'text')
    return Array.from({ length: count }, () => body.text(type.size).trimEnd());
  if (type.kind === 'variable-text') {
    return Array.from({ length: count }, () => readHeapText(file, body));
  }
  if (!isNumber(type)) return undefined;
  // A copy: the elements of a typed array start at a multiple of their size.
  const bytes = new Uint8Array(body.take(count * type.size));
  toLittleEndian(bytes, type);
  return [...toFloats(bytes, type, body.place)];
}

function readHeapText(file: Hdf5Bytes, reference: Hdf5Cursor): string {
  const length = reference.u32();
  const address = reference.offset();
  const index = reference.u32();
  const { place } = reference;
  if (address === nowhere || address === 0 || length === 0) return '';
  if (length > largestText) throw invalidHdf5(place, `it has a text of ${length} bytes`);
  const head = file
    .at(address, 8 + file.lengthSize, place)
    .expect('GCOL')
    .skip(4);
  const size = head.length();
  const body = file.at(address + head.position, size - head.position, place);
  while (body.left >= 8 + file.lengthSize) {
    const number = body.u16();
    body.skip(6);
    const objectLength = body.length();
    if (number === 0) break;
    if (number === index) return body.text(Math.min(length, objectLength));
    body.skip(Math.min(Math.ceil(objectLength / 8) * 8, body.left));
  }
  throw invalidHdf5(place, 'a text of it is missing');
}
