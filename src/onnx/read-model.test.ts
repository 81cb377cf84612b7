import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createGraph } from './graph-builder.ts';
import { subgraph, tensor } from './graph-data.ts';
import { dense, errorOf, temporaryFolder } from './model-file.fixture.ts';
import { ProtobufWriter, readPiece } from './protobuf-writer.ts';
import { readOnnxModel } from './read-model.ts';
import type { OnnxSummary } from './summary.ts';
import type { ValueType } from './value-type.ts';
import { mapOf, optionalOf, sequenceOf, tensorOf } from './value-type.ts';
import type { WriteOptions } from './write-model.ts';
import { writeOnnxModel } from './write-model.ts';

function readBack(graph = dense(), options: WriteOptions = {}): OnnxSummary {
  using folder = temporaryFolder();
  writeOnnxModel(folder.file('model.onnx'), graph, options);
  return readOnnxModel(folder.file('model.onnx'));
}

/** Writes the bytes as model.onnx and gives the error of reading it, without the folder's name. */
function refusalOf(bytes: Uint8Array | string): string {
  using folder = temporaryFolder();
  writeFileSync(folder.file('model.onnx'), bytes);
  const { code, message } = errorOf(() => readOnnxModel(folder.file('model.onnx')));
  expect(code).toBe('MODEL_FILE_INVALID');
  return message.replace(/^.*model\.onnx is not a usable model: /, '');
}

test('a written model is read back', () => {
  const summary = readBack(dense(), {
    opset: { '': 18, 'ai.onnx.ml': 3 },
    modelVersion: 7,
    producer: { name: 'me', version: '1.2' },
    metadata: { author: 'someone', names: '{0: "cat"}' },
  });
  expect(summary).toMatchObject({
    irVersion: 8,
    graphName: 'dense',
    modelVersion: '7',
    opsets: [
      { domain: 'ai.onnx', version: 18 },
      { domain: 'ai.onnx.ml', version: 3 },
    ],
    producer: { name: 'me', version: '1.2' },
    inputs: [{ name: 'x', type: tensorOf('FP32', ['batch', 3]) }],
    outputs: [
      { name: 'y', type: tensorOf('FP32', ['batch', 4]), producer: { op: 'Add', node: 'last' } },
    ],
    initialisers: { count: 2, bytes: 64 },
    constants: { count: 0, bytes: 0 },
    externalTensors: [],
    functions: [],
  });
  expect(summary.metadata).toEqual(
    new Map([
      ['author', 'someone'],
      ['names', '{0: "cat"}'],
    ]),
  );
});

test('an input that is also an initialiser is none that a caller gives', () => {
  const graph = dense();
  graph.inputs.push({ name: 'w', type: tensorOf('FP32', [3, 4]) });
  expect(readBack(graph).inputs.map(({ name }) => name)).toEqual(['x']);
});

test.each<[string, ValueType]>([
  ['tensor of unknown rank', tensorOf('FP64')],
  ['scalar', tensorOf('INT64', [])],
  ['tensor of sizes, names and nothing', tensorOf('BYTES', [1, 'n', null, 0])],
  ['bfloat16', tensorOf('BF16', [1])],
  ['sequence', sequenceOf(tensorOf('FP32', ['n']))],
  ['sequence of maps', sequenceOf(mapOf('INT64', tensorOf('FP32')))],
  ['optional', optionalOf(sequenceOf(tensorOf('INT8')))],
])('the type of a value is read back: %s', (_, type) => {
  const graph = createGraph('g');
  graph.inputOf('x', type);
  expect(readBack(graph).inputs).toEqual([{ name: 'x', type }]);
});

test('types are described as ONNX writes them', () => {
  const type = sequenceOf(mapOf('INT64', tensorOf('FP32')));
  expect(type.description).toBe('sequence(map(int64, tensor(float)))');
});

