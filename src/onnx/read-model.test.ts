import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { createGraph } from './graph-builder.ts';
import { readOnnxModel } from './read-model.ts';
import { writeOnnxModel } from './write-model.ts';

const folder = mkdtempSync(join(tmpdir(), 'modelship-read-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('a written model is read back', () => {
  const path = join(folder, 'model.onnx');
  const graph = createGraph('g');
  const x = graph.input('x', 'FP32', ['batch', 3, null]);
  const w = graph.initialiser('w', 'FP32', [3, 4], new Float32Array(12));
  graph.node({ op: 'MatMul', inputs: [x, w], outputs: ['y'] });
  graph.output('y', 'FP32');
  writeOnnxModel(path, graph, { opset: 18, metadata: { author: 'me' } });
  const summary = readOnnxModel(path);
  expect(summary).toMatchObject({
    irVersion: 8,
    graphName: 'g',
    opsets: [{ domain: 'ai.onnx', version: 18 }],
    producer: { name: 'modelship', version: '' },
    inputs: [{ name: 'x', type: { kind: 'tensor', dtype: 'FP32', shape: ['batch', 3, null] } }],
    outputs: [{ name: 'y', type: { dtype: 'FP32', shape: undefined }, producer: { op: 'MatMul' } }],
    initialisers: { count: 1, bytes: 48 },
    ops: [{ domain: 'ai.onnx', op: 'MatMul', count: 1 }],
  });
  expect(summary.metadata).toEqual(new Map([['author', 'me']]));
});

test('an empty file is refused by name', () => {
  const path = join(folder, 'empty.onnx');
  writeFileSync(path, '');
  expect(() => readOnnxModel(path)).toThrow('empty.onnx is not a usable model: the file is empty');
});
