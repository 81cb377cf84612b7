import { describe, expect, test } from 'vitest';
import { createRandom } from '../../test/models/random.ts';
import type { ChunkedTensor } from '../tensor/chunked-tensor.ts';
import { bytesOfChunks } from '../tensor/chunked-tensor.ts';
import { packBytes } from '../tensor/tensor.ts';
import type { TensorPayload } from './batch.ts';
import { countRows, createTensorBatch, describeRows, joinOutputs } from './batch.ts';
import type { BatchPart } from './queued-request.ts';

type Tensors = readonly ChunkedTensor[];

const int8 = (index: number, shape: readonly number[], ...chunks: number[][]): ChunkedTensor => ({
  index,
  dtype: 'INT8',
  shape,
  chunks: chunks.map((bytes) => Uint8Array.from(bytes)),
});

const partOf = (inputs: Tensors, fromRow = 0, rows = inputs[0]?.shape[0] ?? 0) =>
  ({
    payload: { inputs },
    fromRow,
    rows,
    whole: rows === inputs[0]?.shape[0],
    submittedAt: 0,
  }) satisfies BatchPart<TensorPayload>;

const plain = (tensors: Tensors) =>
  tensors.map(({ shape, chunks }) => [shape, [...bytesOfChunks(chunks)]]);

describe('merging', () => {
  test('lists the chunks of the requests, which are not copied', () => {
    const a = int8(0, [1, 2], [1, 2]);
    const b = int8(0, [2, 2], [3, 4], [5, 6]);
    const { inputs } = createTensorBatch('m', [partOf([a]), partOf([b])]);
    expect(inputs[0]?.shape).toEqual([3, 2]);
    expect(inputs[0]?.chunks).toEqual([...a.chunks, ...b.chunks]);
    expect(inputs[0]?.chunks[0]).toBe(a.chunks[0]);
  });

  test('takes the rows of a part as views, over the borders of chunks', () => {
    const tensor = int8(0, [5, 2], [1, 2, 3], [4, 5, 6, 7], [], [8, 9, 10]);
    const { inputs } = createTensorBatch('m', [partOf([tensor], 1, 3)]);
    expect(plain(inputs)).toEqual([
      [
        [3, 2],
        [3, 4, 5, 6, 7, 8],
      ],
    ]);
    expect(inputs[0]?.chunks[1]?.buffer).toBe(tensor.chunks[1]?.buffer);
  });

  test('leaves a single whole request as it is, in and out', () => {
    const payload = [int8(0, [1, 2], [1, 2])];
    const outputs = [int8(0, [], [7])];
    const batch = createTensorBatch('m', [partOf(payload)]);
    expect(batch.inputs).toBe(payload);
    expect(batch.split(outputs)[0]).toBe(outputs);
  });
});

describe('splitting', () => {
  const batch = createTensorBatch('m', [
    partOf([int8(0, [1, 1], [1])]),
    partOf([int8(0, [2, 1], [2, 3])]),
  ]);

  test('gives each request its rows of every output, as views', () => {
    const scores = int8(0, [3, 2], [1, 2, 3, 4, 5, 6]);
    const [one, two] = batch.split([scores, int8(1, [3], [7, 8, 9])]);
    expect(plain(one ?? [])).toEqual([
      [
        [1, 2],
        [1, 2],
      ],
      [[1], [7]],
    ]);
    expect(plain(two ?? [])).toEqual([
      [
        [2, 2],
        [3, 4, 5, 6],
      ],
      [[2], [8, 9]],
    ]);
    expect(two?.[0]?.chunks[0]?.buffer).toBe(scores.chunks[0]?.buffer);
  });

  test('cuts texts between their elements', () => {
    const texts = ['a', '', 'bcd', 'e', 'fg', 'h'].map((text) => new TextEncoder().encode(text));
    const data = packBytes(texts);
    const [one, two] = batch.split([{ index: 0, dtype: 'BYTES', shape: [3, 2], chunks: [data] }]);
    expect(one?.[0]?.chunks[0]).toEqual(packBytes(texts.slice(0, 2)));
    expect(two?.[0]?.chunks[0]).toEqual(packBytes(texts.slice(2)));
  });

  test.each([
    ['fewer rows', int8(0, [2, 1], [1, 2])],
    ['more rows', int8(0, [4, 1], [1, 2, 3, 4])],
    ['no rows', int8(0, [], [1])],
  ])('refuses an output of %s than the batch', (_, output) => {
    expect(() => batch.split([output])).toThrow(
      expect.objectContaining({
        code: 'RUN_FAILED',
        message: expect.stringContaining('for a batch of 3 rows'),
      }),
    );
  });

  test('refuses data that is shorter than its shape', () => {
    expect(() => batch.split([int8(0, [3, 1], [1, 2])])).toThrow(RangeError);
  });
});

