/** Which inputs a model scales itself, by its configuration. */

import { expect, test } from 'vitest';
import type { Json } from './config.ts';
import { readNetwork } from './network.ts';
import { scaledInputs } from './scaled-inputs.ts';

const input = { batch_input_shape: [null, 8, 8, 3] };

/** Layers one after the other; the first takes the input. */
function sequential(...names: string[]): Json {
  const layers = names.map((name, i) => ({
    class_name: name,
    config: { name: `${name.toLowerCase()}_${i}`, ...(i === 0 ? input : {}) },
  }));
  return { class_name: 'Sequential', config: { name: 's', layers } };
}

/** Edges of a functional model, by the names of its layers; a layer is called `kind_number`. */
function functional(...edges: readonly [from: string, to: string][]): Json {
  const names = [...new Set(edges.flat())];
  const into = Map.groupBy(edges, ([, to]) => to);
  const layers = names.map((name) => {
    const from = (into.get(name) ?? []).map(([source]) => [source, 0, 0, {}]);
    const kind = name.replace(/_\d+$/, '');
    return {
      class_name: kind,
      name,
      config: { name, ...(kind === 'InputLayer' ? input : {}) },
      inbound_nodes: from.length > 0 ? [from] : [],
    };
  });
  const ends = (wanted: readonly string[]) => wanted.map((name) => [name, 0, 0]);
  const inputs = names.filter((name) => name.startsWith('InputLayer'));
  const config = {
    name: 'f',
    layers,
    input_layers: ends(inputs),
    output_layers: ends(names.slice(-1)),
  };
  return { class_name: 'Functional', config };
}

const scaledIn = (model: Json): string[] => [
  ...scaledInputs(readNetwork(model, '', { depth: 4, layers: 100 })),
];

test.each([
  ['the first layer scales', sequential('Rescaling', 'Conv2D'), ['rescaling_0_input']],
  [
    'behind augmentation',
    sequential('InputLayer', 'RandomFlip', 'Normalization'),
    ['inputlayer_0'],
  ],
  ['none scales', sequential('Conv2D', 'Rescaling'), []],
  [
    'one input of two',
    functional(['InputLayer_1', 'Rescaling_1'], ['InputLayer_2', 'Dense_1'], ['Dense_1', 'Add_1']),
    ['InputLayer_1'],
  ],
  [
    'through a layer that keeps the range',
    functional(['InputLayer_1', 'Resizing_1'], ['Resizing_1', 'Rescaling_1']),
    ['InputLayer_1'],
  ],
  [
    'what is used unscaled too is not scaled',
    functional(['InputLayer_1', 'Rescaling_1'], ['InputLayer_1', 'Conv2D_1']),
    [],
  ],
])('%s', (_, model, expected) => {
  expect(scaledIn(model)).toEqual(expected);
});

test('thousands of layers that pass the pixels on are walked over once', () => {
  const count = 20_000;
  const chain = Array.from({ length: count }, (_, i): [string, string] => [
    i === 0 ? 'InputLayer_0' : `Identity_${i}`,
    `Identity_${i + 1}`,
  ]);
  const model = functional(...chain, [`Identity_${count}`, 'Rescaling_1']);
  const network = readNetwork(model, '', { depth: 4, layers: 100_000 });
  const startedAt = performance.now();
  expect([...scaledInputs(network)]).toEqual(['InputLayer_0']);
  expect(performance.now() - startedAt).toBeLessThan(5000);
});
