/**
 * Decimal text to the nearest double (ties to even), from bytes and without a string.
 *
 * Up to 15 digits and powers up to 10^22 one division or multiplication of exact doubles rounds rightly
 * (Clinger 1990). Otherwise 18 digits are taken as hi + lo and multiplied with the power of ten in twice the
 * precision; when both ends of what the true value can be round to the same double, that is the one (Ziv
 * 1991). The others, one in some million millions of 17 digits, and the ends of the range are left to
 * `Number`.
 */

import { placeOf, refuse, refuseAt } from './json-fault.ts';
import {
  exactPowers,
  powerHigh,
  powerIndex,
  powerLimit,
  powerLow,
  powerLower,
  powerUpper,
} from './powers-of-ten.ts';

/** No double needs more digits than this to be told from the next (767), when what follows is not all zeros. */
const neededDigits = 800;
/**
 * The most digits of a number's whole part, of its fraction, of the zeros before it and of its exponent.
 * Longer ones would hold up everybody; nobody's numbers have so many.
 */
export const longestNumber = 65_536;
const splitter = 134_217_729;

export class NumberReader {
  /** Where the next number begins; behind it when it was read. */
  at = 0;
  private readonly body: Buffer;

  constructor(body: Buffer) {
    this.body = body;
  }

  /** The number that begins here. Throws JSON_INVALID. */
  read(): number {
    const { body } = this;
    const start = this.at;
    let at = start;
    let sign = body[at] as number;
    const isNegative = sign === 0x2d;
    if (isNegative) sign = body[++at] as number;
    if (!(sign >= 0x30 && sign <= 0x39)) return this.readWord(start, at, isNegative);
    let head = 0;
    let tail = 0;
    let digits = 0;
    let exponent = 0;
    // A leading zero stands alone.
    if (sign === 0x30) sign = body[++at] as number;
    else {
      while (sign >= 0x30 && sign <= 0x39 && digits < 9) {
        head = head * 10 + sign - 0x30;
        digits += 1;
        sign = body[++at] as number;
      }
      while (sign >= 0x30 && sign <= 0x39) {
        if (digits < 18) tail = tail * 10 + sign - 0x30;
        else {
          exponent += 1;
          if (digits > longestNumber) this.refuseLong(start);
        }
        digits += 1;
        sign = body[++at] as number;
      }
    }
    if (sign === 0x2e) {
      const point = at;
      sign = body[++at] as number;
      if (digits === 0)
        while (sign === 0x30) {
          exponent -= 1;
          if (exponent < -longestNumber) this.refuseLong(start);
          sign = body[++at] as number;
        }
      while (sign >= 0x30 && sign <= 0x39 && digits < 9) {
        head = head * 10 + sign - 0x30;
        digits += 1;
        exponent -= 1;
        sign = body[++at] as number;
      }
      while (sign >= 0x30 && sign <= 0x39) {
        if (digits < 18) {
          tail = tail * 10 + sign - 0x30;
          exponent -= 1;
        } else if (digits > 2 * longestNumber) this.refuseLong(start);
        digits += 1;
        sign = body[++at] as number;
      }
      if (at === point + 1) refuseAt(body, at, 'a digit after the point');
    }
    if (sign === 0x65 || sign === 0x45) {
      exponent += this.readExponent(at, start);
      at = this.at;
      sign = body[at] as number;
    }
    this.at = at;
    if (!isNumberEnd(sign)) refuseAt(body, at, 'the end of a number');
    const value = nearestTo(head, tail, digits, exponent);
    if (value < 0) return this.readSlowly(start, at);
    return isNegative ? -value : value;
  }

  private readExponent(from: number, start: number): number {
    const { body } = this;
    let at = from + 1;
    let sign = body[at] as number;
    const isNegative = sign === 0x2d;
    if (isNegative || sign === 0x2b) sign = body[++at] as number;
    if (!(sign >= 0x30 && sign <= 0x39)) refuseAt(body, at, 'a digit of an exponent');
    let exponent = 0;
    while (sign >= 0x30 && sign <= 0x39) {
      // Beyond this nothing but 0 and infinity is left, however many digits a number may have.
      if (exponent < 1_000_000) exponent = exponent * 10 + sign - 0x30;
      if (at - from > longestNumber) this.refuseLong(start);
      sign = body[++at] as number;
    }
    this.at = at;
    return isNegative ? -exponent : exponent;
  }

