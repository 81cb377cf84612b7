/** Models that cannot be served, fail, or take their time. */

import type { Graph } from '../../src/onnx/graph-builder.ts';
import { createGraph } from '../../src/onnx/graph-builder.ts';
import { mapOf, sequenceOf, tensorOf } from '../../src/onnx/value-type.ts';

/** x FP32 [-1] → y = sequence(tensor(float)), which the binding cannot give. */
export function sequenceOutput(): Graph {
  const graph = createGraph('sequence_output');
  const x = graph.input('x', 'FP32', ['batch']);
  graph.node({ op: 'SequenceConstruct', inputs: [x, x], outputs: ['y'] });
  graph.outputOf('y', sequenceOf(tensorOf('FP32', ['batch'])));
  return graph;
}

/** A classifier as skl2onnx exports it unless told otherwise. Needs the opsets of `zipMapOpsets`. */
export function zipMapOutput(): Graph {
  const graph = createGraph('zip_map_output');
  const x = graph.input('x', 'FP32', ['batch', 3]);
  graph.node({
    op: 'ZipMap',
    name: 'ZipMap',
    domain: 'ai.onnx.ml',
    inputs: [graph.apply('Softmax', [x])],
    outputs: ['output_probability'],
    attributes: { classlabels_int64s: [0, 1, 2] },
  });
  graph.outputOf('output_probability', sequenceOf(mapOf('INT64', tensorOf('FP32'))));
  return graph;
}

export const zipMapOpsets = { '': 17, 'ai.onnx.ml': 3 } as const;

/**
 * x FP32 [-1, 2] → y = x when every row of the batch has a first value other than 0; a 0 there makes
 * the run fail (it gathers a row that does not exist), as the zeros of a warm-up do.
 */
export function failsOnZeros(): Graph {
  const graph = createGraph('fails_on_zeros');
  const x = graph.input('x', 'FP32', ['batch', 2]);
  const first = graph.apply('Gather', [x, graph.int64s([0])], { axis: 1 });
  const isZero = graph.apply('Cast', [graph.apply('Equal', [first, graph.floats(0)])], { to: 7 });
  const index = graph.apply('Mul', [isZero, graph.int64s([1000])]);
  const table = graph.initialiser('table', 'FP32', [1], Float32Array.of(0));
  const zero = graph.apply('Gather', [table, index]);
  graph.node({ op: 'Add', inputs: [x, zero], outputs: ['y'] });
  graph.output('y', 'FP32', ['batch', 2]);
  return graph;
}

/** x FP32 [-1, 4] → y FP32 [-1, 4] of NaN wherever x is negative (a square root). */
export function notANumber(): Graph {
  const graph = createGraph('not_a_number');
  const x = graph.input('x', 'FP32', ['batch', 4]);
  graph.node({ op: 'Sqrt', inputs: [x], outputs: ['y'] });
  graph.output('y', 'FP32', ['batch', 4]);
  return graph;
}

/** Where an overflow of a division is a signal: elsewhere the models of `endsProcess` answer it. */
export const divisionCanKill = process.arch === 'x64';

/**
 * x INT64 [-1, 4] → y = x; an element that is `deadly` ends the process with SIGFPE, by the quotient of
 * the lowest number and −1. With `deadly` 0 the zeros of the warm-up do.
 */
export function endsProcess(deadly: number): Graph {
  const graph = createGraph('ends_process');
  const x = graph.input('x', 'INT64', ['batch', 4]);
  const lowest = graph.initialiser('lowest', 'INT64', [], BigInt64Array.of(-(2n ** 63n)));
  const distance = graph.apply('Sub', [x, graph.int64s([deadly + 1])]);
  const quotient = graph.apply('Div', [lowest, distance]);
  const nothing = graph.apply('Mul', [quotient, graph.int64s([0])]);
  graph.node({ op: 'Add', inputs: [x, nothing], outputs: ['y'] });
  graph.output('y', 'INT64', ['batch', 4]);
  return graph;
}

/** The element of x that ends the process in which `deadly-input` runs. */
export const deadlyElement = 123_457;
