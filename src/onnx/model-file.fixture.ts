/** Model files for the tests of this folder. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServingError } from '../errors.ts';
import type { Graph } from './graph-builder.ts';
import { createGraph } from './graph-builder.ts';

/** A folder that is gone when the scope ends: `using folder = temporaryFolder()`. */
export function temporaryFolder(): { readonly file: (name: string) => string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'modelship-onnx-'));
  return {
    file: (name) => join(path, name),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** x FP32 ['batch', 3] · w [3, 4] + b [4] → y; 64 bytes of weights. */
export function dense(): Graph {
  const graph = createGraph('dense');
  const x = graph.input('x', 'FP32', ['batch', 3]);
  const w = graph.initialiser(
    'w',
    'FP32',
    [3, 4],
    Float32Array.from({ length: 12 }, (_, i) => i),
  );
  const b = graph.initialiser('b', 'FP32', [4], Float32Array.of(1, 2, 3, 4));
  const product = graph.apply('MatMul', [x, w]);
  graph.node({ op: 'Add', inputs: [product, b], outputs: ['y'], name: 'last' });
  graph.output('y', 'FP32', ['batch', 4]);
  return graph;
}

/** The code and message of what `run` throws; fails the test when it is no ServingError. */
export function errorOf(run: () => unknown): { readonly code: string; readonly message: string } {
  try {
    run();
  } catch (error) {
    if (error instanceof ServingError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error('nothing was thrown');
}
