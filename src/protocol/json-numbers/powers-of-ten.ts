/**
 * Powers of ten as sums of two doubles, hi + lo, good to about 2^-105 of their value; with hi cut into two
 * halves of 26 bits, whose products are exact (Dekker 1971). They lie where the kernel finds them.
 */

import { kernelPowers, powerLimit } from './number-kernel.ts';

/** |k| up to this, so that no product of a mantissa and a power's pieces overflows. */
export { powerLimit };
export const {
  exact: exactPowers,
  high: powerHigh,
  low: powerLow,
  upper: powerUpper,
  lower: powerLower,
} = kernelPowers;

for (let k = 0; k < exactPowers.length; k += 1) exactPowers[k] = Number(`1e${k}`);

/** The index of 10^k in the tables, which are filled as they are used. */
export function powerIndex(k: number): number {
  const index = k + powerLimit;
  if (powerHigh[index] === 0) fill(index, k);
  return index;
}

function fill(index: number, k: number): void {
  const high = Number(`1e${k}`);
  const spread = high * 134_217_729;
  const upper = spread - (spread - high);
  powerUpper[index] = upper;
  powerLower[index] = high - upper;
  powerLow[index] = k >= 0 ? Number(10n ** BigInt(k) - BigInt(high)) : lowOfFraction(high, k);
  powerHigh[index] = high;
}

/** 10^k - high for a negative k. With high = m / 2^q it is (2^q - m 10^-k) / (2^q 10^-k). */
function lowOfFraction(high: number, k: number): number {
  let mantissa = high;
  let scale = 0;
  while (!Number.isInteger(mantissa)) {
    mantissa *= 2;
    scale += 1;
  }
  const rest = (1n << BigInt(scale)) - BigInt(mantissa) * 10n ** BigInt(-k);
  // Some 2^-53 of 2^scale is left, so the number is in range.
  return (Number(rest) / 2 ** scale) * high;
}
