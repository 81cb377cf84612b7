/** A model whose weights are in a file beside it. */

import type { Graph } from '../../src/onnx/graph-builder.ts';
import { createGraph } from '../../src/onnx/graph-builder.ts';

/** x FP32 [-1, 64] → y = 3 x, by a matrix of 16 KiB; write it with `externalData`. */
export function tripled(): Graph {
  const graph = createGraph('tripled');
  const x = graph.input('x', 'FP32', ['batch', 64]);
  const numbers = new Float32Array(64 * 64);
  for (let i = 0; i < 64; i += 1) numbers[i * 64 + i] = 3;
  const matrix = graph.initialiser('matrix', 'FP32', [64, 64], numbers);
  graph.node({ op: 'MatMul', inputs: [x, matrix], outputs: ['y'] });
  graph.output('y', 'FP32', ['batch', 64]);
  return graph;
}
