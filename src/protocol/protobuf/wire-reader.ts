/**
 * The protobuf wire format of a message that lies in memory whole, as every gRPC message does.
 *
 * Owns: tags, varints, lengths, bounds, the depth of messages in messages. Does not own: what a field
 * means. What it gives of bytes are views on the message. `onnx/protobuf-reader.ts` reads the same format
 * from files, through a window, because they may have gigabytes.
 * Source: protobuf.dev/programming-guides/encoding.
 */

import { isUtf8 } from 'node:buffer';
import { ServingError } from '../../errors.ts';

export const wireTypes = {
  varint: 0,
  fixed64: 1,
  bytes: 2,
  startGroup: 3,
  endGroup: 4,
  fixed32: 5,
} as const;

/** The limit of Google's own parsers. */
const maxDepth = 100;
/** What every message of a client stays far below, and what takes ten milliseconds. */
const mostFields = 250_000;

/** How many fields may still be walked over, in a message and all messages in it. */
export interface FieldAllowance {
  left: number;
}

/** For messages of which each value is a field of its own, such as texts: twenty million would hold up everybody. */
export const allowFields = (most: number): FieldAllowance => ({ left: most });

/** Throws PROTOBUF_INVALID. */
export function refuseMessage(problem: string, offset: number): never {
  throw new ServingError('PROTOBUF_INVALID', { problem, offset });
}

/**
 * Walks over the fields of a message: `while (reader.next())`, and for each one either reads its value or
 * skips it. All that it throws is PROTOBUF_INVALID.
 */
export class WireReader {
  readonly bytes: Uint8Array;
  readonly end: number;
  position: number;
  /** The number and the wire type of the current field. */
  field = 0;
  wireType = 0;
  /** The two halves of the varint that was read last, unsigned. */
  low = 0;
  high = 0;
  private readonly depth: number;
  private readonly allowance: FieldAllowance;

  constructor(
    bytes: Uint8Array,
    start = 0,
    end = bytes.length,
    depth = 0,
    allowance = allowFields(mostFields),
  ) {
    this.bytes = bytes;
    this.position = start;
    this.end = end;
    this.depth = depth;
    this.allowance = allowance;
    if (depth > maxDepth) refuseMessage(`messages nested deeper than ${maxDepth}`, start);
  }

  /** Goes to the next field; false at the end of the message. Throws when there are too many. */
  next(): boolean {
    if (this.position >= this.end) return false;
    const start = this.position;
    this.allowance.left -= 1;
    if (this.allowance.left < 0) refuseMessage('it has too many fields', start);
    this.varint();
    this.field = this.low >>> 3;
    this.wireType = this.low & 7;
    if (this.field === 0 || this.high !== 0) refuseMessage('a bad field number', start);
    return true;
  }

  /** Passes over the value of the current field, whatever it is. */
  skip(): void {
    this.skipValue(this.depth);
  }

  /** Reads a bare varint into `low` and `high`. */
  varint(): void {
    const { bytes, end } = this;
    let at = this.position;
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (at >= end) refuseMessage('it ends inside a number', at);
      const byte = bytes[at++] as number;
      if (shift < 28) low |= (byte & 0x7f) << shift;
      else if (shift > 28) high |= (byte & 0x7f) << (shift - 32);
      else {
        low |= byte << 28;
        high = (byte & 0x7f) >> 4;
      }
      if (byte < 0x80) {
        this.position = at;
        this.low = low >>> 0;
        this.high = high >>> 0;
        return;
      }
    }
    refuseMessage('a number longer than ten bytes', this.position);
  }

  /** An int32 or an enum: what is beyond 32 bits is dropped, as protobuf wants it. */
  int32(): number {
    this.expect(wireTypes.varint);
    this.varint();
    return this.low | 0;
  }

  uint32(): number {
    this.expect(wireTypes.varint);
    this.varint();
    return this.low;
  }

  bool(): boolean {
    this.expect(wireTypes.varint);
    this.varint();
    return this.low !== 0 || this.high !== 0;
  }

  int64(): bigint {
    return BigInt.asIntN(64, this.uint64());
  }

  uint64(): bigint {
    this.expect(wireTypes.varint);
    this.varint();
    return (BigInt(this.high) << 32n) | BigInt(this.low);
  }

  /** An int64 as a number: exact up to 2^53, beyond that rounded. */
  integer(): number {
    this.expect(wireTypes.varint);
    this.varint();
    return (this.high | 0) * 2 ** 32 + this.low;
  }

  float(): number {
    this.expect(wireTypes.fixed32);
    const at = this.advance(4);
    return viewOf(this.bytes).getFloat32(at, true);
  }

  double(): number {
    this.expect(wireTypes.fixed64);
    const at = this.advance(8);
    return viewOf(this.bytes).getFloat64(at, true);
  }

  /** The value of a bytes field, a view. */
  view(): Uint8Array {
    this.expect(wireTypes.bytes);
    const length = this.length();
    const at = this.advance(length);
    return this.bytes.subarray(at, at + length);
  }

  /** A string, which must be UTF-8. */
  string(): string {
    const bytes = this.view();
    if (!isUtf8(bytes)) refuseMessage('a text that is not UTF-8', this.position - bytes.length);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  }

  /** A reader of the message in the current field. */
  message(): WireReader {
    this.expect(wireTypes.bytes);
    const length = this.length();
    const at = this.advance(length);
    return new WireReader(this.bytes, at, at + length, this.depth + 1, this.allowance);
  }

  /** Throws unless the current field has this wire type. */
  expect(wireType: number): void {
    if (this.wireType === wireType) return;
    refuseMessage(
      `field ${this.field} has the wire type ${this.wireType} where ${wireType} was expected`,
      this.position,
    );
  }

  /** The length in front of a bytes field, which is known to fit into the message. */
  length(): number {
    const start = this.position;
    this.varint();
    const left = this.end - this.position;
    if (this.high !== 0 || this.low > left) {
      const length = this.high * 2 ** 32 + this.low;
      refuseMessage(`a field of ${length} bytes where only ${left} are left`, start);
    }
    return this.low;
  }

  /** Passes over so many bytes and gives where they begin. */
  advance(count: number): number {
    const at = this.position;
    if (count > this.end - at) refuseMessage('it ends inside a value', at);
    this.position = at + count;
    return at;
  }

  private skipValue(depth: number): void {
    switch (this.wireType) {
      case wireTypes.varint:
        this.varint();
        break;
      case wireTypes.fixed64:
        this.advance(8);
        break;
      case wireTypes.bytes:
        this.advance(this.length());
        break;
      case wireTypes.fixed32:
        this.advance(4);
        break;
      case wireTypes.startGroup:
        this.skipGroup(this.field, depth + 1);
        break;
      default:
        refuseMessage(`an unexpected wire type ${this.wireType}`, this.position);
    }
  }

  /** Old messages have groups; none of ours does. */
  private skipGroup(field: number, depth: number): void {
    if (depth > maxDepth) refuseMessage(`groups nested deeper than ${maxDepth}`, this.position);
    while (this.next()) {
      if (this.wireType === wireTypes.endGroup) {
        if (this.field !== field) refuseMessage('the end of another group', this.position);
        return;
      }
      this.skipValue(depth);
    }
    refuseMessage('a group without an end', this.position);
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
