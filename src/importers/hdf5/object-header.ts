/**
 * The messages of an HDF5 object (a group or a dataset): both versions of its header, continuations
 * followed. Source: HDF5 File Format Specification 3.0, IV.A.
 */

import type { Hdf5Bytes, Hdf5Cursor } from './hdf5-bytes.ts';
import { invalidHdf5, unsupportedHdf5 } from './hdf5-bytes.ts';

export const messages = {
  dataspace: 0x01,
  linkInfo: 0x02,
  datatype: 0x03,
  link: 0x06,
  externalFiles: 0x07,
  layout: 0x08,
  filters: 0x0b,
  attribute: 0x0c,
  continuation: 0x10,
  symbolTable: 0x11,
  attributeInfo: 0x15,
} as const;

export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly body: Hdf5Cursor;
}

interface Block {
  readonly address: number;
  readonly length: number;
}

const mostMessages = 100_000;

/** All messages in the order of the file. */
export function readObjectHeader(file: Hdf5Bytes, address: number, place: string): Message[] {
  const head = file.atMost(address, 16, place);
  const found =
    head.bytes[0] === 0x4f ? readVersion2(file, address, place) : readVersion1(file, address, head);
  for (const { type, flags } of found) refuseShared(type, flags, place);
  return found;
}

/** The one message of a type; undefined when there is none. */
export function findMessage(all: readonly Message[], type: number): Hdf5Cursor | undefined {
  return all.find((message) => message.type === type)?.body;
}

function refuseShared(type: number, flags: number, place: string): void {
  if ((flags & 2) === 0 || type === 0) return;
  throw unsupportedHdf5(
    place,
    'it shares a header message with another object',
    'save it again with h5py, which does not',
  );
}

function readVersion1(file: Hdf5Bytes, address: number, head: Hdf5Cursor): Message[] {
  const { place } = head;
  if (head.u8() !== 1) throw invalidHdf5(place, `there is no object header at byte ${address}`);
  head.skip(7);
  const length = head.u32();
  const blocks: Block[] = [{ address: address + 16, length }];
  const found: Message[] = [];
  for (const block of blocks) {
    const cursor = file.at(block.address, block.length, place);
    while (cursor.left >= 8) {
      const type = cursor.u16();
      const size = cursor.u16();
      const flags = cursor.u8();
      cursor.skip(3);
      addMessage({ type, flags, body: cursor.part(size) }, found, blocks);
    }
  }
  return found;
}

function readVersion2(file: Hdf5Bytes, address: number, place: string): Message[] {
  const head = file.atMost(address, 64, place).expect('OHDR');
  if (head.u8() !== 2)
    throw invalidHdf5(place, 'its object header has a version that is not known');
  const flags = head.u8();
  if (flags & 0x20) head.skip(16);
  if (flags & 0x10) head.skip(4);
  const length = head.uint(1 << (flags & 3));
  const hasOrder = (flags & 4) !== 0;
  const blocks: Block[] = [{ address: address + head.position, length }];
  const found: Message[] = [];
  for (const [i, block] of blocks.entries()) {
    const cursor = file.at(block.address, block.length, place);
    if (i > 0) cursor.expect('OCHK');
    // A checksum of 4 bytes ends a continuation; the first block is counted without it.
    const end = i > 0 ? 4 : 0;
    while (cursor.left - end >= (hasOrder ? 6 : 4)) {
      const type = cursor.u8();
      const size = cursor.u16();
      const messageFlags = cursor.u8();
      if (hasOrder) cursor.skip(2);
      if (size > cursor.left - end) throw invalidHdf5(place, 'a header message is cut short');
      addMessage({ type, flags: messageFlags, body: cursor.part(size) }, found, blocks);
    }
  }
  return found;
}

function addMessage(message: Message, found: Message[], blocks: Block[]): void {
  const { type, body } = message;
  if (found.length + blocks.length > mostMessages) {
    throw invalidHdf5(body.place, 'its object header has too many messages');
  }
  if (type === messages.continuation)
    blocks.push({ address: body.offset(), length: body.length() });
  else if (type !== 0) found.push(message);
}
