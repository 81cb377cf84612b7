/**
 * Whole models against TensorFlow: every signature of what Keras, TensorFlow 2 and TensorFlow 1 saved
 * (test/fixtures/tensorflow/make_models.py).
 */

import { expect, test } from 'vitest';
import {
  differences,
  feedsOf,
  openCase,
  readModel,
  runSignature,
  unpack,
} from '../../../test/models/tensorflow-cases.ts';

const models = [
  'keras_export',
  'keras_saved',
  'keras_transformer',
  'many_signatures',
  'tf1_loops',
  'tf1_switch_sharded',
  'frozen_tf1',
  'frozen_tf2',
  'picture_signatures',
];

test.each(models)('all signatures of %s give what TensorFlow gives', async (name) => {
  const { files, signatures } = readModel(name);
  using folder = unpack(files);
  using model = openCase(folder.path);
  const problems: Record<string, string[]> = {};
  for (const [key, { inputs, outputs }] of Object.entries(signatures)) {
    const signature = model.signatures.find((one) => one.name === key);
    if (!signature) throw new Error(`${key} is not among ${model.signatures.map((s) => s.name)}`);
    for (const level of ['disabled', 'all'] as const) {
      const results = await runSignature(signature, model, feedsOf(signature, inputs), level);
      problems[`${key} ${level}`] = differences(results, outputs);
    }
  }
  expect(Object.values(problems).flat(), JSON.stringify(problems)).toEqual([]);
});

test('signatures keep their names, types and shapes; one that cannot be served is noted', () => {
  using folder = unpack(readModel('many_signatures').files);
  using model = openCase(folder.path);
  expect(model.signatures.map(({ name }) => name)).toEqual(['classify', 'embed', 'count']);
  const [classify, embed, count] = model.signatures;
  expect(classify?.graph).not.toBe(count?.graph);
  expect(embed?.inputs).toMatchObject([{ name: 'rows', dtype: 'FP32', shape: [null, 4] }]);
  // An output may have the name of an input.
  expect(classify?.outputs).toMatchObject([
    { name: 'scores', value: 'scores', dtype: 'FP32', shape: [null, 3] },
    { name: 'x', value: 'x_1', dtype: 'FP32', shape: [null, 4] },
  ]);
  expect(count?.inputs).toMatchObject([
    { name: 'n', dtype: 'INT64', shape: [null] },
    { name: 'w', dtype: 'FP32', shape: [3] },
  ]);
  expect(count?.outputs).toMatchObject([{ name: 'doubled', dtype: 'INT64' }, { name: 'weighted' }]);
  expect(model.findings).toMatchObject([
    { kind: 'dropped', place: "signature 'spell'", what: expect.stringContaining('StringLength') },
  ]);
});

test('signatures that compute the same share a graph of one network', () => {
  using folder = unpack(readModel('keras_export').files);
  using model = openCase(folder.path);
  const [first, second] = model.signatures;
  expect(second?.graph).toBe(first?.graph);
  const ops = first?.graph.nodes.map(({ op }) => op) ?? [];
  expect(ops.filter((op) => op === 'Softmax')).toHaveLength(1);
  // The picture is turned once on its way in; Flatten turns it back.
  expect(ops.filter((op) => op === 'Transpose')).toHaveLength(2);
  expect(ops.filter((op) => op === 'BatchNormalization')).toHaveLength(1);
  // Keras exports hard_sigmoid as three operators.
  expect(ops.filter((op) => op === 'HardSigmoid')).toHaveLength(1);
});

test('the signature asked for comes first, and an unknown one lists those there are', () => {
  using folder = unpack(readModel('many_signatures').files);
  using model = openCase(folder.path, { signature: 'embed' });
  expect(model.signatures[0]?.name).toBe('embed');
  expect(() => openCase(folder.path, { signature: 'predict' })).toThrow(
    "signature 'predict': the model has none of that name; it has classify, count, embed, spell",
  );
  expect(() => openCase(folder.path, { signature: 'spell' })).toThrow('StringLength');
});

test('pictures are told apart by signature: a list, and a single one', () => {
  using folder = unpack(readModel('picture_signatures').files);
  using model = openCase(folder.path);
  const inputs = model.signatures.map(({ name, inputs: list }) => [name, list[0]?.shape]);
  expect(Object.fromEntries(inputs)).toEqual({ many: [null], one: [] });
  for (const { inputs: list } of model.signatures) {
    expect(list).toMatchObject([{ dtype: 'BYTES', picture: { color: 'rgb', layout: 'NHWC' } }]);
  }
});
