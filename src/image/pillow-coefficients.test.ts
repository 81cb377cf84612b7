import { expect, test } from 'vitest';
import { coefficientsFor, precisionBits, tapGroup } from './pillow-coefficients.ts';

test.each([
  [500, 341],
  [375, 224],
  [20, 640],
  [3, 50],
  [4000, 1],
])('the weights of %d → %d pixels sum to one within the rounding of the taps', (size, out) => {
  const { taps, starts, weights } = coefficientsFor({ size, out, from: 0, count: out }, 'bicubic');
  expect(taps % tapGroup).toBe(0);
  starts.forEach((_, i) => {
    const sum = weights.subarray(i * taps, (i + 1) * taps).reduce((a, b) => a + b, 0);
    expect(Math.abs(sum - 2 ** precisionBits)).toBeLessThanOrEqual(taps);
  });
});

test('the table of a part is that part of the whole table', () => {
  const whole = coefficientsFor({ size: 100, out: 60, from: 0, count: 60 }, 'bilinear');
  const part = coefficientsFor({ size: 100, out: 60, from: 20, count: 10 }, 'bilinear');
  expect([...part.starts]).toEqual([...whole.starts.subarray(20, 30)]);
});

test('a table is computed once for a pair of sizes', () => {
  const axis = { size: 71, out: 33, from: 0, count: 33 };
  expect(coefficientsFor(axis, 'bicubic')).toBe(coefficientsFor({ ...axis }, 'bicubic'));
});
