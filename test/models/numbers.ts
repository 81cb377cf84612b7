/** Small models over numbers, each with an answer that is known without a runtime. */

import type { Graph } from '../../src/onnx/graph-builder.ts';
import { createGraph } from '../../src/onnx/graph-builder.ts';
import { createRandom, spread } from './random.ts';

/** INPUT0, INPUT1 INT32 [-1, 16] → OUTPUT0 their sum, OUTPUT1 their difference: Triton's "simple". */
export function simple(): Graph {
  const graph = createGraph('simple');
  const shape = ['batch', 16];
  const inputs = [graph.input('INPUT0', 'INT32', shape), graph.input('INPUT1', 'INT32', shape)];
  graph.node({ op: 'Add', inputs, outputs: ['OUTPUT0'] });
  graph.node({ op: 'Sub', inputs, outputs: ['OUTPUT1'] });
  graph.output('OUTPUT0', 'INT32', shape);
  graph.output('OUTPUT1', 'INT32', shape);
  return graph;
}

/** x FP32 [-1] → y = 0.5 x + 2: TensorFlow Serving's "half_plus_two". */
export function halfPlusTwo(): Graph {
  const graph = createGraph('half_plus_two');
  const x = graph.input('x', 'FP32', ['batch']);
  const half = graph.apply('Mul', [x, graph.floats(0.5)]);
  graph.node({ op: 'Add', inputs: [half, graph.floats(2)], outputs: ['y'] });
  graph.output('y', 'FP32', ['batch']);
  return graph;
}

/** x FP32 [-1, 64] → dense 128, relu, dense 10 → scores FP32 [-1, 10]; seeded weights. */
export function mlp(seed = 1): Graph {
  const graph = createGraph('mlp');
  const random = createRandom(seed);
  const x = graph.input('x', 'FP32', ['batch', 64]);
  const hidden = graph.apply('Relu', [dense(graph, random, x, 64, 128)]);
  const scores = dense(graph, random, hidden, 128, 10, 'scores');
  graph.output(scores, 'FP32', ['batch', 10]);
  return graph;
}

function dense(
  graph: Graph,
  random: () => number,
  x: string,
  inputs: number,
  outputs: number,
  name = graph.uniqueName('dense_out'),
): string {
  const deviation = Math.sqrt(2 / inputs);
  const weights = spread(random, inputs * outputs, deviation);
  const w = graph.initialiser('weight', 'FP32', [inputs, outputs], weights);
  const b = graph.initialiser('bias', 'FP32', [outputs], spread(random, outputs, 0.1));
  const [y] = graph.node({ op: 'Gemm', inputs: [x, w, b], name, outputs: 1 });
  return y as string;
}
