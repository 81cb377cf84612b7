import { expect, test } from 'vitest';
import type { DType } from '../../tensor/dtype.ts';
import type { Dimension, TensorSpec } from '../../tensor/tensor-spec.ts';
import { readRawRequest } from './raw-request.ts';

const spec = (dtype: DType, ...shape: Dimension[]): TensorSpec => ({ name: 'x', dtype, shape });
const read = (body: Buffer, batched: boolean, ...inputs: TensorSpec[]) =>
  readRawRequest(body, { model: 'm', inputs, batched });

test.each<[string, TensorSpec, boolean, number, number[]]>([
  ['all dimensions are known', spec('FP32', 1, 4), false, 16, [1, 4]],
  ['one is open', spec('FP32', 1, null), false, 32, [1, 8]],
  ['only the batch is open', spec('INT32', null, 16), true, 128, [2, 16]],
  ['the batch and another are open: one row', spec('UINT8', null, null, 2), true, 6, [1, 3, 2]],
  ['a scalar', spec('FP64'), false, 8, []],
  ['a dimension is 0', spec('FP32', null, 0), false, 0, [0, 0]],
  // The check of data against shapes finds these.
  ['it does not come out even', spec('FP32', null, 4), true, 17, [1, 4]],
  ['it is too short', spec('FP32', 1, 4), false, 3, [1, 4]],
])('%s', (_, input, batched, bytes, shape) => {
  const body = Buffer.alloc(bytes);
  expect(read(body, batched, input)).toEqual({
    inputs: [{ name: 'x', dtype: input.dtype, shape, data: body }],
    binaryByDefault: true,
  });
});

test.each([
  [spec('BYTES', 1), [1]],
  [spec('BYTES', null), [1]],
  [spec('BYTES', null, 1), [1, 1]],
])('the body is the one element of BYTES, without a length', (input, shape) => {
  const { inputs } = read(Buffer.from('a jpeg'), true, input);
  expect(inputs).toEqual([
    {
      name: 'x',
      dtype: 'BYTES',
      shape,
      data: new Uint8Array(Buffer.from('\u0006\0\0\0a jpeg')),
    },
  ]);
});

test.each<[string, TensorSpec[]]>([
  ['got 2 inputs in', [spec('FP32', 1), spec('FP32', 1)]],
  ['got 0 inputs in', []],
  ['more than one variable-sized dimension', [spec('FP32', null, null, null)]],
  ['can not be deduced', [{ ...spec('FP32'), anyShape: true }]],
  ['must have input shape [1]', [spec('BYTES', 2)]],
])('refused: %s', (problem, inputs) => {
  expect(() => read(Buffer.alloc(8), true, ...inputs)).toThrow(problem);
});
