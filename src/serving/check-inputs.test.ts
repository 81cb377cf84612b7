import { describe, expect, test } from 'vitest';
import type { DType } from '../tensor/dtype.ts';
import type { NamedTensor } from '../tensor/tensor.ts';
import { packBytes } from '../tensor/tensor.ts';
import type { TensorSpec } from '../tensor/tensor-spec.ts';
import { checkInputs, checkOutputs } from './check-inputs.ts';
import type { ServedSignature } from './signatures.ts';
import { planSignatures } from './signatures.ts';

const specs: TensorSpec[] = [
  { name: 'a', dtype: 'FP32', shape: [null, 2] },
  { name: 'b', dtype: 'BYTES', shape: [null] },
];

function tensor(name: string, dtype: DType, shape: number[], data: Uint8Array): NamedTensor {
  return { name, dtype, shape, data };
}

const a = tensor('a', 'FP32', [1, 2], new Uint8Array(8));
const b = tensor('b', 'BYTES', [2], packBytes([Buffer.from('x'), Buffer.alloc(0)]));

test('inputs come as frames with their place in the model, whatever their order', () => {
  const frames = checkInputs('m', specs, [b, a]);
  expect(frames.map(({ index, dtype, shape }) => [index, dtype, shape])).toEqual([
    [1, 'BYTES', [2]],
    [0, 'FP32', [1, 2]],
  ]);
  expect(frames[1]?.chunks[0]).toBe(a.data);
});

describe('refused:', () => {
  test.each<[string, string, NamedTensor[]]>([
    ['an unknown name', 'INPUT_UNKNOWN', [a, b, { ...a, name: 'c' }]],
    ['a name of every object', 'INPUT_UNKNOWN', [{ ...a, name: '__proto__' }]],
    ['a missing input', 'INPUT_MISSING', [a]],
    ['nothing', 'INPUT_MISSING', []],
    ['an input twice', 'INFER_REQUEST_INVALID', [a, b, a]],
    [
      'more strings than are taken',
      'INPUT_DATA_INVALID',
      [a, tensor('b', 'BYTES', [1_000_001], new Uint8Array(4 * 1_000_001))],
    ],
    ['another dtype', 'INPUT_DTYPE_MISMATCH', [{ ...a, dtype: 'FP64' }, b]],
    ['another rank', 'INPUT_SHAPE_MISMATCH', [{ ...a, shape: [2] }, b]],
    ['another size', 'INPUT_SHAPE_MISMATCH', [{ ...a, shape: [1, 3] }, b]],
    ['too few bytes', 'INPUT_DATA_INVALID', [{ ...a, data: new Uint8Array(7) }, b]],
    ['too many bytes', 'INPUT_DATA_INVALID', [{ ...a, data: new Uint8Array(16) }, b]],
    ['a batch beyond all memory', 'INPUT_DATA_INVALID', [{ ...a, shape: [2 ** 32 - 1, 2] }, b]],
    ['too few strings', 'INPUT_DATA_INVALID', [a, { ...b, shape: [3] }]],
    [
      'a string beyond the data',
      'INPUT_DATA_INVALID',
      [a, { ...b, data: Uint8Array.of(9, 0, 0, 0, 1) }],
    ],
    ['half a length', 'INPUT_DATA_INVALID', [a, { ...b, data: Uint8Array.of(0, 0) }]],
  ])('%s', (_, code, tensors) => {
    expect(() => checkInputs('m', specs, tensors)).toThrow(expect.objectContaining({ code }));
  });

  test('a shape whose count of elements is no number', () => {
    const any: TensorSpec = { name: 'a', dtype: 'FP32', shape: [], anyShape: true };
    const huge = new Array(32).fill(2 ** 32 - 1);
    for (const shape of [huge, [...huge, 0]]) {
      expect(() => checkInputs('m', [any], [{ ...a, shape }])).toThrow(
        "data of input 'a' is invalid",
      );
    }
  });

  test('a BOOL other than 0 and 1', () => {
    const bool: TensorSpec = { name: 'a', dtype: 'BOOL', shape: [null] };
    const given = (...bytes: number[]) =>
      tensor('a', 'BOOL', [bytes.length], Uint8Array.from(bytes));
    expect(checkInputs('m', [bool], [given(0, 1)])).toHaveLength(1);
    expect(() => checkInputs('m', [bool], [given(0, 1, 2)])).toThrow('data of input');
  });
});

test('no rows are rows like any others', () => {
  const none = tensor('a', 'FP32', [0, 2], new Uint8Array(0));
  expect(
    checkInputs('m', specs, [none, { ...b, shape: [0], data: new Uint8Array(0) }]),
  ).toHaveLength(2);
});

test('more elements than can be counted are refused, times 0 too', () => {
  const any: TensorSpec[] = [{ name: 'a', dtype: 'FP32', shape: [], anyShape: true }];
  const given = tensor('a', 'FP32', [2 ** 31, 0, 2 ** 31], new Uint8Array(0));
  expect(() => checkInputs('m', any, [given])).toThrow('takes more elements than there are');
});

test('a model of unknown rank takes any shape', () => {
  const any: TensorSpec = { name: 'a', dtype: 'FP32', shape: [], anyShape: true };
  expect(checkInputs('m', [any], [a])).toHaveLength(1);
});

describe('wanted outputs', () => {
  function outputs(count: number): ServedSignature {
    const shape = [null];
    const given = Array.from(
      { length: count },
      (_, i): TensorSpec => ({ name: `o${i}`, dtype: 'FP32', shape }),
    );
    return planSignatures({}, { inputs: [], outputs: given }, undefined).graph;
  }

  test('are a mask of their places; all when none is named', () => {
    expect(checkOutputs('m', outputs(3), ['o0', 'o2'])).toBe(0b101);
    expect(checkOutputs('m', outputs(3), undefined)).toBe(0);
    expect(checkOutputs('m', outputs(3), [])).toBe(0);
    expect(checkOutputs('m', outputs(31), ['o30'])).toBe(2 ** 30);
  });

  test('of a model with more outputs than bits are all of them', () => {
    expect(checkOutputs('m', outputs(32), ['o31'])).toBe(0);
  });

  test('must be there', () => {
    expect(() => checkOutputs('m', outputs(2), ['o2'])).toThrow('Model m has no output "o2"');
  });
});