test('a dimension of -1 is one of which nothing is known', () => {
  const graph = createGraph('g');
  graph.input('x', 'FP32', [-1, 4]);
  expect(readBack(graph).inputs[0]?.type).toEqual(tensorOf('FP32', [null, 4]));
});

test('nodes of subgraphs are counted, and tensors inside nodes', () => {
  const graph = dense();
  const body = graph.subgraph('then');
  const constant = { name: 'c', dtype: 'FP32', shape: [5], data: new Float32Array(5) } as const;
  body.node({
    op: 'Constant',
    inputs: [],
    outputs: ['c'],
    attributes: { value: tensor(constant) },
  });
  body.initialiser('more', 'INT64', [2], new BigInt64Array(2));
  body.node({ op: 'Mine', domain: 'my.domain', inputs: ['c'] });
  graph.node({ op: 'If', inputs: ['y'], attributes: { then_branch: subgraph(body) } });
  const summary = readBack(graph);
  expect(summary.initialisers).toEqual({ count: 3, bytes: 80 });
  expect(summary.constants).toEqual({ count: 1, bytes: 20 });
  expect(summary.ops.map(({ domain, op, count }) => `${domain} ${op} ${count}`).sort()).toEqual([
    'ai.onnx Add 1',
    'ai.onnx Constant 1',
    'ai.onnx If 1',
    'ai.onnx MatMul 1',
    'my.domain Mine 1',
  ]);
});

test('functions, their nodes and their opsets are read', () => {
  const node = new ProtobufWriter().string(4, 'Sqrt');
  const opset = new ProtobufWriter().string(1, 'other').int(2, 3);
  const body = new ProtobufWriter().string(1, 'Mine').message(7, node).message(9, opset);
  const model = new ProtobufWriter().int(1, 8).message(7, new ProtobufWriter());
  model.message(25, body.string(10, 'my.domain'));
  using folder = temporaryFolder();
  const bytes = [...model.finish()].flatMap((piece) => [...readPiece(piece)]);
  writeFileSync(folder.file('model.onnx'), Buffer.concat(bytes));
  expect(readOnnxModel(folder.file('model.onnx'))).toMatchObject({
    functions: [{ domain: 'my.domain', op: 'Mine' }],
    ops: [{ domain: 'ai.onnx', op: 'Sqrt', count: 1 }],
    opsets: [{ domain: 'other', version: 3 }],
  });
});

test('a tensor of strings counts with the lengths of its strings', () => {
  const graph = createGraph('g');
  graph.initialiser('words', 'BYTES', [2], ['four', 'é']);
  expect(readBack(graph).initialisers).toEqual({ count: 1, bytes: 6 });
});

test('large weights are skipped, not read', () => {
  using folder = temporaryFolder();
  const graph = createGraph('large');
  const data = { byteLength: 2 ** 30, pieces: () => [] };
  graph.initialiser('w', 'FP32', [2 ** 28], data);
  const path = folder.file('model.onnx');
  expect(() => writeOnnxModel(path, graph)).toThrow('gave 0 bytes and promised 1073741824');
  // What was written ends where the weights begin; a hole in the file takes their place.
  truncateSync(path, statSync(path).size + data.byteLength);
  const before = process.memoryUsage().rss;
  expect(readOnnxModel(path).initialisers).toEqual({ count: 1, bytes: 2 ** 30 });
  expect(process.memoryUsage().rss - before).toBeLessThan(50e6);
});

