/**
 * The inverse DCT that libjpeg calls accurate: Loeffler, Ligtenberg and Moschytz's, with 13 bits behind the point.
 *
 * As libjpeg-turbo's vector code has it: what is multiplied has 16 bits (sums that do not fit wrap), and what a
 * pass gives is saturated to 16 bits.
 */

import { fillSamples, type Transform } from './transform.ts';

const fixed = (factor: number): number => Math.round(factor * 8192);

const k0298 = fixed(0.298631336);
const k0390 = fixed(0.390180644);
const k0541 = fixed(0.5411961);
const k0765 = fixed(0.765366865);
const k0899 = fixed(0.899976223);
const k1175 = fixed(1.175875602);
const k1501 = fixed(1.50132111);
const k1847 = fixed(1.847759065);
const k1961 = fixed(1.96157056);
const k2053 = fixed(2.053119869);
const k2562 = fixed(2.562915447);
const k3072 = fixed(3.072711026);

export const accurateTransform: Transform = {
  multipliers: (quantisation) => Int16Array.from(quantisation),
  block(coefficients, from, multipliers, plane, to, stride) {
    let below = 0;
    for (let i = 0; i < 64; i++) {
      const coefficient = coefficients[from + i] as number;
      block[i] = Math.imul(coefficient, multipliers[i] as number);
      if (i >= 8) below |= coefficient;
    }
    // Columns that have nothing but their first row wrap where others saturate.
    if (below === 0) for (let i = 63; i >= 0; i--) block[i] = (block[i & 7] as number) << 2;
    else for (let x = 0; x < 8; x++) doColumn(x);
    for (let y = 0; y < 8; y++) doRow(8 * y, plane, to + y * stride);
  },
  mean(mean, multipliers, plane, to, stride) {
    const value = wrap(Math.imul(mean, multipliers[0] as number) << 2);
    fillSamples(128 + ((value + 16) >> 5), plane, to, stride);
  },
};

const wrap = (sum: number): number => (sum << 16) >> 16;
const saturate = (value: number): number => Math.max(-32768, Math.min(32767, value));

const block = new Int16Array(64);
const sums = new Int32Array(8);

function doColumn(x: number): void {
  transformLine(x, 8);
  for (let y = 0; y < 8; y++) block[8 * y + x] = saturate(((sums[y] as number) + 1024) >> 11);
}

function doRow(at: number, plane: Uint8ClampedArray, to: number): void {
  transformLine(at, 1);
  for (let x = 0; x < 8; x++) plane[to + x] = 128 + (((sums[x] as number) + 131072) >> 18);
}

/** Eight numbers of the block to eight sums, of 32 bits that may wrap. */
function transformLine(at: number, step: number): void {
  const i0 = block[at] as number;
  const i1 = block[at + step] as number;
  const i2 = block[at + 2 * step] as number;
  const i3 = block[at + 3 * step] as number;
  const i4 = block[at + 4 * step] as number;
  const i5 = block[at + 5 * step] as number;
  const i6 = block[at + 6 * step] as number;
  const i7 = block[at + 7 * step] as number;

  const even = wrap(i0 + i4) << 13;
  const odd = wrap(i0 - i4) << 13;
  const turned = i2 * (k0541 + k0765) + i6 * k0541;
  const other = i2 * k0541 + i6 * (k0541 - k1847);
  const e0 = even + turned;
  const e3 = even - turned;
  const e1 = odd + other;
  const e2 = odd - other;

  const z3 = wrap(i7 + i3);
  const z4 = wrap(i5 + i1);
  const p3 = z3 * (k1175 - k1961) + z4 * k1175;
  const p4 = z3 * k1175 + z4 * (k1175 - k0390);
  const o0 = i7 * (k0298 - k0899) - i1 * k0899 + p3;
  const o1 = i5 * (k2053 - k2562) - i3 * k2562 + p4;
  const o2 = i3 * (k3072 - k2562) - i5 * k2562 + p3;
  const o3 = i1 * (k1501 - k0899) - i7 * k0899 + p4;

  sums[0] = e0 + o3;
  sums[7] = e0 - o3;
  sums[1] = e1 + o2;
  sums[6] = e1 - o2;
  sums[2] = e2 + o1;
  sums[5] = e2 - o1;
  sums[3] = e3 + o0;
  sums[4] = e3 - o0;
}
