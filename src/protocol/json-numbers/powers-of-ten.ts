/**
 * Powers of ten as sums of two doubles, hi + lo, good to about 2^-105 of their value; with hi cut into two
 * halves of 26 bits, whose products are exact (Dekker 1971).
 */

export const exactPowers = Float64Array.from({ length: 23 }, (_, k) => Number(`1e${k}`));

/** Powers in the table: |k| up to this, so that no product of a mantissa and its pieces overflows. */
export const powerLimit = 270;

const size = 2 * powerLimit + 1;
export const powerHigh = new Float64Array(size);
export const powerLow = new Float64Array(size);
export const powerUpper = new Float64Array(size);
export const powerLower = new Float64Array(size);

/** The index of 10^k in the table, which is filled as it is used. */
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
