/** A model whose run takes as long as the request says: for deadlines, queues and kills. */

import type { Graph } from '../../src/onnx/graph-builder.ts';
import { createGraph } from '../../src/onnx/graph-builder.ts';
import { subgraph } from '../../src/onnx/graph-data.ts';

const size = 256;

/**
 * x FP32 [-1, 4] → y = x, after as many rounds of work as the largest value of x says (none below 1,
 * at most a million). A round multiplies two 256×256 matrices: 0.2 to 0.5 ms with one thread.
 */
export function slow(): Graph {
  const graph = createGraph('slow');
  const x = graph.input('x', 'FP32', ['batch', 4]);
  const worked = work(graph, roundsIn(graph, x));
  const nothing = graph.apply('Mul', [sumOf(graph, worked), graph.floats(0)]);
  graph.node({ op: 'Add', inputs: [x, nothing], outputs: ['y'] });
  graph.output('y', 'FP32', ['batch', 4]);
  return graph;
}

/** The largest value of x between 0 and a million, as a whole number of rank 0. */
function roundsIn(graph: Graph, x: string): string {
  const largest = graph.apply('ReduceMax', [x], { keepdims: 0 });
  const bounded = graph.apply('Clip', [largest, graph.floats(0), graph.floats(1e6)]);
  return graph.apply('Cast', [bounded], { to: 7 });
}

/** Loop over state [size, size] ← state × identity. */
function work(graph: Graph, rounds: string): string {
  const identity = new Float32Array(size * size);
  for (let i = 0; i < size; i += 1) identity[i * size + i] = 1;
  const matrix = graph.initialiser('identity', 'FP32', [size, size], identity);
  const body = subgraph(multiply(graph.subgraph('multiply'), matrix));
  const inputs = [rounds, '', matrix];
  const [state] = graph.node({ op: 'Loop', inputs, name: 'work', attributes: { body } });
  return state as string;
}

/** The loop's body: (iteration, condition, state) → (condition, state × matrix). */
function multiply(body: Graph, matrix: string): Graph {
  body.input('iteration', 'INT64', []);
  const condition = body.input('condition', 'BOOL', []);
  const state = body.input('state', 'FP32', [size, size]);
  body.output(body.apply('Identity', [condition]), 'BOOL', []);
  body.output(body.apply('MatMul', [state, matrix]), 'FP32', [size, size]);
  return body;
}

const sumOf = (graph: Graph, x: string): string => graph.apply('ReduceSum', [x], { keepdims: 0 });
