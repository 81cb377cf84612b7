/** Each test model gives the numbers that its definition promises: this proves writer and builder. */

import { expect, test } from 'vitest';
import { halfPlusTwo, mlp, simple } from './numbers.ts';
import { createRandom, spread } from './random.ts';
import { numbersOf, runModel, tensorOf } from './run.ts';

test('simple adds and subtracts', async () => {
  const INPUT0 = tensorOf(
    'int32',
    Int32Array.from({ length: 32 }, (_, i) => i),
    [2, 16],
  );
  const INPUT1 = tensorOf('int32', new Int32Array(32).fill(1), [2, 16]);
  const [out] = await runModel(simple(), [{ INPUT0, INPUT1 }]);
  expect(out?.OUTPUT0?.dims).toEqual([2, 16]);
  expect(numbersOf(out, 'OUTPUT0').slice(0, 3)).toEqual([1, 2, 3]);
  expect(numbersOf(out, 'OUTPUT1').slice(-2)).toEqual([29, 30]);
});

test('half plus two', async () => {
  const [out] = await runModel(halfPlusTwo(), [{ x: tensorOf('float32', [1, 2, 5], [3]) }]);
  expect(out?.y?.data).toEqual(Float32Array.of(2.5, 3, 4.5));
});

test('the mlp gives the numbers of its seeded weights', async () => {
  const x = spread(createRandom(7), 128, 1);
  const [out] = await runModel(mlp(), [{ x: tensorOf('float32', x, [2, 64]) }]);
  const expected = [x.subarray(0, 64), x.subarray(64)].flatMap(runMlpByHand);
  expectClose(numbersOf(out, 'scores'), expected);
});

function expectClose(actual: readonly number[], expected: readonly number[]): void {
  expect(actual.length).toBe(expected.length);
  const worst = actual.map((value, i) => Math.abs(value - (expected[i] ?? Number.NaN)));
  expect(Math.max(...worst)).toBeLessThan(1e-5);
}

function runMlpByHand(row: Float32Array): number[] {
  const weights = mlp().initialisers.map(({ data }) => data as Float32Array);
  const [w0, b0, w1, b1] = weights as [Float32Array, Float32Array, Float32Array, Float32Array];
  const hidden = dense(row, w0, b0).map((value) => Math.max(value, 0));
  return dense(hidden, w1, b1);
}

function dense(x: ArrayLike<number>, w: Float32Array, b: Float32Array): number[] {
  const width = b.length;
  return Array.from(b, (bias, column) => {
    let sum = bias;
    for (let i = 0; i < x.length; i += 1) sum += (x[i] ?? 0) * (w[i * width + column] ?? 0);
    return sum;
  });
}
