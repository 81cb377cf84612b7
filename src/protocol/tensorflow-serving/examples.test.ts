/** Examples to tensors, and outputs to what classify and regress answer. */

import { describe, expect, test } from 'vitest';
import type { NamedTensor } from '../../tensor/tensor.ts';
import { packBytes, unpackBytes } from '../../tensor/tensor.ts';
import type { TensorSpec } from '../../tensor/tensor-spec.ts';
import type { Example, Feature } from './example.ts';
import { examplesToTensors } from './example-tensors.ts';
import { chooseOutputs, toClasses, toRegressions } from './results.ts';

const float = (...values: number[]): Feature => ({
  kind: 'float',
  values: Float32Array.from(values),
});
const int = (...values: bigint[]): Feature => ({
  kind: 'int64',
  values: BigInt64Array.from(values),
});
const texts = (...values: string[]): Feature => ({
  kind: 'bytes',
  values: values.map((value) => Buffer.from(value)),
});
const examples = (...features: Feature[]): Example[] =>
  features.map(
    (feature) =>
      new Map([
        ['x', feature],
        ['unused', int(1n)],
      ]),
  );

const spec = (shape: TensorSpec['shape'], dtype: TensorSpec['dtype'] = 'FP32'): TensorSpec => ({
  name: 'x',
  dtype,
  shape,
});

const tensorOf = (given: Example[], ...specs: TensorSpec[]): NamedTensor =>
  examplesToTensors(given, specs)[0] as NamedTensor;

const values = ({ dtype, data }: NamedTensor): unknown[] => {
  const { buffer } = new Uint8Array(data);
  if (dtype === 'BYTES') return unpackBytes(data).map((one) => Buffer.from(one).toString());
  const types = {
    FP32: Float32Array,
    FP64: Float64Array,
    FP16: Float16Array,
    INT8: Int8Array,
    BOOL: Uint8Array,
    UINT64: BigUint64Array,
  };
  return Array.from(new types[dtype as keyof typeof types](buffer) as ArrayLike<unknown>);
};

describe('the features of an input are its rows,', () => {
  test.each<[string, TensorSpec, Feature[], number[], unknown[]]>([
    ['one value each', spec([null]), [float(1), float(2)], [2], [1, 2]],
    ['several each', spec([null, 3]), [float(1, 2, 3)], [1, 3], [1, 2, 3]],
    ['in the shape of a row', spec([null, 2, null]), [float(1, 2, 3, 4)], [1, 2, 2], [1, 2, 3, 4]],
    ['of any shape', { ...spec([]), anyShape: true }, [float(1, 2)], [1, 2], [1, 2]],
    ['none each', spec([null, null]), [float(), float()], [2, 0], []],
    ['integers as floats', spec([null], 'FP64'), [int(3n)], [1], [3]],
    ['halves', spec([null], 'FP16'), [float(1.5)], [1], [1.5]],
    ['small integers', spec([null], 'INT8'), [int(-1n), int(257n)], [2], [-1, 1]],
    ['large integers', spec([null], 'UINT64'), [int(-1n)], [1], [2n ** 64n - 1n]],
    ['booleans', spec([null], 'BOOL'), [int(0n), int(5n)], [2], [0, 1]],
    [
      'texts',
      spec([null, 2], 'BYTES'),
      [texts('a', ''), texts('b', 'c')],
      [2, 2],
      ['a', '', 'b', 'c'],
    ],
  ])('%s', (_, wanted, features, shape, expected) => {
    const tensor = tensorOf(examples(...features), wanted);
    expect([tensor.shape, values(tensor)]).toEqual([shape, expected]);
  });
});

