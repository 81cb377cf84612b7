/**
 * Writes messages of the protobuf wire format into one buffer. Large byte fields are kept as the caller's
 * views until `finish`, which copies everything once.
 *
 * The names and defaults of fields are not its business: it writes what it is told, in that order, and a
 * message that must not carry a default value leaves the call out.
 * Source: protobuf.dev/programming-guides/encoding.
 */

import { wireTypes } from './wire-reader.ts';

/** Shorter fields are copied together at once. */
const copyBelow = 1024;
const startCapacity = 256;

export class WireWriter {
  #parts: Uint8Array[] = [];
  #partBytes = 0;
  #buffer = Buffer.allocUnsafe(startCapacity);
  #used = 0;

  /** Length of what was written so far, in bytes. */
  get byteLength(): number {
    return this.#partBytes + this.#used;
  }

  /** An int32, int64, uint64 or enum; negative numbers take ten bytes. Numbers must be safe integers. */
  int(field: number, value: number | bigint): this {
    this.#tag(field, wireTypes.varint);
    this.#varint(value);
    return this;
  }

  bool(field: number, value: boolean): this {
    return this.int(field, value ? 1 : 0);
  }

  float(field: number, value: number): this {
    this.#tag(field, wireTypes.fixed32);
    this.#reserve(4);
    this.#used = this.#buffer.writeFloatLE(value, this.#used);
    return this;
  }

  string(field: number, text: string): this {
    return this.bytes(field, Buffer.from(text));
  }

  /** Bytes, a text in UTF-8, a whole message or packed numbers: all are written alike. */
  bytes(field: number, bytes: Uint8Array): this {
    this.#tag(field, wireTypes.bytes);
    this.#varint(bytes.byteLength);
    this.#append(bytes);
    return this;
  }

  /** A message in this one. */
  message(field: number, message: WireWriter): this {
    this.#tag(field, wireTypes.bytes);
    this.#varint(message.byteLength);
    for (const part of message.#finishParts()) this.#append(part);
    return this;
  }

  /** All that was written, in one buffer. */
  finish(): Buffer {
    const parts = this.#finishParts();
    const whole = Buffer.allocUnsafe(this.byteLength);
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.byteLength;
    }
    return whole;
  }

  #finishParts(): readonly Uint8Array[] {
    this.#flush();
    return this.#parts;
  }

  #tag(field: number, wireType: number): void {
    this.#varint(field * 8 + wireType);
  }

  #varint(value: number | bigint): void {
    this.#reserve(10);
    if (typeof value === 'bigint' || value < 0) {
      this.#longVarint(BigInt.asUintN(64, BigInt(value)));
      return;
    }
    let left = value;
    while (left >= 0x80) {
      this.#buffer[this.#used++] = (left % 0x80) | 0x80;
      left = Math.floor(left / 0x80);
    }
    this.#buffer[this.#used++] = left;
  }

  #longVarint(value: bigint): void {
    let left = value;
    while (left >= 0x80n) {
      this.#buffer[this.#used++] = Number(left & 0x7fn) | 0x80;
      left >>= 7n;
    }
    this.#buffer[this.#used++] = Number(left);
  }

  #append(bytes: Uint8Array): void {
    if (bytes.byteLength >= copyBelow) {
      this.#flush();
      this.#parts.push(bytes);
      this.#partBytes += bytes.byteLength;
      return;
    }
    this.#reserve(bytes.byteLength);
    this.#buffer.set(bytes, this.#used);
    this.#used += bytes.byteLength;
  }

  #reserve(count: number): void {
    if (this.#used + count <= this.#buffer.byteLength) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#buffer.byteLength * 2, this.#used + count));
    grown.set(this.#buffer.subarray(0, this.#used));
    this.#buffer = grown;
  }

  #flush(): void {
    if (this.#used === 0) return;
    this.#parts.push(this.#buffer.subarray(0, this.#used));
    this.#partBytes += this.#used;
    this.#buffer = Buffer.allocUnsafe(startCapacity);
    this.#used = 0;
  }
}
