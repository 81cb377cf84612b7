/** tensorflow.serving over gRPC with real models: TensorFlow Serving's golden answers and its own words. */

import { join } from 'node:path';
import { status as codes } from '@grpc/grpc-js';
import { afterAll, describe, expect, test } from 'vitest';
import { writeTestModel } from './models/test-models.ts';
import type { Message } from './support/grpc.ts';
import { createGrpcClient, decodeMessage, encodeMessage, grpcPortOf } from './support/grpc.ts';
import { copyDigits, writeModels, writeYaml } from './support/model-folder.ts';
import { startModelship, temporaryFolder } from './support/modelship.ts';
import { readDigit } from './support/pictures.ts';

const folder = temporaryFolder();
writeModels(folder.path, 'simple', 'opset-99');
for (const version of [1, 3]) writeTestModel(folder.path, 'half-plus-two', version, 'half');
writeYaml(join(folder.path, 'half'), 'versions: {policy: all}');
copyDigits(folder.path);
const server = await startModelship(folder.path);
const client = createGrpcClient(await grpcPortOf(server));

afterAll(async () => {
  client[Symbol.dispose]();
  await server[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const prediction = (method: string): string => `tensorflow.serving.PredictionService/${method}`;
const models = (method: string): string => `tensorflow.serving.ModelService/${method}`;

async function ask(method: string, message: object): Promise<Message> {
  const answer = await client.call(method, message);
  expect(answer).toMatchObject({ code: codes.OK, details: '' });
  return answer.message;
}

const shapeOf = (...dims: number[]): object => ({ dim: dims.map((size) => ({ size })) });
const floats = (values: number[], ...dims: number[]): object => ({
  dtype: 'DT_FLOAT',
  tensor_shape: shapeOf(...(dims.length > 0 ? dims : [values.length])),
  float_val: values,
});

describe('Predict', () => {
  test('half plus two', async () => {
    const answer = await ask(prediction('Predict'), {
      model_spec: { name: 'half' },
      inputs: { x: floats([2, 3, 4]) },
    });
    expect(answer).toMatchObject({
      outputs: {
        y: { dtype: 'DT_FLOAT', tensor_shape: { dim: [{ size: '3' }] }, float_val: [3, 3.5, 4] },
      },
      model_spec: { name: 'half', version: { value: '3' }, signature_name: 'serving_default' },
    });
  });

  test('the last value counts for those that are missing', async () => {
    const { outputs } = await ask(prediction('Predict'), {
      model_spec: { name: 'half', version: { value: 1 } },
      inputs: { x: floats([2, 6], 4) },
    });
    expect(outputs.y.float_val).toEqual([3, 5, 5, 5]);
  });

  test('bytes in tensor_content, and only the outputs of the filter', async () => {
    const content = Buffer.from(Int32Array.from({ length: 16 }, (_, i) => i).buffer);
    const tensor = { dtype: 'DT_INT32', tensor_shape: shapeOf(1, 16), tensor_content: content };
    const { outputs } = await ask(prediction('Predict'), {
      model_spec: { name: 'simple' },
      inputs: { INPUT0: tensor, INPUT1: tensor },
      output_filter: ['OUTPUT0'],
    });
    expect(Object.keys(outputs)).toEqual(['OUTPUT0']);
    expect(outputs.OUTPUT0.int_val).toEqual(Array.from({ length: 16 }, (_, i) => 2 * i));
  });

  test('pictures, as the client of the house numbers sends them', async () => {
    const { outputs, model_spec: answered } = await ask(prediction('Predict'), {
      model_spec: { name: 'digits', signature_name: 'predict_images' },
      inputs: {
        images: {
          dtype: 'DT_STRING',
          tensor_shape: shapeOf(2),
          string_val: [readDigit('3.png'), readDigit('0.png')],
        },
      },
    });
    expect(answered.signature_name).toBe('predict_images');
    const [scores] = Object.values(outputs) as Message[];
    expect(scores.tensor_shape.dim).toEqual([{ size: '2' }, { size: '10' }]);
    const rows = [scores.float_val.slice(0, 10), scores.float_val.slice(10)];
    expect(rows.map((row) => row.indexOf(Math.max(...row)))).toEqual([3, 0]);
  });

  const half = { model_spec: { name: 'half' }, inputs: { x: floats([2]) } };
  test.each<[string, object, number, RegExp]>([
    ['no model_spec', { inputs: half.inputs }, codes.INVALID_ARGUMENT, /^Missing ModelSpec$/],
    [
      'an unknown model',
      { ...half, model_spec: { name: 'no' } },
      codes.NOT_FOUND,
      /^Servable not found for request: Latest\(no\)$/,
    ],
    [
      'an unknown version',
      { ...half, model_spec: { name: 'half', version: { value: 7 } } },
      codes.NOT_FOUND,
      /^Servable not found for request: Specific\(half, 7\)$/,
    ],
    [
      'an unknown label',
      { ...half, model_spec: { name: 'half', version_label: 'canary' } },
      codes.INVALID_ARGUMENT,
      /version label: canary/,
    ],
    [
      'an unknown signature',
      { ...half, model_spec: { name: 'half', signature_name: 'other' } },
      codes.FAILED_PRECONDITION,
      /^Serving signature key "other" not found\.$/,
    ],
    [
      'an input too many',
      { ...half, inputs: { x: floats([2]), z: floats([2]) } },
      codes.INVALID_ARGUMENT,
      /^input size does not match signature: 2!=1 .*Sent extra: \{z\}\. Missing but required: \{\}\.$/,
    ],
    [
      'another type',
      { ...half, inputs: { x: { dtype: 'DT_INT32', tensor_shape: shapeOf(1), int_val: [1] } } },
      codes.INVALID_ARGUMENT,
      /data-type is 'INT32'/,
    ],
    [
      'a type without a dtype',
      { ...half, inputs: { x: { dtype: 'DT_COMPLEX64', tensor_shape: shapeOf(1) } } },
      codes.INVALID_ARGUMENT,
      /DT_COMPLEX64/,
    ],
    [
      'an unknown output',
      { ...half, output_filter: ['z'] },
      codes.INVALID_ARGUMENT,
      /^output tensor alias not found in signature: z/,
    ],
    [
      'a tensor of gigabytes in a few bytes',
      { ...half, inputs: { x: floats([1], 2 ** 30) } },
      codes.INVALID_ARGUMENT,
      /stands for \d+ more bytes/,
    ],
    [
      'a model that does not load',
      { ...half, model_spec: { name: 'opset-99' } },
      codes.UNAVAILABLE,
      /not ready/,
    ],
  ])('%s', async (_, request, code, message) => {
    const answer = await client.call(prediction('Predict'), request);
    expect(answer).toMatchObject({ code, details: expect.stringMatching(message) });
  });
});

const examples = (...values: number[]): object => ({
  example_list: {
    examples: values.map((value) => ({
      features: { feature: { x: { float_list: { value: [value] } } } },
    })),
  },
});

describe('examples', () => {
  test('Regress', async () => {
    const answer = await ask(prediction('Regress'), {
      model_spec: { name: 'half' },
      input: examples(2, 4),
    });
    expect(answer.result).toEqual({ regressions: [{ value: 3 }, { value: 4 }] });
    expect(answer.model_spec).toMatchObject({ name: 'half', version: { value: '3' } });
  });

  test('Classify', async () => {
    const { result } = await ask(prediction('Classify'), {
      model_spec: { name: 'half' },
      input: examples(2),
    });
    expect(result).toMatchObject({ classifications: [{ classes: [{ score: 3 }] }] });
  });

  test('MultiInference', async () => {
    const task = (method: string, signature: string): object => ({
      model_spec: { name: 'half', signature_name: signature },
      method_name: `tensorflow/serving/${method}`,
    });
    const { results } = await ask(prediction('MultiInference'), {
      tasks: [task('regress', 'serving_default')],
      input: examples(2, 3),
    });
    expect(results).toMatchObject([
      { regression_result: { regressions: [{ value: 3 }, { value: 3.5 }] } },
    ]);
    const twice = await client.call(prediction('MultiInference'), {
      tasks: [task('regress', ''), task('classify', '')],
      input: examples(2),
    });
    expect(twice).toMatchObject({
      code: codes.INVALID_ARGUMENT,
      details: 'Duplicate evaluation of signature',
    });
  });

  test('without examples', async () => {
    const answer = await client.call(prediction('Regress'), { model_spec: { name: 'half' } });
    expect(answer).toMatchObject({
      code: codes.INVALID_ARGUMENT,
      details: expect.stringMatching(/empty/i),
    });
  });
});

describe('about models', () => {
  test('GetModelMetadata', async () => {
    const { metadata, model_spec: answered } = await ask(prediction('GetModelMetadata'), {
      model_spec: { name: 'half' },
      metadata_field: ['signature_def'],
    });
    expect(answered).toMatchObject({ name: 'half', version: { value: '3' } });
    expect(metadata.signature_def.type_url).toBe(
      'type.googleapis.com/tensorflow.serving.SignatureDefMap',
    );
    const map = decodeMessage('tensorflow.serving.SignatureDefMap', metadata.signature_def.value);
    expect(map.signature_def.serving_default).toMatchObject({
      inputs: { x: { dtype: 'DT_FLOAT', tensor_shape: { dim: [{ size: '-1' }] } } },
      method_name: 'tensorflow/serving/predict',
    });
    const none = await client.call(prediction('GetModelMetadata'), {
      model_spec: { name: 'half' },
    });
    expect(none.code).toBe(codes.INVALID_ARGUMENT);
  });

  test('GetModelStatus', async () => {
    const all = await ask(models('GetModelStatus'), { model_spec: { name: 'half' } });
    expect(all.model_version_status.map(({ version, state }: Message) => [version, state])).toEqual(
      [
        ['3', 'AVAILABLE'],
        ['1', 'AVAILABLE'],
      ],
    );
    const failed = await ask(models('GetModelStatus'), { model_spec: { name: 'opset-99' } });
    expect(failed.model_version_status).toMatchObject([
      { state: 'END', status: { error_message: expect.stringContaining('opset 99') } },
    ]);
    const unknown = await client.call(models('GetModelStatus'), { model_spec: { name: 'no' } });
    expect(unknown).toMatchObject({
      code: codes.NOT_FOUND,
      details: 'Could not find any versions of model no',
    });
  });

  test('HandleReloadConfigRequest is refused, a broken one for what is broken', async () => {
    const config = { model_config_list: { config: [{ name: 'half', base_path: '/m' }] } };
    expect(await client.call(models('HandleReloadConfigRequest'), { config })).toMatchObject({
      code: codes.PERMISSION_DENIED,
      details: expect.stringContaining('--model-control explicit'),
    });
    expect(await client.call(models('HandleReloadConfigRequest'))).toMatchObject({
      code: codes.INVALID_ARGUMENT,
    });
  });
});

test('bytes that are no message', async () => {
  const good = encodeMessage('tensorflow.serving.PredictRequest', {
    model_spec: { name: 'half' },
    inputs: { x: floats([2, 3, 4]) },
  });
  for (let end = 1; end < good.length; end += 1) {
    const answer = await client.send(`/${prediction('Predict')}`, good.subarray(0, end));
    expect([codes.OK, codes.INVALID_ARGUMENT]).toContain(answer.code);
  }
});
