import { describe, expect, test } from 'vitest';
import type { DType } from '../tensor/dtype.ts';
import type { RunTensors } from './batch-probe.ts';
import { probeBatching } from './batch-probe.ts';
import type { FrameTensor } from './frames.ts';
import type { LoadOrder } from './protocol.ts';

const order: LoadOrder = {
  model: 'test',
  version: '1',
  path: 'model.onnx',
  provider: 'cpu',
  threads: 1,
  inputs: [{ name: 'x', dtype: 'FP32', shape: [null, 4] }],
  outputs: [{ name: 'y', dtype: 'FP32', shape: [null, 4] }],
};

const floatsOf = ({ chunks }: FrameTensor): Float32Array =>
  new Float32Array((chunks[0] as Uint8Array<ArrayBuffer>).slice().buffer);

function output(values: Float32Array | BigInt64Array, shape: number[]): FrameTensor {
  const dtype: DType = values instanceof Float32Array ? 'FP32' : 'INT64';
  return { index: 0, dtype, shape, chunks: [new Uint8Array(values.buffer as ArrayBuffer)] };
}

/** A model of rows of four numbers, as a function of all rows. */
function rowsModel(compute: (rows: Float32Array[]) => number[][]): RunTensors {
  return async ([x]) => {
    const all = floatsOf(x as FrameTensor);
    const rows = Array.from({ length: all.length / 4 }, (_, i) => all.subarray(4 * i, 4 * i + 4));
    const answer = compute(rows);
    return [output(Float32Array.from(answer.flat()), [answer.length, answer[0]?.length ?? 0])];
  };
}

const verdictOf = async (run: RunTensors, changed: Partial<LoadOrder> = {}) =>
  (await probeBatching({ ...order, ...changed }, 1, run)).verdict;

const twice = rowsModel((rows) => rows.map((row) => [...row].map((value) => 2 * value)));

test('rows that answer the same in any company may share a run', async () => {
  expect(await verdictOf(twice)).toMatchObject({ acrossRequests: true });
});

describe('rows that depend on their company may not', () => {
  test.each<[string, (rows: Float32Array[]) => number[][]]>([
    ['batch statistics', (rows) => rows.map((row) => [(row[0] ?? 0) - (rows.at(-1)?.[0] ?? 0)])],
    ['everybody gets the first row', (rows) => rows.map(() => [...(rows[0] ?? [])])],
    ['everybody gets the last row', (rows) => rows.map(() => [...(rows.at(-1) ?? [])])],
    [
      'each row adds the ones before it',
      (rows) =>
        rows.map((_, i) => [rows.slice(0, i + 1).reduce((sum, row) => sum + (row[0] ?? 0), 0)]),
    ],
    [
      'a NaN beside the difference',
      (rows) => rows.map((row) => [Number.NaN, (row[0] ?? 0) + 5 * rows.length]),
    ],
    [
      'an infinity beside the difference',
      (rows) => rows.map((row) => [-Infinity, (row[0] ?? 0) + 5 * rows.length]),
    ],
    [
      'numbers that become NaN in company',
      (rows) => rows.map(() => [1, 0 / (rows.length - 1) || (rows.length > 1 ? Number.NaN : 3)]),
    ],
    [
      'tiny numbers',
      (rows) => rows.map((row) => [1e-9 * (row[0] ?? 0), 1e-9 * rows.length * (row[1] ?? 0)]),
    ],
    ['more values in company', (rows) => rows.map(() => new Array(rows.length).fill(1))],
  ])('%s', async (_, compute) => {
    const { acrossRequests, reason } = await verdictOf(rowsModel(compute));
    expect([acrossRequests, reason]).toEqual([false, expect.stringContaining("'y'")]);
  });
});

test('the rounding of another summation order is no difference', async () => {
  const run = rowsModel((rows) =>
    rows.map((row) => [...row].map((value) => value + 1e-5 * rows.length)),
  );
  expect(await verdictOf(run)).toMatchObject({ acrossRequests: true });
});

test('NaN and infinities at the same places are no difference', async () => {
  const run = rowsModel((rows) => rows.map((row) => [Number.NaN, -Infinity, row[0] ?? 0]));
  expect(await verdictOf(run)).toMatchObject({ acrossRequests: true });
});

test('integers are compared as they are', async () => {
  const counting: RunTensors = async ([x]) => {
    const rows = x?.shape[0] ?? 0;
    return [output(new BigInt64Array(rows).fill(BigInt(rows)), [rows])];
  };
  const ints = { outputs: [{ name: 'y', dtype: 'INT64', shape: [null] } as const] };
  expect(await verdictOf(counting, ints)).toMatchObject({ acrossRequests: false });
});

test('chance is found by running the same input twice', async () => {
  let calls = 0;
  const run = rowsModel((rows) => rows.map(() => [calls++, 1]));
  expect((await verdictOf(run)).reason).toContain('differs between two runs of the same input');
});

test('a model that gives other rows than it got is not batched', async () => {
  const two = rowsModel(() => [[1], [1]]);
  expect((await verdictOf(two)).reason).toBe("'y' has not one row for each row of the input");
});

test('an output without a finite number tells nothing', async () => {
  const run = rowsModel((rows) => rows.map(() => [Number.NaN]));
  expect((await verdictOf(run)).reason).toContain('no finite numbers');
});

test('a run that fails is no certain verdict, so it is not kept', async () => {
  const result = await probeBatching(order, 1, () => Promise.reject(new Error('no memory')));
  expect(result).toEqual({
    certain: false,
    verdict: { acrossRequests: false, reason: 'the probe with noise failed: no memory' },
  });
});

test('the inputs of a row are different noise, and each row is other noise', async () => {
  const inputs = ['a', 'b', 'c'].map(
    (name) => ({ name, dtype: 'FP32', shape: [null, 4] }) as const,
  );
  const rows = new Set<string>();
  await probeBatching({ ...order, inputs }, 1, async (tensors) => {
    for (const tensor of tensors) {
      const all = floatsOf(tensor);
      for (let at = 0; at < all.length; at += 4) rows.add(all.subarray(at, at + 4).join());
    }
    return twice([tensors[0] as FrameTensor]);
  });
  // Rows 1, 2 and 3 of three inputs.
  expect(rows.size).toBe(9);
});

test.each<[string, Partial<LoadOrder>, string]>([
  ['no inputs', { inputs: [] }, 'it has no inputs'],
  [
    'a fixed batch',
    { inputs: [{ name: 'x', dtype: 'FP32', shape: [1, 4] }] },
    "the first dimension of 'x' is fixed to 1",
  ],
  [
    'a scalar output',
    { outputs: [{ name: 'y', dtype: 'FP32', shape: [] }] },
    "'y' is a scalar without a batch dimension",
  ],
  [
    'an unknown rank',
    { outputs: [{ name: 'y', dtype: 'FP32', shape: [], anyShape: true }] },
    "the model does not say the shape of 'y'",
  ],
  [
    'strings',
    { inputs: [{ name: 'x', dtype: 'BYTES', shape: [null] }] },
    "input 'x' is BYTES, which cannot be probed with noise",
  ],
  [
    '256 MB and more',
    { inputs: [{ name: 'x', dtype: 'FP32', shape: [null, 2 ** 26 + 1] }] },
    'its inputs are too large to probe',
  ],
])('%s is refused without a run', async (_, changed, reason) => {
  const verdict = await verdictOf(() => expect.unreachable(), changed);
  expect(verdict).toEqual({ acrossRequests: false, reason });
});
