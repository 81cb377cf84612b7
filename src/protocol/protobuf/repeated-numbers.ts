/**
 * Repeated numbers of a message, packed or one by one or both, straight into typed arrays. First it is found
 * where they stand (`findRuns`), then they are counted or read; of what is kept, the places of fields are bounded.
 *
 * Arrays are filled up to their length and what is left over is passed over: the caller knows how many
 * values it wants, and never makes an array that the message has no values for.
 */

import type { Steps } from '../steps.ts';
import { stepBytes } from '../steps.ts';
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
/** Fields that are walked over between two yields: half a millisecond. */
const stepFields = 16_384;

/** Where the values of a field stand in a message: start and end of each piece, one after the other. */
export type Runs = readonly number[];

function* findRuns(message: Uint8Array, field: number, wireType: number): Steps<Runs> {
  const reader = new WireReader(message, 0, message.length, 0, allowFields(2 * mostFields));
  const runs: number[] = [];
  for (let fields = 1; reader.next(); fields += 1) {
    if (fields > mostFields)
      refuseMessage(
        `more than ${mostFields} fields where numbers are; send them packed`,
        reader.position,
      );
    if (fields % stepFields === 0) yield;
    if (reader.field !== field) reader.skip();
    else if (reader.wireType === wireTypes.bytes) {
      const length = reader.length();
      const start = reader.advance(length);
      runs.push(start, start + length);
    } else {
      reader.expect(wireType);
      const start = reader.position;
      reader.skip();
      runs.push(start, reader.position);
    }
  }
  return runs;
}

/** Where the varints of a field stand. Throws PROTOBUF_INVALID. */
export const findVarints = (message: Uint8Array, field: number): Steps<Runs> =>
  findRuns(message, field, wireTypes.varint);

/** Where the float (`size` 4) or double (8) values of a field stand. Throws PROTOBUF_INVALID. */
export function* findFixed(message: Uint8Array, field: number, size: 4 | 8): Steps<Runs> {
  const wireType = size === 4 ? wireTypes.fixed32 : wireTypes.fixed64;
  const runs = yield* findRuns(message, field, wireType);
  for (let i = 0; i < runs.length; i += 2) {
    const start = runs[i] as number;
    if (((runs[i + 1] as number) - start) % size !== 0)
      refuseMessage(`packed values of ${size} bytes are cut`, start);
  }
  return runs;
}

/** How many varints stand there. */
export function* countVarints(message: Uint8Array, runs: Runs): Steps<number> {
  let count = 0;
  let pause = stepBytes;
  for (let i = 0; i < runs.length; i += 2) {
    const end = runs[i + 1] as number;
    for (let at = runs[i] as number; at < end; ) {
      const stop = Math.min(end, at + 8 * stepBytes);
      for (pause -= 1 + stop - at; at < stop; at += 1)
        if ((message[at] as number) < 0x80) count += 1;
      if (pause > 0) continue;
      pause = stepBytes;
      yield;
    }
  }
  return count;
}

/** How many bytes of float or double values stand there. */
export function countFixedBytes(runs: Runs): number {
  let bytes = 0;
  for (let i = 0; i < runs.length; i += 2) bytes += (runs[i + 1] as number) - (runs[i] as number);
  return bytes;
}

/** Reads varints from the reader's place until `stop` or `most` are read; gives how many. */
type ReadSome = (reader: WireReader, stop: number, from: number) => number;

/** Calls `readSome` for pieces of all runs, which says how many values it has then. */
function* readRuns(
  message: Uint8Array,
  runs: Runs,
  most: number,
  readSome: ReadSome,
): Steps<number> {
  let count = 0;
  let pause = stepBytes;
  for (let i = 0; i < runs.length && count < most; i += 2) {
    const end = runs[i + 1] as number;
    const reader = new WireReader(message, runs[i], end);
    while (reader.position < end && count < most) {
      const from = reader.position;
      count = readSome(reader, Math.min(end, from + stepBytes), count);
      pause -= 1 + reader.position - from;
      if (pause > 0) continue;
      pause = stepBytes;
      yield;
    }
  }
  return count;
}

/**
 * The low bits of int32, uint32, enum or half values into `into`. Gives how many there were, at most its
 * length.
 */
export function readVarints(message: Uint8Array, runs: Runs, into: NarrowArray): Steps<number> {
  return readRuns(message, runs, into.length, (reader, stop, from) => {
    let count = from;
    while (reader.position < stop && count < into.length) {
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
    return count;
  });
}

/** Bools as bytes of 0 and 1. */
export function readBools(message: Uint8Array, runs: Runs, into: Uint8Array): Steps<number> {
  return readRuns(message, runs, into.length, (reader, stop, from) => {
    let count = from;
    while (reader.position < stop && count < into.length) {
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
    return count;
  });
}

/** int64 or uint64 values as pairs of 32-bit halves, the low one first, which is how they lie in memory. */
export function readVarints64(message: Uint8Array, runs: Runs, halves: Uint32Array): Steps<number> {
  return readRuns(message, runs, halves.length / 2, (reader, stop, from) => {
    let at = 2 * from;
    while (reader.position < stop && at < halves.length) {
      reader.varint();
      halves[at] = reader.low;
      halves[at + 1] = reader.high;
      at += 2;
    }
    return at / 2;
  });
}

/**
 * The bytes of float or double values, little-endian as they are sent: a view where they stand in one packed
 * field, as they nearly always do, otherwise a copy of at most `mostBytes`.
 */
export function* readFixed(message: Uint8Array, runs: Runs, mostBytes: number): Steps<Uint8Array> {
  const [start, end] = runs;
  if (start === undefined || end === undefined) return new Uint8Array(0);
  if (runs.length === 2) return message.subarray(start, Math.min(end, start + mostBytes));
  const whole = new Uint8Array(Math.min(countFixedBytes(runs), mostBytes));
  let at = 0;
  for (let i = 0; i < runs.length && at < whole.length; i += 2) {
    const from = runs[i] as number;
    const part = message.subarray(from, Math.min(runs[i + 1] as number, from + whole.length - at));
    whole.set(part, at);
    at += part.length;
    if (i % stepFields === 0) yield;
  }
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
