/** Models whose batch dimension matters: what must not be batched, or cannot. */

import type { Graph } from '../../src/onnx/graph-builder.ts';
import { createGraph } from '../../src/onnx/graph-builder.ts';

/** x FP32 [-1, 4] → y = x − mean of x over the batch: a row's answer depends on its company. */
export function batchStatistics(): Graph {
  const graph = createGraph('batch_statistics');
  const x = graph.input('x', 'FP32', ['batch', 4]);
  const mean = graph.apply('ReduceMean', [x], { axes: [0], keepdims: 1 });
  graph.node({ op: 'Sub', inputs: [x, mean], outputs: ['y'] });
  graph.output('y', 'FP32', ['batch', 4]);
  return graph;
}

/** x FP32 [1, 4] → y = 2 x: exported with a fixed batch of one. */
export function fixedBatch(): Graph {
  const graph = createGraph('fixed_batch');
  const x = graph.input('x', 'FP32', [1, 4]);
  graph.node({ op: 'Add', inputs: [x, x], outputs: ['y'] });
  graph.output('y', 'FP32', [1, 4]);
  return graph;
}

/** x FP32 [-1, length, 3] → sums FP32 [-1, 3] over the length: every dimension but one is free. */
export function dynamicShape(): Graph {
  const graph = createGraph('dynamic_shape');
  const x = graph.input('x', 'FP32', ['batch', 'length', 3]);
  const inputs = [x, graph.int64s([1])];
  graph.node({ op: 'ReduceSum', inputs, outputs: ['sums'], attributes: { keepdims: 0 } });
  graph.output('sums', 'FP32', ['batch', 3]);
  return graph;
}

/** x FP32 [-1, 2] → total FP32 [] over everything: rows in are not rows out. */
export function total(): Graph {
  const graph = createGraph('total');
  const x = graph.input('x', 'FP32', ['batch', 2]);
  graph.node({ op: 'ReduceSum', inputs: [x], outputs: ['total'], attributes: { keepdims: 0 } });
  graph.output('total', 'FP32', []);
  return graph;
}

/** x FP32 [-1, 4] → double [-1, 4], sum [-1, 1] FP32 and argmax [-1] INT64. */
export function multiOutput(): Graph {
  const graph = createGraph('multi_output');
  const x = graph.input('x', 'FP32', ['batch', 4]);
  graph.node({ op: 'Add', inputs: [x, x], outputs: ['double'] });
  graph.node({ op: 'ReduceSum', inputs: [x, graph.int64s([1])], outputs: ['sum'] });
  const attributes = { axis: 1, keepdims: 0 };
  graph.node({ op: 'ArgMax', inputs: [x], outputs: ['argmax'], attributes });
  graph.output('double', 'FP32', ['batch', 4]);
  graph.output('sum', 'FP32', ['batch', 1]);
  graph.output('argmax', 'INT64', ['batch']);
  return graph;
}
