import { describe, expect, test } from 'vitest';
import { parseModelYaml } from '../config/model-yaml.ts';
import { planPictures } from '../pipeline/picture-plan.ts';
import type { ReadModel, ReadVersion } from '../repository/read-model.ts';
import type { LoadReport } from '../runner/protocol.ts';
import type { TensorSpec } from '../tensor/tensor-spec.ts';
import { runSizeOf, wantsMeasuring } from './batch-size.ts';
import { order, report } from './runner.fixture.ts';
import { readModelOf } from './version.fixture.ts';

const versionOf = (inputs: readonly TensorSpec[], outputs = order.outputs): ReadVersion => ({
  version: '1',
  file: 'model.onnx',
  signature: {
    inputs,
    outputs,
    format: 'ONNX',
    producer: '',
    opsets: [],
    weightBytes: 0,
    operators: [],
    files: [],
  },
});
const version = versionOf(order.inputs);
const modelOf = (yaml: string): ReadModel =>
  readModelOf({ config: parseModelYaml(yaml, 'model.yaml') }, [version]);

const measured: LoadReport = {
  ...report,
  batchSize: { maxBatch: 32, reason: '900 rows/s', measured: [] },
};
const refused: LoadReport = {
  ...report,
  batching: { acrossRequests: false, reason: "input 'x' is INT32" },
};

describe('rows of a run:', () => {
  test.each<[string, string, LoadReport | undefined, number, string, string]>([
    ['as measured', '', measured, 32, 'measured', '900 rows/s'],
    [
      'as model.yaml says, whatever was measured',
      'batching: {maxBatch: 3}',
      measured,
      3,
      'model.yaml',
      'maxBatch: 3',
    ],
    ['8 where nothing was', '', report, 8, 'default', 'size of its rows open'],
    [
      '8 where model.yaml allows what could not be probed',
      'batching: {acrossRequests: true}',
      refused,
      8,
      'default',
      'cannot be made up',
    ],
    ['1 before it is loaded', '', undefined, 1, 'not batched', 'not loaded yet'],
    ['1 where the probe says no', '', refused, 1, 'not batched', "input 'x' is INT32"],
    [
      '1 where the probe says no and model.yaml how many',
      'batching: {maxBatch: 3}',
      refused,
      1,
      'not batched',
      'INT32',
    ],
    [
      '1 where model.yaml forbids it',
      'batching: {acrossRequests: false}',
      measured,
      1,
      'not batched',
      'model.yaml says acrossRequests: false',
    ],
  ])('%s', (_, yaml, loaded, maxBatch, source, reason) => {
    expect(runSizeOf(modelOf(yaml), version, loaded)).toEqual({
      maxBatch,
      source,
      reason: expect.stringContaining(reason),
    });
  });

  test('1 where a first dimension is fixed, although model.yaml allows more', () => {
    const fixed = versionOf([{ name: 'x', dtype: 'FP32', shape: [2, 2] }]);
    const size = runSizeOf(modelOf('batching: {acrossRequests: true}'), fixed, refused);
    expect(size).toMatchObject({ maxBatch: 1, source: 'not batched' });
  });
});

describe('it is measured', () => {
  const picture: TensorSpec = { name: 'x', dtype: 'FP32', shape: [null, 3, null, null] };
  const wants = (yaml: string, inputs: readonly TensorSpec[] = order.inputs): boolean => {
    const model = modelOf(yaml);
    return wantsMeasuring(model, versionOf(inputs), planPictures(model.config.input, inputs).plan);
  };

  test('where all rows have one size: of the model, or of its pictures', () => {
    expect(wants('')).toBe(true);
    expect(wants('input: {color: rgb, scale: 1, resize: {mode: exact, size: 32}}', [picture])).toBe(
      true,
    );
  });

  test.each<[string, string, (readonly TensorSpec[])?]>([
    ['model.yaml says how many', 'batching: {maxBatch: 1}'],
    ['model.yaml forbids to share runs', 'batching: {acrossRequests: false}'],
    ['rows may be of any length', '', [{ name: 'x', dtype: 'FP32', shape: [null, null] }]],
    ['the model takes any shape', '', [{ name: 'x', dtype: 'FP32', shape: [], anyShape: true }]],
    ['pictures may have any size', 'input: {color: rgb, scale: 1}', [picture]],
    [
      'an input beside the picture may have any size',
      'input: {color: rgb, scale: 1, resize: {mode: exact, size: 32}}',
      [picture, { name: 'z', dtype: 'FP32', shape: [null, null] }],
    ],
  ])('not where %s', (_, yaml, inputs) => {
    expect(wants(yaml, inputs)).toBe(false);
  });
});