test.each<[string, Uint8Array | string, string]>([
  ['an empty file', '', 'the file is empty (0 bytes).'],
  ['an HTML page', '<!DOCTYPE html><html>', 'at byte 0 it looks like an HTML page; the download'],
  ['a Git LFS pointer', 'version https://git-lfs.github.com/spec/v1\n', 'a Git LFS pointer'],
  ['a zip archive', 'PK\x03\x04....', 'a zip archive (PyTorch .pt'],
  ['JSON', '{\n  "nodes": []}', 'a JSON file'],
  ['text', 'this is my model, is it not?', 'a text file'],
  ['HDF5', Buffer.from('\x89HDF\r\n\x1a\n', 'latin1'), 'an HDF5 file'],
  ['a pickle', Buffer.from([0x80, 2, 0x63]), 'a Python pickle'],
  ['a TensorFlow Lite model', '\x1c\0\0\0TFL3', 'a TensorFlow Lite model'],
  ['safetensors', Buffer.from('\x40\0\0\0\0\0\0\0{"a":{"dtype"', 'latin1'), 'a safetensors file'],
  ['a number cut off', Buffer.from([0x08, 0x80]), 'at byte 2, the data ends inside a number'],
  ['a field of group type', Buffer.from([0x08, 8, 0x6b]), 'at byte 3, unknown wire type 3'],
  [
    'a field too long',
    Buffer.from([0x08, 8, 0x3a, 9, 0]),
    'byte 3, a field of 9 bytes where only 1',
  ],
  ['a graph that is a number', Buffer.from([0x38, 8]), 'byte 1, wire type 0 where 2 was expected'],
  ['no graph', Buffer.from([0x08, 8]), 'it has no graph'],
  ['field number 0', Buffer.from([0x00, 0]), 'at byte 0, bad field number 0'],
])('a file that is no model is refused by what it is: %s', (_, bytes, message) => {
  expect(refusalOf(bytes)).toContain(message);
});

test('every truncation of a model is refused, with where it ends', () => {
  using folder = temporaryFolder();
  const path = folder.file('model.onnx');
  writeOnnxModel(path, dense(), { producer: { name: 'p' } });
  const { size } = statSync(path);
  for (let length = size - 1; length > 30; length -= 1) {
    truncateSync(path, length);
    expect(errorOf(() => readOnnxModel(path)).message).toMatch(/at byte \d+, a field of/);
  }
});

test('bytes behind the model are not passed over', () => {
  using folder = temporaryFolder();
  const path = folder.file('model.onnx');
  writeOnnxModel(path, dense());
  appendFileSync(path, Buffer.from([0xff, 0xff, 0xff]));
  expect(errorOf(() => readOnnxModel(path)).code).toBe('MODEL_FILE_INVALID');
});

test('raw data of another length than the shape needs is refused', () => {
  const graph = dense();
  const lies = { ...graph.initialisers[0], shape: [3, 5] } as (typeof graph.initialisers)[0];
  graph.initialisers[0] = lies;
  expect(() => readBack(graph)).toThrow("tensor 'w' has 48 bytes where its shape [3, 5] needs 60");
});

test('graphs nested deeper than protobuf allows are refused', () => {
  let graph = new ProtobufWriter();
  for (let depth = 0; depth < 60; depth += 1) {
    const attribute = new ProtobufWriter().message(6, graph);
    graph = new ProtobufWriter().message(1, new ProtobufWriter().message(5, attribute));
  }
  const model = new ProtobufWriter().int(1, 8).message(7, graph);
  const bytes = Buffer.concat([...model.finish()].flatMap((piece) => [...readPiece(piece)]));
  expect(refusalOf(bytes)).toContain('messages nested deeper than 100');
});

test('a named pipe does not block the reader', () => {
  using folder = temporaryFolder();
  execFileSync('mkfifo', [folder.file('model.onnx')]);
  expect(() => readOnnxModel(folder.file('model.onnx'))).toThrow('the file is empty');
});

test('a path that is not there or is a folder is said so', () => {
  using folder = temporaryFolder();
  expect(errorOf(() => readOnnxModel(folder.file('none.onnx'))).code).toBe('PATH_NOT_FOUND');
  mkdirSync(folder.file('folder.onnx'));
  expect(errorOf(() => readOnnxModel(folder.file('folder.onnx'))).code).toBe('PATH_UNREADABLE');
});
