/**
 * Numbers with commas between them, as fast as it goes: digits are read four at a time, as the bytes of one
 * 32-bit word. What is not of the common form (words, many digits) is left to `NumberReader`, one at a time.
 */

import type { NumberChunk } from './number-chunk.ts';
import { isNumberEnd, NumberReader, nearestToSum } from './number-reader.ts';
import { exactPowers, powerHigh, powerIndex, powerLimit } from './powers-of-ten.ts';

/** A double that was rounded four times is off by less than this, relatively. */
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
    const room = values.length;
    const lastWord = body.length - 4;
    let { at } = this;
    let { count, notDigits } = chunk;
    let afterValue = true;
    for (;;) {
      const start = at;
      let sign = body[at] as number;
      const isNegative = sign === 0x2d;
      if (isNegative) sign = body[++at] as number;
      const first = at;
      let whole = 0;
      while (sign >= 0x30 && sign <= 0x39) {
        whole = (Math.imul(whole, 10) + sign - 0x30) | 0;
        sign = body[++at] as number;
      }
      let digits = at - first;
      let value = -1;
      // A leading zero stands alone; more digits do not fit into 32 bits.
      let common = digits === 1 || (digits > 1 && digits < 10 && body[first] !== 0x30);
      if (common) {
        // The first 15 digits, which a double holds exactly, and up to 8 more.
        let high = whole;
        let low = 0;
        let lowDigits = 0;
        let exponent = 0;
        if (sign === 0x2e) {
          notDigits = true;
          at += 1;
          const point = at;
          while (at <= lastWord) {
            const word = view.getInt32(at, true);
            if (
              (word & 0xf0f0_f0f0) !== 0x3030_3030 ||
              ((word + 0x0606_0606) & 0xf0f0_f0f0) !== 0x3030_3030
            )
              break;
            const pairs = Math.imul(word & 0x0f0f_0f0f, 2561) >>> 8;
            const four = Math.imul(pairs & 0x00ff_00ff, 6_553_601) >>> 16;
            if (digits < 12) high = high * 10_000 + four;
            else {
              low = (Math.imul(low, 10_000) + four) | 0;
              lowDigits += 4;
            }
            digits += 4;
            at += 4;
          }
          sign = body[at] as number;
          while (sign >= 0x30 && sign <= 0x39) {
            if (digits < 15) high = high * 10 + (sign - 0x30);
            else {
              low = (Math.imul(low, 10) + sign - 0x30) | 0;
              lowDigits += 1;
            }
            digits += 1;
            sign = body[++at] as number;
          }
          exponent = point - at;
          if (exponent === 0 || lowDigits > 8) common = false;
        }
        if ((sign | 0x20) === 0x65 && common) {
          notDigits = true;
          sign = body[++at] as number;
          const isSmall = sign === 0x2d;
          if (isSmall || sign === 0x2b) sign = body[++at] as number;
          let power = 0;
          const from = at;
          while (sign >= 0x30 && sign <= 0x39 && at < from + 3) {
            power = power * 10 + (sign - 0x30);
            sign = body[++at] as number;
          }
          if (at === from) common = false;
          exponent += isSmall ? 0 - power : power;
        }
        if (common && (sign === 0x2c || isNumberEnd(sign))) {
          if (lowDigits === 0 && exponent <= 0 && exponent >= -22)
            value = high / (exactPowers[0 - exponent] as number);
          else if (asFloats && exponent <= powerLimit && exponent >= -powerLimit) {
            const sum = high * (exactPowers[lowDigits] as number) + low;
            value = sum * (powerHigh[powerIndex(exponent)] as number);
            if (Math.fround(value * below) !== Math.fround(value * above)) value = -1;
          } else value = nearestToSum(high, lowDigits, low, exponent);
        }
      }
      if (value < 0) {
        this.single.at = start;
        values[count] = this.single.read();
        notDigits ||= this.single.notDigits;
        at = this.single.at;
        sign = body[at] as number;
      } else values[count] = isNegative ? -value : value;
      places[count] = start;
      count += 1;
      if (sign !== 0x2c || at >= stop) break;
      at += 1;
      if (body[at] === 0x20) at += 1;
      sign = body[at] as number;
      if (count === room || !((sign >= 0x30 && sign <= 0x39) || sign === 0x2d)) {
        afterValue = false;
        break;
      }
    }
    this.at = at;
    this.afterValue = afterValue;
    chunk.count = count;
    chunk.notDigits = notDigits;
  }
}
