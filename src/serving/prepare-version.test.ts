import { expect, test } from 'vitest';
import type { ModelSignature } from '../repository/model-signature.ts';
import type { TensorSpec } from '../tensor/tensor-spec.ts';
import { findSignatureDifferences } from './prepare-version.ts';

const of = (
  inputs: readonly TensorSpec[],
  outputs: readonly TensorSpec[] = [],
): ModelSignature => ({
  inputs,
  outputs,
  format: 'ONNX',
  producer: '',
  opsets: [],
  weightBytes: 0,
  operators: [],
  files: [],
});

const x: TensorSpec = { name: 'x', dtype: 'FP32', shape: [null, 2] };

test.each<[string, ModelSignature, ModelSignature, string[]]>([
  ['nothing, when they are the same', of([x], [x]), of([{ ...x }], [{ ...x }]), []],
  [
    'nothing, when only their order differs',
    of([x, { ...x, name: 'z' }]),
    of([{ ...x, name: 'z' }, x]),
    [],
  ],
  [
    'a shape',
    of([x]),
    of([{ ...x, shape: [null, 3] }]),
    ["input 'x' FP32 [-1, 2] became 'x' FP32 [-1, 3]"],
  ],
  [
    'a dtype',
    of([x]),
    of([{ ...x, dtype: 'FP16' }]),
    ["input 'x' FP32 [-1, 2] became 'x' FP16 [-1, 2]"],
  ],
  [
    'a name',
    of([], [x]),
    of([], [{ ...x, name: 'y' }]),
    ["output 'x' FP32 [-1, 2] is gone", "output 'y' FP32 [-1, 2] is new"],
  ],
  [
    'a rank that is left open',
    of([x]),
    of([{ ...x, shape: [], anyShape: true }]),
    ["input 'x' FP32 [-1, 2] became 'x' FP32 [any]"],
  ],
])('what differs is %s', (_, before, after, expected) => {
  expect(findSignatureDifferences(before, after)).toEqual(expected);
});
