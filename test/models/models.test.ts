/** Each test model gives the numbers that its definition promises: this proves writer and builder. */

import { expect, test } from 'vitest';
import { batchStatistics, dynamicShape, fixedBatch, multiOutput, total } from './batches.ts';
import { tripled } from './external.ts';
import { exclaim, exclaimOptions, identity, identityDTypes } from './identity.ts';
import { halfPlusTwo, mlp, simple } from './numbers.ts';
import { picture, pixels } from './pictures.ts';
import { createRandom, spread } from './random.ts';
import { float32, numbersOf, runModel, tensorOf } from './run.ts';
import { elementsFor, ortTypeOf } from './runtime-dtypes.ts';
import { slow } from './slow.ts';
import { failsOnZeros, notANumber } from './trouble.ts';

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
  const [out] = await runModel(halfPlusTwo(), [{ x: float32([1, 2, 5], [3]) }]);
  expect(numbersOf(out, 'y')).toEqual([2.5, 3, 4.5]);
});

test('the mlp gives the numbers of its seeded weights', async () => {
  const x = spread(createRandom(7), 128, 1);
  const [out] = await runModel(mlp(), [{ x: float32(x, [2, 64]) }]);
  const expected = [x.subarray(0, 64), x.subarray(64)].flatMap(runMlpByHand);
  expectClose(numbersOf(out, 'scores'), expected);
});

test.each(identityDTypes)('identity of %s gives back its elements', async (dtype) => {
  const data = elementsFor(dtype, 6);
  const type = ortTypeOf(dtype);
  const [out] = await runModel(identity(dtype), [{ x: tensorOf(type, data, [2, 3]) }]);
  expect(out?.y?.type).toBe(type);
  expect(out?.y?.dims).toEqual([2, 3]);
  expect(bytesOf(out?.y?.data)).toEqual(bytesOf(data));
});

test('strings are given back with an exclamation mark', async () => {
  const texts = tensorOf('string', ['straße', '', 'a b'], [3]);
  const [out] = await runModel(exclaim(), [{ texts }], exclaimOptions);
  expect(out?.loud?.data).toEqual(['straße!', '!', 'a b!']);
});

test('a row of the batch-statistics model depends on its company', async () => {
  const alone = float32([1, 2, 3, 4], [1, 4]);
  const together = float32([1, 2, 3, 4, 3, 2, 1, 0], [2, 4]);
  const [one, two] = await runModel(batchStatistics(), [{ x: alone }, { x: together }]);
  expect(numbersOf(one, 'y')).toEqual([0, 0, 0, 0]);
  expect(numbersOf(two, 'y')).toEqual([-1, 0, 1, 2, 1, 0, -1, -2]);
});

test('the fixed-batch model takes one row and no more', async () => {
  const [out] = await runModel(fixedBatch(), [{ x: float32([1, 2, 3, 4], [1, 4]) }]);
  expect(numbersOf(out, 'y')).toEqual([2, 4, 6, 8]);
  const two = { x: float32(new Float32Array(8), [2, 4]) };
  await expect(runModel(fixedBatch(), [two])).rejects.toThrow('Got invalid dimensions');
});

test('the dynamic-shape model sums over any length', async () => {
  const x = float32([1, 2, 3, 10, 20, 30], [1, 2, 3]);
  const empty = float32([], [1, 0, 3]);
  const [out, zero] = await runModel(dynamicShape(), [{ x }, { x: empty }]);
  expect(numbersOf(out, 'sums')).toEqual([11, 22, 33]);
  expect(numbersOf(zero, 'sums')).toEqual([0, 0, 0]);
});

test('the total is a scalar', async () => {
  const [out] = await runModel(total(), [{ x: float32([1, 2, 3, 4], [2, 2]) }]);
  expect(out?.total?.dims).toEqual([]);
  expect(numbersOf(out, 'total')).toEqual([10]);
});

test('the multi-output model gives three tensors', async () => {
  const [out] = await runModel(multiOutput(), [{ x: float32([1, 9, 3, 4], [1, 4]) }]);
  expect(numbersOf(out, 'double')).toEqual([2, 18, 6, 8]);
  expect(numbersOf(out, 'sum')).toEqual([17]);
  expect(numbersOf(out, 'argmax')).toEqual([1]);
});

test('the external-data model reads its weights from the file beside it', async () => {
  const x = float32(new Float32Array(64).fill(2), [1, 64]);
  const options = { externalData: { minBytes: 1024, file: 'weights.bin' } };
  const [out] = await runModel(tripled(), [{ x }], options);
  expect(new Set(numbersOf(out, 'y'))).toEqual(new Set([6]));
});

test('a green picture wins class 1, in both layouts and as pixels', async () => {
  const count = 32 * 32;
  const nchw = Float32Array.from({ length: 3 * count }, (_, i) =>
    Number(i / count >= 1 && i / count < 2),
  );
  const nhwc = Float32Array.from({ length: 3 * count }, (_, i) => Number(i % 3 === 1));
  const bytes = Uint8Array.from(nhwc, (value) => value * 255);
  const [first] = await runModel(picture(), [{ input: float32(nchw, [1, 3, 32, 32]) }]);
  const second = picture({ layout: 'nhwc' });
  const [other] = await runModel(second, [{ input: float32(nhwc, [1, 32, 32, 3]) }]);
  const [third] = await runModel(pixels(), [{ image: tensorOf('uint8', bytes, [1, 32, 32, 3]) }]);
  for (const out of [first, other, third]) expectClose(numbersOf(out, 'scores'), [0, 10, 0]);
});

test('the grayscale picture model has one score', async () => {
  const input = float32(new Float32Array(28 * 28).fill(0.5), [1, 1, 28, 28]);
  const [out] = await runModel(picture({ channels: 1, size: 28 }), [{ input }]);
  expectClose(numbersOf(out, 'scores'), [5]);
});

test('the picture model with softmax gives probabilities', async () => {
  const input = float32(new Float32Array(3 * 32 * 32), [1, 3, 32, 32]);
  const [out] = await runModel(picture({ softmax: true }), [{ input }]);
  expectClose(numbersOf(out, 'scores'), [1 / 3, 1 / 3, 1 / 3]);
});

test('the failing model fails on a zero and on nothing else', async () => {
  const [out] = await runModel(failsOnZeros(), [{ x: float32([1, 2, 3, 0], [2, 2]) }]);
  expect(numbersOf(out, 'y')).toEqual([1, 2, 3, 0]);
  const zeros = { x: float32([1, 1, 0, 0], [2, 2]) };
  await expect(runModel(failsOnZeros(), [zeros])).rejects.toThrow('indices element out of');
});

test('the square root of a negative number is NaN', async () => {
  const [out] = await runModel(notANumber(), [{ x: float32([4, -1, 0, 9], [1, 4]) }]);
  expect(numbersOf(out, 'y')).toEqual([2, Number.NaN, 0, 3]);
});

test('the slow model gives back what it got', async () => {
  const feeds = [{ x: float32([0, 0, 0, 0], [1, 4]) }, { x: float32([20, 1, 0, -5], [1, 4]) }];
  const [none, some] = await runModel(slow(), feeds);
  expect(numbersOf(none, 'y')).toEqual([0, 0, 0, 0]);
  expect(numbersOf(some, 'y')).toEqual([20, 1, 0, -5]);
});

/** The bytes of numbers (NaN, −0 and half floats compare as they are); strings as they are. */
function bytesOf(data: unknown): unknown {
  return ArrayBuffer.isView(data)
    ? Buffer.from(data.buffer, data.byteOffset, data.byteLength)
    : data;
}

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
