/**
 * The inverse DCT that libjpeg calls fast: Arai, Agui and Nakajima's, with 8 bits behind the point.
 *
 * TensorFlow runs libjpeg-turbo's vector code, which counts modulo 2^16 and saturates at the end, so this
 * does too. Sums stay congruent without care; only what is shifted right must be brought to 16 bits first.
 */

import { fillSamples, type Transform } from './transform.ts';

export const fastTransform: Transform = {
  multipliers: fastMultipliers,
  block: fastIdct,
  mean: fillBlock,
};

const scale = (k: number): number => (k === 0 ? 1 : Math.SQRT2 * Math.cos((k * Math.PI) / 16));

/** Dequantisation and the scaling that the transform leaves out, with 2 bits behind the point. */
function fastMultipliers(quantisation: Uint16Array): Int16Array {
  return Int16Array.from(quantisation, (step, i) => {
    const factor = Math.round(16384 * scale(i >> 3) * scale(i & 7));
    return (step * factor + 2048) >> 12;
  });
}

/** 1.414213562, 1.847759065, 1.082392200 and 1 - 2.613125930, with 14 bits of which 8 are used. */
const root2 = 362 << 6;
const c1847 = 473 << 6;
const c1082 = 277 << 6;
const c1613 = -(669 - 256) << 6;

const columns = new Int16Array(64);

function fastIdct(
  coefficients: Int16Array,
  from: number,
  multipliers: Int16Array,
  plane: Uint8ClampedArray,
  to: number,
  stride: number,
): void {
  for (let x = 0; x < 8; x++) doColumn(coefficients, from + x, multipliers, x);
  for (let y = 0; y < 8; y++) doRow(y * 8, plane, to + y * stride);
}

function fillBlock(
  mean: number,
  multipliers: Int16Array,
  plane: Uint8ClampedArray,
  to: number,
  stride: number,
): void {
  const value = 128 + ((Math.imul(mean, multipliers[0] as number) << 16) >> 21);
  fillSamples(value, plane, to, stride);
}

function doColumn(input: Int16Array, at: number, by: Int16Array, x: number): void {
  const i0 = Math.imul(input[at] as number, by[x] as number);
  const details =
    (input[at + 8] as number) |
    (input[at + 16] as number) |
    (input[at + 24] as number) |
    (input[at + 32] as number) |
    (input[at + 40] as number) |
    (input[at + 48] as number) |
    (input[at + 56] as number);
  if (details === 0) {
    for (let y = x; y < 64; y += 8) columns[y] = i0;
    return;
  }
  const i1 = Math.imul(input[at + 8] as number, by[x + 8] as number);
  const i2 = Math.imul(input[at + 16] as number, by[x + 16] as number);
  const i3 = Math.imul(input[at + 24] as number, by[x + 24] as number);
  const i4 = Math.imul(input[at + 32] as number, by[x + 32] as number);
  const i5 = Math.imul(input[at + 40] as number, by[x + 40] as number);
  const i6 = Math.imul(input[at + 48] as number, by[x + 48] as number);
  const i7 = Math.imul(input[at + 56] as number, by[x + 56] as number);

  const sum26 = i2 + i6;
  const turned = (((((i2 - i6) << 18) >> 16) * root2) >> 16) - sum26;
  const e0 = i0 + i4 + sum26;
  const e3 = i0 + i4 - sum26;
  const e1 = i0 - i4 + turned;
  const e2 = i0 - i4 - turned;

  const z13 = i5 + i3;
  const z10 = i5 - i3;
  const z11 = i1 + i7;
  const z12 = i1 - i7;
  const z5 = ((((z10 + z12) << 18) >> 16) * c1847) >> 16;
  const o7 = z11 + z13;
  const o6 = ((((z10 << 18) >> 16) * c1613) >> 16) - z10 + z5 - o7;
  const o5 = (((((z11 - z13) << 18) >> 16) * root2) >> 16) - o6;
  const o4 = ((((z12 << 18) >> 16) * c1082) >> 16) - z5 + o5;

  columns[x] = e0 + o7;
  columns[x + 56] = e0 - o7;
  columns[x + 8] = e1 + o6;
  columns[x + 48] = e1 - o6;
  columns[x + 16] = e2 + o5;
  columns[x + 40] = e2 - o5;
  columns[x + 32] = e3 + o4;
  columns[x + 24] = e3 - o4;
}

function doRow(at: number, plane: Uint8ClampedArray, to: number): void {
  const i0 = columns[at] as number;
  const i1 = columns[at + 1] as number;
  const i2 = columns[at + 2] as number;
  const i3 = columns[at + 3] as number;
  const i4 = columns[at + 4] as number;
  const i5 = columns[at + 5] as number;
  const i6 = columns[at + 6] as number;
  const i7 = columns[at + 7] as number;

  const sum26 = i2 + i6;
  const turned = (((((i2 - i6) << 18) >> 16) * root2) >> 16) - sum26;
  const e0 = i0 + i4 + sum26;
  const e3 = i0 + i4 - sum26;
  const e1 = i0 - i4 + turned;
  const e2 = i0 - i4 - turned;

  const z13 = i5 + i3;
  const z10 = i5 - i3;
  const z11 = i1 + i7;
  const z12 = i1 - i7;
  const z5 = ((((z10 + z12) << 18) >> 16) * c1847) >> 16;
  const o7 = z11 + z13;
  const o6 = ((((z10 << 18) >> 16) * c1613) >> 16) - z10 + z5 - o7;
  const o5 = (((((z11 - z13) << 18) >> 16) * root2) >> 16) - o6;
  const o4 = ((((z12 << 18) >> 16) * c1082) >> 16) - z5 + o5;

  plane[to] = 128 + (((e0 + o7) << 16) >> 21);
  plane[to + 7] = 128 + (((e0 - o7) << 16) >> 21);
  plane[to + 1] = 128 + (((e1 + o6) << 16) >> 21);
  plane[to + 6] = 128 + (((e1 - o6) << 16) >> 21);
  plane[to + 2] = 128 + (((e2 + o5) << 16) >> 21);
  plane[to + 5] = 128 + (((e2 - o5) << 16) >> 21);
  plane[to + 4] = 128 + (((e3 + o4) << 16) >> 21);
  plane[to + 3] = 128 + (((e3 - o4) << 16) >> 21);
}
