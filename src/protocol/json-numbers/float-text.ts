/**
 * The shortest decimal that rounds to a given FP32, and of several the nearest, written as JavaScript writes
 * numbers (0.1, 1e-7, 3.4028235e+38).
 *
 * The decimals that round to it lie between the middles to its neighbours, which a double holds exactly.
 * Scaled to nine or ten digits they are known to less than `doubt`, so comparing tells all but a few, which
 * are looked for by trying.
 */

import type { TextSink } from './text-sink.ts';

const doubt = 1e-5;
const smallest = 2 ** -149;
const smallestNormal = 2 ** -126;

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);
/** 10^k for k of -30 to 54. */
const powers = Float64Array.from({ length: 85 }, (_, i) => Number(`1e${i - 30}`));
const tens = Int32Array.from({ length: 10 }, (_, i) => 10 ** i);

/** Writes a finite FP32 that is not 0. `point`: whole numbers get ".0". */
export function writeFloat(sink: TextSink, value: number, point: boolean): void {
  sink.reserve(32);
  let positive = value;
  if (value < 0) {
    sink.bytes[sink.at++] = 0x2d;
    positive = -value;
  }
  float[0] = positive;
  const field = (bits[0] as number) >>> 23;
  const isLowest = ((bits[0] as number) & 0x7f_ffff) === 0;
  const gap = field <= 1 ? smallest : smallestNormal * 2 ** (field - 24);
  // Below a power of two the floats lie twice as close.
  const low = positive - (isLowest && field > 1 ? gap / 4 : gap / 2);
  const high = positive + gap / 2;
  const exponent = Math.floor((field === 0 ? Math.log2(positive) : field - 127) * 0.301_029_995_66);
  // Exact powers multiply or divide, so that large numbers are as well known as small ones.
  const shift = 8 - exponent;
  const found =
    shift >= 0
      ? shortestTimes(low, positive, high, powers[shift + 30] as number)
      : shortestTimes(low, positive, high, 1 / (powers[30 - shift] as number));
  if (found < 0) sink.ascii(withPoint(shortestByTrying(positive), point));
  else writeDigits(sink, found, dropped - shift, point);
}

/** Powers of ten that `shortestTimes` took off. */
let dropped = 0;

/** The multiple of the highest power of ten between two numbers, all times `by`, over that power; -1 when in doubt. */
function shortestTimes(lowest: number, value: number, highest: number, by: number): number {
  const low = lowest * by;
  const middle = value * by;
  const high = highest * by;
  let best = -1;
  for (let count = 0; count < 10; count += 1) {
    const ten = tens[count] as number;
    const under = Math.floor(middle / ten);
    const a = under * ten;
    const b = a + ten;
    if (isClose(a, low) || isClose(b, high) || isClose(a + b, 2 * middle)) return -1;
    const aFits = a > low && under > 0;
    const bFits = b < high;
    if (!aFits && !bFits) break;
    best = aFits && (!bFits || middle - a < b - middle) ? under : under + 1;
    dropped = count;
  }
  return best;
}

const isClose = (a: number, b: number): boolean => Math.abs(a - b) < doubt;

/** A finite FP32 above 0. */
function shortestByTrying(value: number): string {
  for (let digits = 1; digits < 9; digits += 1) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === value) return String(Number(text));
  }
  return String(Number(value.toPrecision(9)));
}

/** "3" as "3.0" when a point is asked for. */
export function withPoint(text: string, point: boolean): string {
  return point && /^-?\d+$/.test(text) ? `${text}.0` : text;
}

function putDigits(bytes: Buffer, at: number, digits: number, length: number): void {
  let rest = digits;
  for (let i = at + length - 1; i >= at; i -= 1) {
    const next = Math.floor(rest / 10);
    bytes[i] = 0x30 + rest - 10 * next;
    rest = next;
  }
}

/** digits · 10^exponent in JavaScript's form. Room for it is reserved. */
function writeDigits(sink: TextSink, digits: number, exponent: number, point: boolean): void {
  const { bytes } = sink;
  let { at } = sink;
  let length = 1;
  while (length < 10 && digits >= (tens[length] as number)) length += 1;
  /** How many digits stand before the point. */
  const whole = length + exponent;
  if (whole > 21 || whole <= -6) {
    // The first digit stands before the point, so all are put one place later and it is moved.
    putDigits(bytes, at + 1, digits, length);
    bytes[at] = bytes[at + 1] as number;
    if (length > 1) bytes[at + 1] = 0x2e;
    at += length > 1 ? length + 1 : 1;
    sink.at = at;
    sink.ascii(`e${whole > 0 ? '+' : '-'}${Math.abs(whole - 1)}`);
    return;
  }
  if (whole <= 0) {
    bytes[at++] = 0x30;
    bytes[at++] = 0x2e;
    for (let i = whole; i < 0; i += 1) bytes[at++] = 0x30;
    putDigits(bytes, at, digits, length);
    at += length;
  } else if (exponent >= 0) {
    putDigits(bytes, at, digits, length);
    at += length;
    for (let i = 0; i < exponent; i += 1) bytes[at++] = 0x30;
    if (point) {
      bytes[at++] = 0x2e;
      bytes[at++] = 0x30;
    }
  } else {
    putDigits(bytes, at + 1, digits, length);
    for (let i = at; i < at + whole; i += 1) bytes[i] = bytes[i + 1] as number;
    bytes[at + whole] = 0x2e;
    at += length + 1;
  }
  sink.at = at;
}
