import { describe, expect, test } from 'vitest';
import { createRandom } from '../../test/models/random.ts';
import type { DType } from '../tensor/dtype.ts';
import type { NamedTensor } from '../tensor/tensor.ts';
import { unpackBytes } from '../tensor/tensor.ts';
import type { ClassesWanted } from './classification.ts';
import { classifyOutput, refuseUnclassifiable } from './classification.ts';

function tensor(dtype: DType, shape: number[], elements: ArrayBufferView): NamedTensor {
  // Not aligned: views on a body are not either.
  const data = Buffer.concat([Buffer.alloc(1), Buffer.from(elements.buffer as ArrayBuffer)]);
  return { name: 'y', dtype, shape, data: data.subarray(1) };
}

function classify(output: NamedTensor, wanted: Partial<ClassesWanted>): [number[], string[]] {
  const { shape, data } = classifyOutput('m', output, { count: 2, batched: true, ...wanted });
  return [[...shape], unpackBytes(data).map((element) => Buffer.from(element).toString())];
}

const floats = tensor('FP32', [2, 3], Float32Array.of(0.1, 0.7, 0.2, -1, 5, 15.349563));

describe('classes', () => {
  test('are those of each row, best first, as score:index', () => {
    expect(classify(floats, {})).toEqual([
      [2, 2],
      ['0.700000:1', '0.200000:2', '15.349563:2', '5.000000:1'],
    ]);
  });

  test('have their labels where there are as many', () => {
    expect(classify(floats, { count: 1, labels: ['a', 'b', 'c'] })[1]).toEqual([
      '0.700000:1:b',
      '15.349563:2:c',
    ]);
    expect(classify(floats, { count: 1, labels: ['a', 'b'] })[1]).toEqual([
      '0.700000:1',
      '15.349563:2',
    ]);
  });

  test('without a batch are those of the whole tensor', () => {
    expect(classify(floats, { batched: false })).toEqual([[2], ['15.349563:5', '5.000000:4']]);
  });

  test('are no more than there are', () => {
    expect(classify(floats, { count: 99 })[0]).toEqual([2, 3]);
    expect(classify(tensor('FP32', [0, 3], new Float32Array(0)), {})).toEqual([[0, 2], []]);
    expect(classify(tensor('FP32', [], Float32Array.of(4)), {})).toEqual([[1], ['4.000000:0']]);
  });

  test('of equal scores are in their order, and NaN is last', () => {
    const scores = Float32Array.of(Number.NaN, 1, 2, 1, 2, -Infinity, Infinity);
    expect(classify(tensor('FP32', [7], scores), { count: 9, batched: false })[1]).toEqual([
      'inf:6',
      '2.000000:2',
      '2.000000:4',
      '1.000000:1',
      '1.000000:3',
      '-inf:5',
      'nan:0',
    ]);
  });

  test.each<[DType, ArrayBufferView, string[]]>([
    ['UINT8', Uint8Array.of(3, 255, 0), ['255:1', '3:0', '0:2']],
    ['INT8', Int8Array.of(-3, -128, 0), ['0:2', '-3:0', '-128:1']],
    [
      'INT64',
      BigInt64Array.of(1n, 2n ** 62n, 2n ** 62n + 1n),
      [`${2n ** 62n + 1n}:2`, `${2n ** 62n}:1`, '1:0'],
    ],
    ['UINT64', BigUint64Array.of(0n, 2n ** 64n - 1n, 5n), [`${2n ** 64n - 1n}:1`, '5:2', '0:0']],
    ['FP16', Float16Array.of(0.5, 1, -2), ['1.000000:1', '0.500000:0', '-2.000000:2']],
    [
      'FP64',
      Float64Array.of(1e22, -1e-9, 0),
      ['10000000000000000000000.000000:0', '0.000000:2', '-0.000000:1'],
    ],
  ])('of %s are written as C++ writes them', (dtype, elements, texts) => {
    expect(classify(tensor(dtype, [1, 3], elements), { count: 3 })[1]).toEqual(texts);
  });

  test('are the same as those of a sort', () => {
    const random = createRandom(3);
    const scores = Float32Array.from({ length: 999 }, () => Math.floor(random() * 300));
    const order = [...scores.keys()].sort(
      (a, b) => (scores[b] as number) - (scores[a] as number) || a - b,
    );
    for (const count of [1, 2, 7, 100, 999]) {
      const [, texts] = classify(tensor('FP32', [999], scores), { count, batched: false });
      expect(texts.map((text) => Number(text.split(':')[1]))).toEqual(order.slice(0, count));
    }
  });
});

describe('refused:', () => {
  test.each(['BOOL', 'BYTES', 'BF16'] as const)('%s has no order', (dtype) => {
    const outputs = [{ name: 'y', dtype, shape: [null] }];
    expect(() => refuseUnclassifiable('m', outputs, new Map([['y', 1]]))).toThrow(
      `class result not available for output due to unsupported type '${dtype}' (output 'y' of model 'm')`,
    );
    expect(refuseUnclassifiable('m', outputs, new Map([['z', 1]]))).toBeUndefined();
  });

  test('more than is looked through on the event loop', () => {
    const large = tensor('UINT8', [1_000_001], new Uint8Array(1_000_001));
    expect(() => classify(large, { batched: false })).toThrow('tensor too large');
    const many = tensor('UINT8', [200_000], new Uint8Array(200_000));
    expect(() => classify(many, { count: 200_000, batched: false })).toThrow('tensor too large');
  });
});
