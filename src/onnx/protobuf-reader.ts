/**
 * A reader of the protobuf wire format over a `ByteSource`. It keeps one window of the source in
 * memory, so a field of gigabytes that is skipped is never read.
 *
 * Owns: varints, lengths, nesting, bounds. Does not own: what any field means.
 * Every length is checked against the end of the message around it before anything is allocated.
 * Source: protobuf.dev/programming-guides/encoding.
 */

import type { ByteSource } from './byte-source.ts';

/** Bytes that are not well-formed; `offset` is where, counted from the start of the source. */
export class ProtobufError extends Error {
  readonly offset: number;

  constructor(problem: string, offset: number) {
    super(problem);
    this.name = 'ProtobufError';
    this.offset = offset;
  }
}

/** Reads one field's value; must consume it. */
export type FieldHandler = (reader: ProtobufReader) => void;
/** What to do with each field number; fields that are not listed are skipped. */
export type FieldHandlers = Readonly<Record<number, FieldHandler>>;

const wireTypes = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;
const maxField = 2 ** 29 - 1;
const windowBytes = 32 * 1024;
/** The limit of Google's own parsers. */
const maxDepth = 100;
/** What a caller keeps is bounded by these two, however large the file: messages, and bytes of text. */
const maxMessages = 5_000_000;
const maxTextBytes = 256 * 1024 * 1024;
const utf8 = new TextDecoder('utf-8', { fatal: true });

export class ProtobufReader {
  readonly #source: ByteSource;
  readonly #window: Uint8Array<ArrayBuffer>;
  #windowStart = 0;
  #windowEnd = 0;
  #position = 0;
  #end: number;
  #depth = 0;
  #wireType = 0;
  #messages = 0;
  #textBytes = 0;

  constructor(source: ByteSource) {
    this.#source = source;
    this.#end = source.length;
    this.#window = new Uint8Array(Math.min(windowBytes, source.length));
  }

  /** Offset of the next byte from the start of the source. */
  get position(): number {
    return this.#position;
  }

  /** Reads fields to the end of the current message. Throws `ProtobufError`, and what handlers throw. */
  readFields(handlers: FieldHandlers): void {
    while (this.#position < this.#end) {
      const start = this.#position;
      const tag = this.#varint();
      const field = Math.floor(tag / 8);
      if (field === 0 || field > maxField) this.fail(`bad field number ${field}`, start);
      this.#wireType = tag % 8;
      const handler = handlers[field];
      if (handler) handler(this);
      else this.skip();
    }
  }

  /** Reads an embedded message. */
  message(handlers: FieldHandlers): void {
    this.#within(this.#length(), () => this.readFields(handlers));
  }

  /** Has `read` read an embedded message with `readFields`. */
  nested(read: () => void): void {
    this.#within(this.#length(), read);
  }

  /** A 64-bit integer, signed (int64, int32 and enums are all written so). */
  bigint(): bigint {
    this.#expect(wireTypes.varint);
    return BigInt.asIntN(64, this.#varint64());
  }

  /** A signed integer that must be exact as a number. */
  int(): number {
    this.#expect(wireTypes.varint);
    return this.#int();
  }

  /** A repeated integer, packed or not: calls `push` for each value of this field. */
  ints(push: (value: number) => void): void {
    if (this.#wireType !== wireTypes.bytes) {
      push(this.int());
      return;
    }
    this.#within(this.#length(), () => {
      while (this.#position < this.#end) push(this.#int());
    });
  }

