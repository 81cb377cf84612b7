/**
 * A writer of the protobuf wire format. Its result is a list of pieces; large byte fields stay the
 * caller's own views, so hundreds of megabytes of weights are written without a copy.
 * Source: protobuf.dev/programming-guides/encoding.
 */

/** Bytes that are made when they are written, a piece at a time; the pieces must add up. */
export interface LazyBytes {
  readonly byteLength: number;
  /** Each is good until the next one is asked for. */
  pieces(): Iterable<Uint8Array>;
}

export type Bytes = Uint8Array | LazyBytes;

/** Smaller fields are copied together instead of becoming a piece each. */
const copyBelow = 4096;
const startCapacity = 256;
const utf8 = new TextEncoder();

export class ProtobufWriter {
  #pieces: Bytes[] = [];
  #pieceBytes = 0;
  #buffer = new Uint8Array(startCapacity);
  #used = 0;

  /** Length of everything written so far, in bytes. */
  get byteLength(): number {
    return this.#pieceBytes + this.#used;
  }

  /** An int64, int32 or enum field: negative numbers take ten bytes. */
  int(field: number, value: number | bigint): this {
    this.#tag(field, 0);
    this.#varint(value);
    return this;
  }

  float(field: number, value: number): this {
    this.#tag(field, 5);
    this.#append(new Uint8Array(Float32Array.of(value).buffer));
    return this;
  }

  ints(field: number, values: Iterable<number | bigint>): this {
    const packed = new ProtobufWriter();
    for (const value of values) packed.#varint(value);
    return this.message(field, packed);
  }

  floats(field: number, values: Iterable<number>): this {
    return this.bytes(field, new Uint8Array(Float32Array.from(values).buffer));
  }

  string(field: number, text: string): this {
    return this.bytes(field, utf8.encode(text));
  }

  bytes(field: number, bytes: Bytes): this {
    this.#tag(field, 2);
    this.#varint(bytes.byteLength);
    this.#append(bytes);
    return this;
  }

  message(field: number, message: ProtobufWriter): this {
    this.#tag(field, 2);
    this.#varint(message.byteLength);
    for (const piece of message.finish()) this.#append(piece);
    return this;
  }

  /** The pieces in order. The writer may be written to further. */
  finish(): readonly Bytes[] {
    this.#flush();
    return this.#pieces;
  }

  #tag(field: number, wireType: number): void {
    this.#varint(field * 8 + wireType);
  }

  #varint(value: number | bigint): void {
    if (typeof value === 'number' && value >= 0 && value < 0x80) {
      this.#byte(value);
      return;
    }
    let left = BigInt.asUintN(64, BigInt(value));
    while (left >= 0x80n) {
      this.#byte(Number(left & 0x7fn) | 0x80);
      left >>= 7n;
    }
    this.#byte(Number(left));
  }

  #byte(value: number): void {
    this.#reserve(1);
    this.#buffer[this.#used++] = value;
  }

  #append(bytes: Bytes): void {
    if (!(bytes instanceof Uint8Array) || bytes.byteLength >= copyBelow) {
      this.#flush();
      this.#pieces.push(bytes);
      this.#pieceBytes += bytes.byteLength;
      return;
    }
    this.#reserve(bytes.byteLength);
    this.#buffer.set(bytes, this.#used);
    this.#used += bytes.byteLength;
  }

  #reserve(count: number): void {
    if (this.#used + count <= this.#buffer.byteLength) return;
    const grown = new Uint8Array(Math.max(this.#buffer.byteLength * 2, this.#used + count));
    grown.set(this.#buffer.subarray(0, this.#used));
    this.#buffer = grown;
  }

  #flush(): void {
    if (this.#used === 0) return;
    this.#pieces.push(this.#buffer.subarray(0, this.#used));
    this.#pieceBytes += this.#used;
    this.#buffer = new Uint8Array(startCapacity);
    this.#used = 0;
  }
}

/** The bytes of a piece, made now if they are lazy. Throws when lazy pieces do not add up. */
export function* readPiece(bytes: Bytes): Iterable<Uint8Array> {
  if (bytes instanceof Uint8Array) {
    yield bytes;
    return;
  }
  let total = 0;
  for (const piece of bytes.pieces()) {
    total += piece.byteLength;
    yield piece;
  }
  if (total !== bytes.byteLength) {
    throw new RangeError(`lazy bytes gave ${total} bytes and promised ${bytes.byteLength}`);
  }
}
