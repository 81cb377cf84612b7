/** The text of a JSON string, whose escapes were checked, as UTF-8. */

const simple: Readonly<Record<number, number>> = {
  98: 0x08,
  102: 0x0c,
  110: 0x0a,
  114: 0x0d,
  116: 0x09,
};

/** Copies texts without their escapes, a piece at a time. */
export class Unescaper {
  /** Behind what is written. */
  written = 0;
  /** Behind what is read. */
  read = 0;
  private readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /**
   * Copies what stands from `read` to `to`, or one escape more when a surrogate pair lies across. Half of a
   * pair becomes U+FFFD, as TextEncoder has it.
   */
  copy(body: Buffer, to: number): void {
    const { bytes } = this;
    while (this.read < to) {
      const sign = body[this.read] as number;
      if (sign === 0x5c) this.copyEscape(body);
      else {
        bytes[this.written] = sign;
        this.written += 1;
        this.read += 1;
      }
    }
  }

  private copyEscape(body: Buffer): void {
    const sign = body[this.read + 1] as number;
    if (sign !== 0x75) {
      this.bytes[this.written] = simple[sign] ?? sign;
      this.written += 1;
      this.read += 2;
      return;
    }
    let code = hexAt(body, this.read + 2);
    this.read += 6;
    if (isHigh(code) && body[this.read] === 0x5c && body[this.read + 1] === 0x75) {
      const low = hexAt(body, this.read + 2);
      if (isLow(low)) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        this.read += 6;
      }
    }
    this.written = putUtf8(this.bytes, this.written, isHigh(code) || isLow(code) ? 0xfffd : code);
  }
}

const isHigh = (code: number): boolean => code >= 0xd800 && code < 0xdc00;
const isLow = (code: number): boolean => code >= 0xdc00 && code < 0xe000;

const hexAt = (body: Buffer, at: number): number =>
  Number.parseInt(body.toString('latin1', at, at + 4), 16);

function putUtf8(bytes: Uint8Array, at: number, code: number): number {
  if (code < 0x80) {
    bytes[at] = code;
    return at + 1;
  }
  if (code < 0x800) {
    bytes[at] = 0xc0 | (code >> 6);
    bytes[at + 1] = 0x80 | (code & 0x3f);
    return at + 2;
  }
  if (code < 0x10000) {
    bytes[at] = 0xe0 | (code >> 12);
    bytes[at + 1] = 0x80 | ((code >> 6) & 0x3f);
    bytes[at + 2] = 0x80 | (code & 0x3f);
    return at + 3;
  }
  bytes[at] = 0xf0 | (code >> 18);
  bytes[at + 1] = 0x80 | ((code >> 12) & 0x3f);
  bytes[at + 2] = 0x80 | ((code >> 6) & 0x3f);
  bytes[at + 3] = 0x80 | (code & 0x3f);
  return at + 4;
}
