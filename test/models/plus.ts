/** y = x + n: a model whose answer says which of its versions gave it. */

import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Graph } from '../../src/onnx/graph-builder.ts';
import { createGraph } from '../../src/onnx/graph-builder.ts';
import { writeOnnxModel } from '../../src/onnx/write-model.ts';

/** x FP32 [-1] → y = x + n; `output` is another name for y. */
export function plus(n: number, output = 'y'): Graph {
  const graph = createGraph('plus');
  const x = graph.input('x', 'FP32', ['batch']);
  graph.node({ op: 'Add', inputs: [x, graph.floats(n)], outputs: [output] });
  graph.output(output, 'FP32', ['batch']);
  return graph;
}

/** Writes `<folder>/<version>/model.onnx` whose n is the version's number, or another. */
export function writePlus(folder: string, version: number, n = version, output = 'y'): string {
  const path = join(folder, String(version), 'model.onnx');
  mkdirSync(dirname(path), { recursive: true });
  writeOnnxModel(path, plus(n, output));
  return path;
}