test('parts whose rows have different shapes are not joined', () => {
  const joined = joinOutputs('m', [[int8(0, [1, 2], [1, 2])], [int8(0, [2, 2], [3, 4, 5, 6])]]);
  expect(plain(joined)).toEqual([
    [
      [3, 2],
      [1, 2, 3, 4, 5, 6],
    ],
  ]);
  const uneven = [[int8(0, [1, 2], [1, 2])], [int8(0, [1, 3], [3, 4, 5])]];
  expect(() => joinOutputs('m', uneven)).toThrow(expect.objectContaining({ code: 'RUN_FAILED' }));
});

test('the rows of a request are those that all its inputs have', () => {
  const two = int8(0, [2, 1], [1, 2]);
  expect(countRows([two, int8(1, [2, 5], [])])).toBe(2);
  expect(countRows([two, int8(1, [3, 5], [])])).toBeUndefined();
  expect(countRows([two, int8(1, [], [])])).toBeUndefined();
  expect(countRows([int8(0, [0, 5], [])])).toBeUndefined();
  expect(countRows([])).toBeUndefined();
});

test('rows of another dtype, rank or shape are of another group, more or fewer rows are not', () => {
  const key = describeRows([int8(0, [2, 3, 4], [])]);
  expect(describeRows([int8(0, [9, 3, 4], [])])).toBe(key);
  const others = [
    [int8(0, [2, 3], [])],
    [int8(0, [2, 34], [])],
    [int8(1, [2, 3, 4], [])],
    [{ ...int8(0, [2, 3, 4], []), dtype: 'UINT8' } as const],
    [int8(0, [2, 3, 4], []), int8(1, [2], [])],
  ];
  for (const tensors of others) expect(describeRows(tensors)).not.toBe(key);
});

describe.each([1, 2, 3, 4, 5, 6, 7, 8])('requests of random sizes, seed %d:', (seed) => {
  const random = createRandom(seed);
  const below = (n: number): number => Math.floor(random() * n);

  /** The bytes in pieces of random lengths. */
  function shred(bytes: Uint8Array): Uint8Array[] {
    const chunks: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; ) {
      const length = below(bytes.length - at + 1);
      chunks.push(bytes.subarray(at, at + length));
      at += length;
    }
    return chunks;
  }

  /** A row is [request, row]. */
  function requestOf(id: number, rows: number): Tensors {
    const bytes = Uint8Array.from({ length: 2 * rows }, (_, i) => (i % 2 === 0 ? id : i >> 1));
    return [{ index: 0, dtype: 'UINT8', shape: [rows, 2], chunks: shred(bytes) }];
  }

  /** The model turns each row round. */
  function run([input]: Tensors): Tensors {
    const { shape, chunks } = input as ChunkedTensor;
    const bytes = bytesOfChunks(chunks);
    const turned = Uint8Array.from(bytes, (_, i) => bytes[i ^ 1] as number);
    return [{ index: 0, dtype: 'UINT8', shape, chunks: shred(turned) }];
  }

  test('answer i belongs to request i, however requests are cut and merged', () => {
    for (let trial = 0; trial < 50; trial += 1) {
      const requests = Array.from({ length: 1 + below(6) }, (_, id) => requestOf(id, 1 + below(9)));
      const cuts = requests.map((request) => {
        const rows = request[0]?.shape[0] ?? 0;
        const at = below(rows);
        return at === 0
          ? [partOf(request)]
          : [partOf(request, 0, at), partOf(request, at, rows - at)];
      });
      const parts = cuts.flat();
      const batch = createTensorBatch('m', parts);
      const answers = batch.split(run(batch.inputs));
      for (const [id, cut] of cuts.entries()) {
        const results = cut.map((part) => answers[parts.indexOf(part)] as Tensors);
        const [joined] = joinOutputs('m', results);
        const rows = requests[id]?.[0]?.shape[0] ?? 0;
        expect(joined?.shape).toEqual([rows, 2]);
        const expected = Array.from({ length: rows }, (_, row) => [row, id]).flat();
        expect([...bytesOfChunks(joined?.chunks ?? [])]).toEqual(expected);
      }
    }
  });
});