test.each<[string, TensorSpec, Example[], string]>([
  ['nothing', spec([null]), [], 'Input is empty.'],
  [
    'no such feature',
    { ...spec([null]), name: 'y' },
    examples(float(1)),
    'Example 0 has no feature "y"',
  ],
  [
    'a row of another size',
    spec([null, 3]),
    examples(float(1, 2)),
    'has 2 values in an example; its input takes [3]',
  ],
  ['rows that do not fit an open size', spec([null, 2, null]), examples(float(1)), 'takes [2, -1]'],
  ['two open sizes', spec([null, null, null]), examples(float(1)), 'takes [-1, -1]'],
  [
    'rows of two sizes',
    spec([null, null]),
    examples(float(1), float(1, 2)),
    'has 2 values in example 1 and 1 in the first',
  ],
  ['a scalar', spec([]), examples(float(1)), 'is one value, not one for each example'],
  [
    'floats for integers',
    spec([null], 'INT8'),
    examples(float(1)),
    'has float values; its input is INT8',
  ],
  ['texts for numbers', spec([null]), examples(texts('1')), 'has bytes values; its input is FP32'],
  [
    'numbers for texts',
    spec([null], 'BYTES'),
    examples(int(1n)),
    'has int64 values; its input is BYTES',
  ],
])('refused: %s', (_, wanted, given, problem) => {
  expect(() => examplesToTensors(given, [wanted])).toThrow(
    expect.objectContaining({
      code: 'TENSORFLOW_REQUEST_INVALID',
      message: expect.stringContaining(problem),
    }),
  );
});

const output = (name: string, shape: number[], ...numbers: number[]): NamedTensor => ({
  name,
  dtype: 'FP32',
  shape,
  data: new Uint8Array(Float32Array.from(numbers).buffer),
});
const named = (name: string, dtype: TensorSpec['dtype'] = 'FP32'): TensorSpec => ({
  name,
  dtype,
  shape: [null],
});

describe('the outputs that are read', () => {
  test("have TensorFlow's names, or there is only one of floats", () => {
    expect(chooseOutputs([named('a'), named('scores')], 'classify').scores).toBe('scores');
    expect(chooseOutputs([named('a'), named('outputs')], 'regress').scores).toBe('outputs');
    expect(chooseOutputs([named('n', 'INT64'), named('y', 'FP64')], 'regress').scores).toBe('y');
    expect(chooseOutputs([named('classes', 'BYTES'), named('y')], 'classify').classes).toBe(
      'classes',
    );
    expect(() => chooseOutputs([named('a'), named('b')], 'classify')).toThrow(
      'no output "scores" and 2 float outputs',
    );
    expect(() => chooseOutputs([named('a', 'INT8')], 'regress')).toThrow(
      'no output "outputs" and 0 float outputs',
    );
  });

  test('are classes with the labels of the model, of the output, or none', () => {
    const scores = output('y', [2, 2], 0.25, 0.75, 1, 0);
    const read = (labels?: string[]) => toClasses([scores], { scores: 'y' }, 2, labels);
    expect(read(['cat', 'dog'])).toEqual([
      [
        { label: 'cat', score: 0.25 },
        { label: 'dog', score: 0.75 },
      ],
      [
        { label: 'cat', score: 1 },
        { label: 'dog', score: 0 },
      ],
    ]);
    expect(read(['one'])[0]?.[0]?.label).toBe('');
    const classes: NamedTensor = {
      name: 'classes',
      dtype: 'BYTES',
      shape: [2, 2],
      data: packBytes(['a', 'b', 'c', 'd'].map((text) => Buffer.from(text))),
    };
    const given = toClasses([classes, scores], { scores: 'y', classes: 'classes' }, 2, ['x', 'y']);
    expect(given.flat().map(({ label }) => label)).toEqual(['a', 'b', 'c', 'd']);
  });

  test('are one class or value for each example', () => {
    expect(toClasses([output('y', [2], 1, 2)], { scores: 'y' }, 2, undefined)).toEqual([
      [{ label: '', score: 1 }],
      [{ label: '', score: 2 }],
    ]);
    expect(toRegressions([output('y', [2, 1], 1, 2)], { scores: 'y' }, 2)).toEqual([1, 2]);
  });

  test.each([
    [output('y', [], 1), 'is [] for 2 examples'],
    [output('y', [3], 1, 2, 3), 'is [3] for 2 examples'],
    [output('y', [2, 1, 2], 1, 2, 3, 4), 'is [2, 1, 2] for 2 examples'],
    [output('y', [2, 2], 1, 2, 3, 4), 'Expected output Tensor shape to be either [batch_size] or'],
    [output('z', [2], 1, 2), 'gave no output "y"'],
  ])('are refused where they are not: %#', (tensor, problem) => {
    expect(() => toRegressions([tensor], { scores: 'y' }, 2)).toThrow(problem);
  });
});
