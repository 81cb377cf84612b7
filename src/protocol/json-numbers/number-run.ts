/**
 * Numbers with commas between them, as fast as it goes: the digits behind the point four at a time. What is
 * not of the common form (exponents, words, many digits) is left to `NumberReader`, one at a time.
 */

import type { NumberChunk } from './number-chunk.ts';
import { isNumberEnd, NumberReader } from './number-reader.ts';
import { exactPowers } from './powers-of-ten.ts';

/** A double that was rounded three times is off by less than this, relatively. */
const below = 1 - 2 ** -49;
const above = 1 + 2 ** -49;

export class RunReader {
  /** Where it is: in front of the next number, or behind the last when `afterValue`. */
  at = 0;
  afterValue = false;
  private readonly body: Buffer;
  private readonly view: DataView;
  private readonly single: NumberReader;
  private readonly asFloats: boolean;

  /** `asFloats`: the doubles may be off a little, as long as they round to the right FP32. */
  constructor(body: Buffer, asFloats: boolean) {
    this.body = body;
    this.view = new DataView(body.buffer, body.byteOffset, body.byteLength);
    this.single = new NumberReader(body);
    this.asFloats = asFloats;
  }

  /**
   * Adds numbers to the chunk while one comma and at most one space stand between them, the chunk has room
   * and `stop` is not reached. Throws JSON_INVALID for what is no number.
   */
  read(chunk: NumberChunk, stop: number): void {
    const { body, view, asFloats } = this;
    const { values, places } = chunk;
    const lastWord = body.length - 4;
    let { at } = this;
    let { count } = chunk;
    for (;;) {
      const start = at;
      let sign = body[at] as number;
      const isNegative = sign === 0x2d;
      if (isNegative) sign = body[++at] as number;
      const first = at;
      let digits = 0;
      let mantissa = 0;
      while (sign >= 0x30 && sign <= 0x39) {
        mantissa = mantissa * 10 + (sign - 0x30);
        sign = body[++at] as number;
      }
      digits = at - first;
      let common = digits === 1 || (digits > 1 && digits < 16 && body[first] !== 0x30);
      let value = mantissa;
      if (sign === 0x2e && common) {
        const point = at;
        at += 1;
        while (at <= lastWord) {
          const word = view.getInt32(at, true);
          if (
            (word & 0xf0f0f0f0) !== 0x30303030 ||
            ((word + 0x06060606) & 0xf0f0f0f0) !== 0x30303030
          )
            break;
          const pairs = Math.imul(word & 0x0f0f0f0f, 2561) >>> 8;
          mantissa = mantissa * 10_000 + (Math.imul(pairs & 0x00ff00ff, 6_553_601) >>> 16);
          at += 4;
        }
        sign = body[at] as number;
        while (sign >= 0x30 && sign <= 0x39) {
          mantissa = mantissa * 10 + (sign - 0x30);
          sign = body[++at] as number;
        }
        const decimals = at - point - 1;
        digits += decimals;
        chunk.notDigits = true;
        common = decimals > 0 && decimals <= 22;
        value = mantissa / (exactPowers[decimals] as number);
        // Beyond 15 digits the mantissa is rounded too.
        if (digits > 15 && mantissa > 999_999_999_999_999)
          common &&= asFloats && Math.fround(value * below) === Math.fround(value * above);
      }
      if (common && isNumberEnd(sign)) values[count] = isNegative ? -value : value;
      else {
        this.single.at = start;
        values[count] = this.single.read();
        chunk.notDigits ||= this.single.notDigits;
        at = this.single.at;
        sign = body[at] as number;
      }
      places[count] = start;
      count += 1;
      this.afterValue = true;
      if (sign !== 0x2c || at >= stop) break;
      at += 1;
      if (body[at] === 0x20) at += 1;
      this.afterValue = false;
      sign = body[at] as number;
      if (count === values.length || !((sign >= 0x30 && sign <= 0x39) || sign === 0x2d)) break;
    }
    this.at = at;
    chunk.count = count;
  }
}
