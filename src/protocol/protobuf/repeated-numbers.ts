/**
 * Repeated numbers of a message, packed or one by one or both, straight into typed arrays. Each call walks
 * over the message; nothing is kept for each value, however many fields they come in.
 *
 * Arrays are filled up to their length and what is left over is passed over: the caller knows how many
 * values it wants, and never makes an array that the message has no values for.
 */

import { allowFields, refuseMessage, WireReader, wireTypes } from './wire-reader.ts';

/** Integers of up to 32 bits. */
export type NarrowArray =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array;

/**
 * Fields that are walked over for numbers. Packed ones, as all clients send them, are one or a few; millions of
 * numbers one by one would hold up everybody.
 */
const mostFields = 250_000;

/** Where values of a field stand in the message; false ends the walk. */
type VisitRun = (start: number, end: number) => boolean;

function eachRun(message: Uint8Array, field: number, wireType: number, visit: VisitRun): void {
  const reader = new WireReader(message, 0, message.length, 0, allowFields(2 * mostFields));
  for (let fields = 1; reader.next(); fields += 1) {
    if (fields > mostFields)
      refuseMessage(
        `more than ${mostFields} fields where numbers are; send them packed`,
        reader.position,
      );
    if (reader.field !== field) {
      reader.skip();
      continue;
    }
    if (reader.wireType === wireTypes.bytes) reader.advance(reader.length());
    else {
      reader.expect(wireType);
      const start = reader.position;
      reader.skip();
      if (!visit(start, reader.position)) return;
      continue;
    }
    const start = reader.position - reader.low;
    if (!visit(start, reader.position)) return;
  }
}

/** How many varints stand in a field. */
export function countVarints(message: Uint8Array, field: number): number {
  let count = 0;
  eachRun(message, field, wireTypes.varint, (start, end) => {
    for (let at = start; at < end; at += 1) if ((message[at] as number) < 0x80) count += 1;
    return true;
  });
  return count;
}

/** How many bytes of float (`size` 4) or double (8) values stand in a field. */
export function countFixedBytes(message: Uint8Array, field: number, size: 4 | 8): number {
  let bytes = 0;
  eachFixedRun(message, field, size, (start, end) => {
    bytes += end - start;
    return true;
  });
  return bytes;
}

function eachFixedRun(message: Uint8Array, field: number, size: 4 | 8, visit: VisitRun): void {
  const wireType = size === 4 ? wireTypes.fixed32 : wireTypes.fixed64;
  eachRun(message, field, wireType, (start, end) => {
    if ((end - start) % size !== 0) refuseMessage(`packed values of ${size} bytes are cut`, start);
    return visit(start, end);
  });
}

/**
 * The low bits of int32, uint32, enum or half values into `into`. Gives how many there were, at most its
 * length.
 */
export function readVarints(message: Uint8Array, field: number, into: NarrowArray): number {
  let count = 0;
  eachRun(message, field, wireTypes.varint, (start, end) => {
    const reader = new WireReader(message, start, end);
    while (reader.position < end && count < into.length) {
      const byte = message[reader.position] as number;
      if (byte < 0x80) {
        into[count] = byte;
        reader.position += 1;
      } else {
        reader.varint();
        into[count] = reader.low;
      }
      count += 1;
    }
    return count < into.length;
  });
  return count;
}

/** Bools as bytes of 0 and 1. */
export function readBools(message: Uint8Array, field: number, into: Uint8Array): number {
  let count = 0;
  eachRun(message, field, wireTypes.varint, (start, end) => {
    const reader = new WireReader(message, start, end);
    while (reader.position < end && count < into.length) {
      const byte = message[reader.position] as number;
      if (byte < 0x80) {
        into[count] = byte === 0 ? 0 : 1;
        reader.position += 1;
      } else {
        reader.varint();
        into[count] = reader.low !== 0 || reader.high !== 0 ? 1 : 0;
      }
      count += 1;
    }
    return count < into.length;
  });
  return count;
}

/** int64 or uint64 values as pairs of 32-bit halves, the low one first, which is how they lie in memory. */
export function readVarints64(message: Uint8Array, field: number, halves: Uint32Array): number {
  let at = 0;
  eachRun(message, field, wireTypes.varint, (start, end) => {
    const reader = new WireReader(message, start, end);
    while (reader.position < end && at < halves.length) {
      reader.varint();
      halves[at] = reader.low;
      halves[at + 1] = reader.high;
      at += 2;
    }
    return at < halves.length;
  });
  return at / 2;
}

/**
 * The bytes of float (`size` 4) or double (8) values, little-endian as they are sent: a view where they
 * stand in one packed field, as they nearly always do, otherwise a copy of at most `mostBytes`.
 */
export function readFixed(
  message: Uint8Array,
  field: number,
  size: 4 | 8,
  mostBytes: number,
): Uint8Array {
  let first: Uint8Array | undefined;
  let runs = 0;
  let total = 0;
  eachFixedRun(message, field, size, (start, end) => {
    first ??= message.subarray(start, end);
    runs += 1;
    total += end - start;
    return total < mostBytes;
  });
  if (!first) return new Uint8Array(0);
  if (runs === 1) return first.subarray(0, mostBytes);
  const whole = new Uint8Array(Math.min(total, mostBytes));
  let at = 0;
  eachFixedRun(message, field, size, (start, end) => {
    const part = message.subarray(start, Math.min(end, start + whole.length - at));
    whole.set(part, at);
    at += part.length;
    return at < whole.length;
  });
  return whole;
}

/** How many bytes a varint of these two halves takes. */
function varintLength(low: number, high: number): number {
  if (high === 0) {
    if (low < 0x80) return 1;
    if (low < 0x4000) return 2;
    if (low < 0x20_0000) return 3;
    return low < 0x1000_0000 ? 4 : 5;
  }
  if (high < 0x8) return 5;
  if (high < 0x400) return 6;
  if (high < 0x2_0000) return 7;
  if (high < 0x100_0000) return 8;
  return high < 0x8000_0000 ? 9 : 10;
}

function putVarint(into: Uint8Array, start: number, low: number, high: number): number {
  let at = start;
  let l = low;
  let h = high;
  while (h !== 0 || l >= 0x80) {
    into[at++] = (l & 0x7f) | 0x80;
    l = ((l >>> 7) | (h << 25)) >>> 0;
    h >>>= 7;
  }
  into[at++] = l;
  return at;
}

/** Packed int32, uint32, bool, enum or half values: negative ones take ten bytes, as protobuf wants it. */
export function packVarints(values: NarrowArray): Uint8Array {
  let total = 0;
  for (const value of values) total += varintLength(value >>> 0, value < 0 ? 0xffff_ffff : 0);
  const packed = Buffer.allocUnsafe(total);
  let at = 0;
  for (const value of values) {
    if (value >= 0 && value < 0x80) packed[at++] = value;
    else at = putVarint(packed, at, value >>> 0, value < 0 ? 0xffff_ffff : 0);
  }
  return packed;
}

/** Packed int64 or uint64 values, given as pairs of halves, the low one first. */
export function packVarints64(halves: Uint32Array): Uint8Array {
  let total = 0;
  for (let i = 0; i < halves.length; i += 2)
    total += varintLength(halves[i] as number, halves[i + 1] as number);
  const packed = Buffer.allocUnsafe(total);
  let at = 0;
  for (let i = 0; i < halves.length; i += 2)
    at = putVarint(packed, at, halves[i] as number, halves[i + 1] as number);
  return packed;
}
