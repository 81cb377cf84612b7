/**
 * The bits of one entropy-coded segment. Behind a marker there are zeros without end, as libjpeg has it for
 * damaged files; behind the end of the file there is nothing.
 */

import { EndOfBytes } from '../byte-cursor.ts';
import { type HuffmanTable, lookBits } from './huffman-table.ts';

export class BitReader {
  /** Where the next byte is read. */
  position: number;
  /** The code of the marker that ended the segment; 0 before. */
  marker = 0;
  readonly #bytes: Uint8Array;
  /** Its lowest `#count` bits are still to be read. */
  #bits = 0;
  #count = 0;
  /** How many of all bits so far were made up. */
  #padding = 0;

  constructor(bytes: Uint8Array, position: number) {
    this.#bytes = bytes;
    this.position = position;
  }

  /** Whether bits were taken that the segment does not have. */
  get isExhausted(): boolean {
    return this.#padding > 0 && this.#count < this.#padding;
  }

  /** Drops the bits before a restart. */
  reset(): void {
    this.#count = 0;
    this.#padding = 0;
  }

  /**
   * Passes the restart marker of this number, 0 to 7. Where another marker stands, the data before it, the
   * data behind it or both are given up, as libjpeg decides it. @throws EndOfBytes
   */
  findRestart(expected: number): void {
    if (this.marker === 0) this.marker = this.#nextMarker();
    for (;;) {
      const ahead = (this.marker - 0xd0 - expected) & 7;
      const isRestart = this.marker >= 0xd0 && this.marker <= 0xd7;
      if (this.marker >= 0xc0 && (!isRestart || ahead === 1 || ahead === 2)) return;
      if (isRestart && ahead !== 6 && ahead !== 7) {
        this.marker = 0;
        return;
      }
      this.marker = this.#nextMarker();
    }
  }

  #nextMarker(): number {
    const bytes = this.#bytes;
    while (this.position < bytes.length)
      if (bytes[this.position++] === 0xff && this.#isMarker()) return this.marker;
    throw new EndOfBytes();
  }

  /** The next symbol; 0 for a code that the table does not have, as libjpeg has it. */
  symbol({ lookup, largest, offset, symbols }: HuffmanTable): number {
    if (this.#count < 17) this.#fill();
    const found = lookup[
      (this.#bits >>> (this.#count - lookBits)) & ((1 << lookBits) - 1)
    ] as number;
    if (found !== 0) {
      this.#count -= found >> 8;
      return found & 255;
    }
    for (let length = lookBits + 1; length <= 16; length++) {
      const code = (this.#bits >>> (this.#count - length)) & ((1 << length) - 1);
      if (code > (largest[length] as number)) continue;
      this.#count -= length;
      return symbols[(code + (offset[length] as number)) & 255] as number;
    }
    this.#count -= 17;
    return 0;
  }

  /** An unsigned number of 1 to 16 bits. */
  take(length: number): number {
    if (this.#count < length) this.#fill();
    this.#count -= length;
    return (this.#bits >>> this.#count) & ((1 << length) - 1);
  }

  /** A signed number of 1 to 16 bits; the smaller half of the codes is negative (T.81, F.2.2.1). */
  takeSigned(length: number): number {
    const value = this.take(length);
    return value < 1 << (length - 1) ? value - (1 << length) + 1 : value;
  }

  /** To 25 bits at least. @throws EndOfBytes */
  #fill(): void {
    const bytes = this.#bytes;
    while (this.#count <= 24) {
      let byte = 0;
      if (this.marker !== 0) this.#padding += 8;
      else {
        if (this.position >= bytes.length) throw new EndOfBytes();
        byte = bytes[this.position++] as number;
        if (byte === 0xff && this.#isMarker()) {
          byte = 0;
          this.#padding += 8;
        }
      }
      this.#bits = (this.#bits << 8) | byte;
      this.#count += 8;
    }
  }

  /** Behind 0xFF: a stuffed zero, or a marker, perhaps behind more 0xFF. */
  #isMarker(): boolean {
    let code: number | undefined;
    do code = this.#bytes[this.position++];
    while (code === 0xff);
    if (code === undefined) throw new EndOfBytes();
    this.marker = code;
    return code !== 0;
  }
}