  /** A repeated 64-bit integer, packed or not, exact. */
  bigints(push: (value: bigint) => void): void {
    if (this.#wireType !== wireTypes.bytes) {
      push(this.bigint());
      return;
    }
    this.#within(this.#length(), () => {
      while (this.#position < this.#end) push(BigInt.asIntN(64, this.#varint64()));
    });
  }

  /** A float. */
  float(): number {
    this.#expect(wireTypes.fixed32);
    return this.#fixed(4).getFloat32(0, true);
  }

  /** A fixed32, unsigned. */
  fixed32(): number {
    this.#expect(wireTypes.fixed32);
    return this.#fixed(4).getUint32(0, true);
  }

  /** A repeated float, packed or not. */
  floats(push: (value: number) => void): void {
    this.#packed(wireTypes.fixed32, () => push(this.#fixed(4).getFloat32(0, true)));
  }

  /** A repeated double, packed or not. */
  doubles(push: (value: number) => void): void {
    this.#packed(wireTypes.fixed64, () => push(this.#fixed(8).getFloat64(0, true)));
  }

  /** A bytes field as a copy; counts as text. */
  bytes(): Uint8Array {
    return this.#bytes().slice();
  }

  /** Skips a bytes field and says where its contents are in the source. */
  span(): { readonly offset: number; readonly length: number } {
    const length = this.skipBytes();
    return { offset: this.#position - length, length };
  }

  /** A string, which must be UTF-8. */
  string(): string {
    const start = this.#position;
    const bytes = this.#bytes();
    try {
      return utf8.decode(bytes);
    } catch {
      return this.fail('a text that is not UTF-8', start);
    }
  }

  /** Skips a bytes or string field and gives its length in bytes. */
  skipBytes(): number {
    const length = this.#length();
    this.#position += length;
    return length;
  }

  /** Skips the current field, whatever it is. */
  skip(): void {
    if (this.#wireType === wireTypes.varint) this.#varint();
    else if (this.#wireType === wireTypes.fixed64) this.#advance(8);
    else if (this.#wireType === wireTypes.bytes) this.skipBytes();
    else if (this.#wireType === wireTypes.fixed32) this.#advance(4);
    else this.fail(`unknown wire type ${this.#wireType}`);
  }

  fail(problem: string, offset = this.#position): never {
    throw new ProtobufError(problem, offset);
  }

  #within(length: number, read: () => void): void {
    if (this.#depth === maxDepth) this.fail(`messages nested deeper than ${maxDepth}`);
    this.#messages += 1;
    if (this.#messages > maxMessages) this.fail(`more than ${maxMessages} messages`);
    const outerEnd = this.#end;
    this.#end = this.#position + length;
    this.#depth += 1;
    read();
    this.#depth -= 1;
    this.#end = outerEnd;
  }

  #expect(wireType: number): void {
    if (this.#wireType !== wireType) {
      this.fail(`wire type ${this.#wireType} where ${wireType} was expected`);
    }
  }

  #length(): number {
    this.#expect(wireTypes.bytes);
    const start = this.#position;
    const length = this.#varint();
    const left = this.#end - this.#position;
    if (length > left) {
      this.fail(`a field of ${length} bytes where only ${left} are left`, start);
    }
    return length;
  }

  #advance(count: number): void {
    if (count > this.#end - this.#position) this.fail('the data ends inside a number');
    this.#position += count;
  }

  #packed(wireType: number, read: () => void): void {
    if (this.#wireType !== wireTypes.bytes) {
      this.#expect(wireType);
      read();
      return;
    }
    this.#within(this.#length(), () => {
      while (this.#position < this.#end) read();
    });
  }

  #fixed(count: number): DataView {
    const from = this.#position;
    this.#advance(count);
    if (from < this.#windowStart || from + count > this.#windowEnd) this.#fill(from);
    if (from + count > this.#windowEnd) this.fail('the file became shorter', from);
    return new DataView(this.#window.buffer, from - this.#windowStart, count);
  }

  #bytes(): Uint8Array {
    const start = this.#position;
    const length = this.#length();
    this.#textBytes += length;
    if (this.#textBytes > maxTextBytes) {
      this.fail(`more than ${maxTextBytes} bytes of names and other texts`, start);
    }
    const from = this.#position;
    this.#position += length;
    if (length > windowBytes) return this.#readApart(from, length);
    if (from < this.#windowStart || from + length > this.#windowEnd) this.#fill(from);
    const at = from - this.#windowStart;
    if (from + length > this.#windowEnd) this.fail('the file became shorter', from);
    return this.#window.subarray(at, at + length);
  }

  #readApart(from: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    if (this.#source.read(from, bytes) < length) this.fail('the file became shorter', from);
    return bytes;
  }

  #fill(from: number): void {
    this.#windowStart = from;
    this.#windowEnd = from + this.#source.read(from, this.#window);
  }

  #byte(): number {
    const at = this.#position;
    if (at >= this.#end) this.fail('the data ends inside a number');
    if (at < this.#windowStart || at >= this.#windowEnd) this.#fill(at);
    if (at >= this.#windowEnd) this.fail('the file became shorter');
    this.#position = at + 1;
    return this.#window[at - this.#windowStart] as number;
  }

  /** Unsigned; above 2^53 only roughly right, which is enough to refuse a tag or a length. */
  #varint(): number {
    const start = this.#position;
    // Nearly all are of one byte, which lies in the window.
    if (start < this.#end && start >= this.#windowStart && start < this.#windowEnd) {
      const only = this.#window[start - this.#windowStart] as number;
      if (only < 0x80) {
        this.#position = start + 1;
        return only;
      }
    }
    let value = 0;
    for (let unit = 1; unit < 2 ** 70; unit *= 128) {
      const byte = this.#byte();
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) return value;
    }
    return this.fail('a number longer than ten bytes', start);
  }

  /** Unsigned, exact to 64 bits. */
  #varint64(): bigint {
    const start = this.#position;
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value & 0xffffffffffffffffn;
    }
    return this.fail('a number longer than ten bytes', start);
  }

  /** Signed; without a BigInt where seven bytes are enough, as they nearly always are. */
  #int(): number {
    const start = this.#position;
    let value = 0;
    for (let unit = 1; unit < 2 ** 49; unit *= 128) {
      const byte = this.#byte();
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) return value;
    }
    this.#position = start;
    return this.#exact(BigInt.asIntN(64, this.#varint64()), start);
  }

  #exact(value: bigint, start: number): number {
    const number = Number(value);
    if (!Number.isSafeInteger(number)) this.fail(`the number ${value} is out of range`, start);
    return number;
  }
}