  private refuseLong(start: number): never {
    refuse(`the number at ${placeOf(this.body, start)} has more than ${longestNumber} digits`);
  }

  private readWord(start: number, at: number, isNegative: boolean): number {
    const { body } = this;
    const sign = body[at];
    const word = sign === 0x49 ? 'Infinity' : sign === 0x4e && !isNegative ? 'NaN' : undefined;
    this.at = at + (word?.length ?? 0);
    if (!word || body.toString('latin1', at, this.at) !== word || !isNumberEnd(body[this.at]))
      refuseAt(body, start, 'a value');
    if (word === 'NaN') return Number.NaN;
    return isNegative ? -Infinity : Infinity;
  }

  /** By the engine. */
  private readSlowly(start: number, end: number): number {
    const text = this.body.toString('latin1', start, end);
    return Number(text.length <= neededDigits ? text : shorten(text));
  }
}

/** True for what may stand behind a number; undefined is the end of the text. */
export function isNumberEnd(sign: number | undefined): boolean {
  return sign === 0x2c || sign === 0x5d || sign === 0x7d || sign === undefined || sign <= 0x20;
}

/** The double nearest to the digits head·tail times a power of ten; -1 when it cannot tell. */
function nearestTo(head: number, tail: number, digits: number, exponent: number): number {
  if (digits <= 9) {
    if (exponent === 0 || head === 0) return head;
    if (exponent < 0 && exponent >= -22) return head / (exactPowers[0 - exponent] as number);
    if (exponent > 0 && exponent <= 22) return head * (exactPowers[exponent] as number);
    return scale(head, 0, exponent, 0);
  }
  // head < 10^9 times 5^9 has less than 53 bits, so the product is exact.
  const high = head * (exactPowers[digits < 18 ? digits - 9 : 9] as number);
  const sum = high + tail;
  const rest = tail - (sum - high);
  if (rest === 0 && sum <= 9_007_199_254_740_992 && digits <= 18) {
    if (exponent === 0) return sum;
    if (exponent < 0 && exponent >= -22) return sum / (exactPowers[0 - exponent] as number);
    if (exponent > 0 && exponent <= 22) return sum * (exactPowers[exponent] as number);
  }
  return scale(sum, rest, exponent, digits > 18 ? 1.1e-17 : 0);
}

/** The double nearest to (high · 10^digits + low) · 10^exponent, high below 10^15 and low below 10^8; -1 when it cannot tell. */
export function nearestToSum(high: number, digits: number, low: number, exponent: number): number {
  if (high === 0) return low === 0 ? 0 : scale(low, 0, exponent, 0);
  const index = powerIndex(digits);
  const product = high * (powerHigh[index] as number);
  const rest = low + productError(high, index, product);
  const sum = product + rest;
  return scale(sum, rest - (sum - product), exponent, 0);
}

/** high · 10^k - product exactly, where product is that rounded. */
function productError(high: number, index: number, product: number): number {
  const upper = powerUpper[index] as number;
  const lower = powerLower[index] as number;
  const spread = high * splitter;
  const left = spread - (spread - high);
  const right = high - left;
  return left * upper - product + left * lower + right * upper + right * lower;
}

/** (high + low) · 10^exponent, with what the digits that were left out may add; -1 when it cannot tell. */
function scale(high: number, low: number, exponent: number, leftOut: number): number {
  if (exponent > powerLimit || exponent < -powerLimit) return -1;
  const index = powerIndex(exponent);
  const power = powerHigh[index] as number;
  const product = high * power;
  if (!(product > 1e-260 && product < 1e300)) return -1;
  const error = productError(high, index, product);
  const rest = error + (high * (powerLow[index] as number) + low * power);
  const slack = product * (7.9e-31 + leftOut);
  const least = product + (rest - slack);
  return least === product + (rest + slack) ? least : -1;
}

/** The same number in fewer digits: those that are left out only say that there is something more. */
function shorten(text: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE](.*))?$/.exec(text) ?? [];
  const digits = (whole + fraction).replace(/^0+/, '');
  const kept = digits.slice(0, neededDigits);
  const rest = digits.slice(neededDigits);
  const more = /[1-9]/.test(rest) ? '1' : '0';
  const given = Math.max(-1e6, Math.min(1e6, Number(exponent)));
  const power = given - fraction.length + rest.length - 1;
  return `${sign}${kept || '0'}${rest ? more : '0'}e${power}`;
}
