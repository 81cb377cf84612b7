import { expect, test } from 'vitest';
import { createGraph } from './graph-builder.ts';
import { encodeModel } from './writer.ts';

test('names are made unique, also in subgraphs', () => {
  const graph = createGraph('g');
  expect(graph.uniqueName('w')).toBe('w');
  expect(graph.uniqueName('w')).toBe('w_1');
  expect(graph.uniqueName('w_1')).toBe('w_1_1');
  expect(graph.uniqueName('w')).toBe('w_2');
  expect(graph.subgraph('body').input('w', 'FP32')).toBe('w_3');
});

test('names of inputs and of named outputs are exactly as given, or refused', () => {
  const graph = createGraph('g');
  graph.input('x', 'FP32');
  expect(() => graph.input('x', 'FP32')).toThrow("the name 'x' is taken");
  expect(() => graph.node({ op: 'Neg', inputs: ['x'], outputs: ['x'] })).toThrow("'x' is taken");
});

test('values that do not exist cannot be used', () => {
  const graph = createGraph('g');
  expect(() => graph.apply('Neg', ['x'])).toThrow("input 'x' of Neg is no value of the graph");
  expect(() => graph.output('y', 'FP32')).toThrow("output 'y' is no value of the graph");
});

test('weights that do not fit their shape are refused', () => {
  const graph = createGraph('g');
  expect(() => graph.initialiser('w', 'FP32', [2, 2], new Float32Array(3))).toThrow(
    "initialiser 'w' (FP32 [2, 2]) has 12 bytes and needs 16",
  );
  expect(() => graph.initialiser('s', 'BYTES', [2], ['a'])).toThrow('has 1 strings and needs 2');
  expect(() => graph.initialiser('s', 'FP32', [1], ['a'])).toThrow('has 1 strings');
  expect(graph.initialiser('n', 'INT4', [3], new Uint8Array(2))).toBe('n');
});

test('weights are not copied when the model is encoded', () => {
  const graph = createGraph('g');
  const weights = new Float32Array(4096);
  graph.initialiser('w', 'FP32', [2048], weights.subarray(1024, 3072));
  const whole = encodeModel(graph).find((piece) => piece.byteLength === 8192);
  expect(whole?.buffer).toBe(weights.buffer);
  expect(whole?.byteOffset).toBe(4096);
});

test('lazy weights are made piece by piece', () => {
  const graph = createGraph('g');
  const made: number[] = [];
  function* pieces() {
    for (let i = 0; i < 4; i += 1) {
      made.push(i);
      yield new Uint8Array(4).fill(i);
    }
  }
  graph.initialiser('w', 'INT8', [16], { byteLength: 16, pieces });
  expect(made).toEqual([]);
  const bytes = Buffer.concat(encodeModel(graph));
  expect(made).toEqual([0, 1, 2, 3]);
  expect(bytes.includes(Buffer.from([0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3]))).toBe(true);
});
