/** A text that grows as bytes, in pieces of which none is copied until all are joined. */

import type { Steps } from '../steps.ts';

const firstPiece = 4096;
const longestPiece = 1 << 19;

export class TextSink {
  /** What is being written, and where the next byte goes. */
  bytes = Buffer.allocUnsafe(firstPiece);
  at = 0;
  private readonly pieces: Buffer[] = [];
  private length = 0;

  /** Bytes written so far. */
  get written(): number {
    return this.length + this.at;
  }

  /** Makes room for so many bytes at `at`; at most 4096. */
  reserve(count: number): void {
    if (this.at + count > this.bytes.length) this.nextPiece();
  }

  /** Adds ASCII text. */
  ascii(text: string): void {
    if (text.length > firstPiece) {
      this.text(text);
      return;
    }
    this.reserve(text.length);
    const { bytes } = this;
    let { at } = this;
    for (let i = 0; i < text.length; i += 1) bytes[at++] = text.charCodeAt(i);
    this.at = at;
  }

  /** Adds any text. */
  text(text: string): void {
    const piece = Buffer.from(text);
    if (piece.length <= firstPiece) {
      this.reserve(piece.length);
      this.at += piece.copy(this.bytes, this.at);
      return;
    }
    this.nextPiece();
    this.pieces.push(piece);
    this.length += piece.length;
  }

  /** All of it in order; nothing is to be written afterwards. */
  get parts(): readonly Buffer[] {
    return [...this.pieces, this.bytes.subarray(0, this.at)];
  }

  /** All of it, and `more` behind it, in one buffer. */
  *join(more: readonly Uint8Array[] = []): Steps<Buffer> {
    const pieces = [...this.parts, ...more];
    const [only] = pieces;
    if (only && pieces.length === 1) return only as Buffer;
    let length = 0;
    for (const piece of pieces) length += piece.length;
    const whole = Buffer.allocUnsafeSlow(length);
    let at = 0;
    for (const piece of pieces) {
      for (let from = 0; from < piece.length; from += longestPiece) {
        if (at > 0 && from > 0) yield;
        const part = piece.subarray(from, from + longestPiece);
        whole.set(part, at);
        at += part.length;
      }
    }
    return whole;
  }

  private nextPiece(): void {
    this.pieces.push(this.bytes.subarray(0, this.at));
    this.length += this.at;
    this.bytes = Buffer.allocUnsafeSlow(Math.min(longestPiece, 4 * this.bytes.length));
    this.at = 0;
  }
}
