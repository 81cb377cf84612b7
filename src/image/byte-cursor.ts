/** Reads of fixed-width numbers from untrusted bytes: a read past the end throws, never gives undefined. */

/** The bytes end before the header does; `sniffPicture` turns it into PICTURE_TRUNCATED. */
export class EndOfBytes extends Error {}

/**
 * Headers are read on the server's thread: a file made of millions of tiny segments must not hold it.
 * Real pictures have a few hundred.
 */
export const maxSegments = 10_000;

export class Bytes {
  readonly length: number;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.length = bytes.length;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  u8(at: number): number {
    this.#check(at, 1);
    return this.#view.getUint8(at);
  }

  u16(at: number, little = false): number {
    this.#check(at, 2);
    return this.#view.getUint16(at, little);
  }

  u24(at: number): number {
    return this.u16(at, true) | (this.u8(at + 2) << 16);
  }

  u32(at: number, little = false): number {
    this.#check(at, 4);
    return this.#view.getUint32(at, little);
  }

  i32(at: number, little = false): number {
    this.#check(at, 4);
    return this.#view.getInt32(at, little);
  }

  /** Whether these four ASCII characters stand there; false past the end. */
  hasTag(at: number, tag: string): boolean {
    if (at + 4 > this.length) return false;
    for (let i = 0; i < 4; i++) if (this.#view.getUint8(at + i) !== tag.charCodeAt(i)) return false;
    return true;
  }

  /** Latin-1 text; shorter where the bytes end. */
  text(at: number, length: number): string {
    const end = Math.min(at + length, this.length);
    let text = '';
    for (let i = at; i < end; i++) text += String.fromCharCode(this.#view.getUint8(i));
    return text;
  }

  #check(at: number, count: number): void {
    if (at < 0 || at + count > this.length) throw new EndOfBytes();
  }
}
