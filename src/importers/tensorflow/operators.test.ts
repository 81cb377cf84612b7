/**
 * Operators against TensorFlow: each case is a model that TensorFlow saved, with the outputs it computed
 * from the reloaded file (test/fixtures/tensorflow/make_ops.py).
 */

import { expect, test } from 'vitest';
import {
  differences,
  feedsOf,
  opCases,
  openCase,
  readCase,
  runSignature,
  unpack,
} from '../../../test/models/tensorflow-cases.ts';
import type { Attributes, NodeData } from '../../onnx/graph-data.ts';
import { float } from '../../onnx/graph-data.ts';
import type { ImportedSignature } from '../importer.ts';

async function problemsOf(
  name: string,
  change: (signature: ImportedSignature) => ImportedSignature = (same) => same,
): Promise<string[]> {
  const { files, inputs, outputs } = readCase(`ops/${name}`);
  using folder = unpack(files);
  using model = openCase(folder.path);
  const [signature] = model.signatures;
  if (!signature) throw new Error('no signature');
  const changed = change(signature);
  const feeds = feedsOf(changed, inputs);
  const plain = await runSignature(changed, model, feeds, 'disabled');
  const optimised = await runSignature(changed, model, feeds, 'all');
  return [...differences(plain, outputs), ...differences(optimised, outputs)];
}

test.each(opCases)('%s gives what TensorFlow gives', async (name) => {
  expect(await problemsOf(name)).toEqual([]);
});

/** The signature with the attributes of all nodes of that operator changed. */
const changing =
  (op: string, change: (attributes: Attributes) => Attributes) =>
  (signature: ImportedSignature): ImportedSignature => {
    const { graph } = signature;
    const nodes = graph.nodes.map((node): NodeData => {
      return node.op === op ? { ...node, attributes: change(node.attributes) } : node;
    });
    return { ...signature, graph: { ...graph, nodes } };
  };

const reversed = (key: string) => (attributes: Attributes) => ({
  ...attributes,
  [key]: [...(attributes[key] as number[])].reverse(),
});

const mutations = [
  ['conv2d', 'Conv', reversed('pads')],
  ['conv2d_dilated_grouped', 'Conv', (a) => ({ ...a, dilations: [1, 1] })],
  ['conv1d', 'Conv', reversed('pads')],
  ['depthwise', 'Conv', reversed('pads')],
  ['conv2d_transpose', 'ConvTranspose', reversed('pads')],
  ['pooling', 'AveragePool', (a) => ({ ...a, count_include_pad: 1 })],
  ['pooling', 'MaxPool', reversed('pads')],
  ['normalisations', 'BatchNormalization', (a) => ({ ...a, epsilon: float(0.02) })],
  ['resizing', 'Resize', (a) => ({ ...a, coordinate_transformation_mode: 'half_pixel' })],
  ['blocks', 'DepthToSpace', (a) => ({ ...a, mode: 'CRD' })],
  ['activations', 'LeakyRelu', (a) => ({ ...a, alpha: float(0.21) })],
  ['reductions', 'CumSum', (a) => ({ ...a, reverse: 0 })],
  ['shapes', 'Transpose', (a) => ({ ...a, perm: [0, 1, 2] })],
] as const satisfies readonly (readonly [string, string, (a: Attributes) => Attributes])[];

test.each(mutations)('%s is seen to be wrong when %s is changed', async (name, op, change) => {
  const found = await problemsOf(name, changing(op, change)).catch(String);
  expect(found.length).toBeGreaterThan(0);
});
