/**
 * The comparison with Keras sees small mistakes: each change to a converted graph that leaves it runnable
 * must be further than the bound from what Keras answered.
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, expect, test } from 'vitest';
import type { ImportedModel } from '../../src/importers/importer.ts';
import { kerasImporter } from '../../src/importers/keras/open-keras.ts';
import type { Attributes, GraphData, NodeData } from '../../src/onnx/graph-data.ts';
import { float } from '../../src/onnx/graph-data.ts';
import type { Recorded } from './recorded.ts';
import { compareImported } from './recorded.ts';

const fixtures = join(import.meta.dirname, '../fixtures/keras');
const folder = mkdtempSync(join(tmpdir(), 'modelship-keras-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const unpack = (name: string): Buffer => gunzipSync(readFileSync(join(fixtures, `${name}.gz`)));

/** The model with one node of that kind changed. */
function changed(
  model: ImportedModel,
  op: string,
  change: (node: NodeData) => NodeData,
  which: number,
) {
  const [signature] = model.signatures;
  if (!signature) throw new Error('no signature');
  const { graph } = signature;
  const all = graph.nodes.filter((node) => node.op === op);
  const target = all[which < 0 ? all.length + which : which];
  if (!target) throw new Error(`no ${op} among ${graph.nodes.map((node) => node.op).join(' ')}`);
  const nodes = graph.nodes.map((node) => (node === target ? change(node) : node));
  const mutated: GraphData = { ...graph, nodes };
  return { ...model, signatures: [{ ...signature, graph: mutated }] };
}

const set =
  (name: string, value: (old: Attributes[string]) => Attributes[string]) =>
  (node: NodeData): NodeData => ({
    ...node,
    attributes: { ...node.attributes, [name]: value(node.attributes[name] as Attributes[string]) },
  });

const halvesSwapped = (old: Attributes[string]): Attributes[string] => {
  const list = old as number[];
  const half = list.length / 2;
  return [...list.slice(half), ...list.slice(0, half)];
};
const otherInputs = (node: NodeData): NodeData => ({ ...node, inputs: [...node.inputs].reverse() });
const swap =
  (a: number, b: number) =>
  (node: NodeData): NodeData => {
    const inputs = [...node.inputs];
    [inputs[a], inputs[b]] = [inputs[b] as string, inputs[a] as string];
    return { ...node, inputs };
  };

const mutations: [string, string, string, (node: NodeData) => NodeData, number][] = [
  [
    'the pads of a convolution the other way round',
    'small_cnn',
    'Conv',
    set('pads', halvesSwapped),
    0,
  ],
  [
    'another epsilon of a normalisation',
    'batch_norm',
    'BatchNormalization',
    set('epsilon', () => float(0.011)),
    0,
  ],
  ['mean and variance exchanged', 'batch_norm', 'BatchNormalization', swap(3, 4), 0],
  ['gamma and beta exchanged', 'layer_norm', 'LayerNormalization', swap(1, 2), 0],
  [
    'another epsilon of a layer normalisation',
    'layer_norm',
    'LayerNormalization',
    set('epsilon', () => float(0.0011)),
    0,
  ],
  ['axes of a transpose exchanged', 'conv2d', 'Transpose', set('perm', () => [0, 3, 2, 1]), -1],
  ['softmax over the other axis', 'activation_layers', 'Softmax', set('axis', () => 1), 0],
  ['a subtraction the other way round', 'merging', 'Sub', otherInputs, 0],
  ['a slope', 'activation_layers', 'LeakyRelu', set('alpha', () => float(0.31)), 0],
  ['the GRU that resets before', 'gru', 'GRU', set('linear_before_reset', () => 0), 0],
  ['an LSTM that runs backwards', 'lstm', 'LSTM', set('direction', () => 'reverse'), 0],
  ['another padding of a pooling', 'pooling', 'AveragePool', set('pads', halvesSwapped), 1],
];

test.each(mutations)('%s is seen (%s, %s)', async (_, name, op, change, which) => {
  const path = join(folder, `${name}.keras`);
  writeFileSync(path, unpack(`${name}.keras`));
  const recorded = JSON.parse(unpack(`${name}.keras.json`).toString()) as Recorded;
  using model = kerasImporter.open(path, {});
  const mutated = changed(model, op, change, which);
  const differences = await compareImported(mutated as ImportedModel, recorded).catch(() => []);
  const largest = Math.max(...differences.map(({ error }) => error), 0);
  // A graph that does not even run is seen too, but proves nothing of the bound.
  expect(differences.length).toBeGreaterThan(0);
  expect(largest).toBeGreaterThan(1e-4);
});
