/** What onnxruntime-node does, where our own code relies on it: a new version may change it. */

import { execFile } from 'node:child_process';
import { renameSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import * as ort from 'onnxruntime-node';
import { expect, test } from 'vitest';
import type { ElementType } from '../../src/onnx/element-type.ts';
import { numberOfElementType } from '../../src/onnx/element-type.ts';
import type { Graph } from '../../src/onnx/graph-builder.ts';
import { createGraph } from '../../src/onnx/graph-builder.ts';
import { readOnnxModel } from '../../src/onnx/read-model.ts';
import { checkServable, onnxRuntimeLimits } from '../../src/onnx/servable.ts';
import type { WriteOptions } from '../../src/onnx/write-model.ts';
import { writeOnnxModel } from '../../src/onnx/write-model.ts';
import { exclaim, exclaimOptions, identity, identityDTypes } from './identity.ts';
import { simple } from './numbers.ts';
import { float32, numbersOf, runModel, sessionOptions, temporaryFolder, tensorOf } from './run.ts';
import { elementsFor, ortTypeOf } from './runtime-dtypes.ts';
import { writeTestModel } from './test-models.ts';
import { sequenceOutput } from './trouble.ts';

const { opsets, irVersion } = onnxRuntimeLimits;

function negate(): Graph {
  const graph = createGraph('negate');
  graph.node({ op: 'Neg', inputs: [graph.input('x', 'FP32', ['n'])], outputs: ['y'] });
  graph.output('y', 'FP32', ['n']);
  return graph;
}

const runNegate = (options: WriteOptions) =>
  runModel(negate(), [{ x: float32([1], [1]) }], options);

test.each(Object.entries(opsets))(
  '%s is known up to opset %i and no further',
  async (domain, newest) => {
    await runNegate({ opset: { '': 17, [domain]: newest } });
    const next = runNegate({ opset: { '': 17, [domain]: newest + 1 } });
    await expect(next).rejects.toThrow(`till opset ${newest}`);
  },
);

test('the newest IR version is the one of our table', async () => {
  await runNegate({ irVersion });
  const next = runNegate({ irVersion: irVersion + 1 });
  await expect(next).rejects.toThrow(`max supported IR version: ${irVersion}`);
});

test('the dtypes of our table are the ones that the identity models run with', () => {
  expect(onnxRuntimeLimits.dtypes).toEqual(new Set(identityDTypes));
});

test.each(identityDTypes)('%s works as a scalar and with no elements', async (dtype) => {
  const type = ortTypeOf(dtype);
  const scalar = { x: tensorOf(type, elementsFor(dtype, 1), []) };
  const empty = { x: tensorOf(type, elementsFor(dtype, 0), [0, 3]) };
  const [one] = await runModel(identity(dtype, []), [scalar]);
  const [none] = await runModel(identity(dtype), [empty]);
  expect([one?.y?.dims, one?.y?.size]).toEqual([[], 1]);
  expect([none?.y?.dims, none?.y?.size]).toEqual([[0, 3], 0]);
});

test('a float16 tensor over Float16Array is taken for empty', async () => {
  const x = new ort.Tensor('float16', Uint16Array.of(0x3c00, 0, 0, 0, 0, 0), [2, 3]);
  await expect(runModel(identity('FP16'), [{ x }])).rejects.toThrow('expected 12, got 0');
});

test('bools other than 0 and 1 pass through, and Not makes nonsense of them', async () => {
  const graph = createGraph('not');
  graph.node({ op: 'Not', inputs: [graph.input('x', 'BOOL', ['n'])], outputs: ['y'] });
  graph.output('y', 'BOOL', ['n']);
  const [out] = await runModel(graph, [{ x: tensorOf('bool', Uint8Array.of(0, 1, 2), [3]) }]);
  expect(numbersOf(out, 'y')).toEqual([1, 0, 3]);
});

test('a string ends at its first NUL on the way in', async () => {
  const texts = tensorOf('string', ['x\0y'], [1]);
  const [out] = await runModel(exclaim(), [{ texts }], exclaimOptions);
  expect(out?.loud?.data).toEqual(['x!']);
});

test('a given output is written in place, and the result is another tensor', async () => {
  using folder = temporaryFolder();
  const path = writeTestModel(folder.path, 'half-plus-two');
  const session = await ort.InferenceSession.create(path, sessionOptions);
  const y = float32([0, 0], [2]);
  const result = await session.run({ x: float32([2, 4], [2]) }, { y });
  expect(y.data).toEqual(Float32Array.of(3, 4));
  expect(result.y).not.toBe(y);
  await session.release();
});

test('a sequence cannot come out', async () => {
  const run = runModel(sequenceOutput(), [{ x: float32([1], [1]) }]);
  await expect(run).rejects.toThrow('Non tensor type');
});

test('weights behind a link out of the folder are refused, unless the model is one too', async () => {
  using folder = temporaryFolder();
  const path = writeTestModel(folder.path, 'external-data');
  const move = (name: string) => {
    renameSync(join(dirname(path), name), join(folder.path, name));
    symlinkSync(join('../..', name), join(dirname(path), name));
  };
  move('model.onnx.data');
  const first = ort.InferenceSession.create(path, sessionOptions);
  await expect(first).rejects.toThrow('escapes model directory');
  move('model.onnx');
  const session = await ort.InferenceSession.create(path, sessionOptions);
  await session.release();
});

test('an input of unknown rank looks like a scalar', async () => {
  using folder = temporaryFolder();
  const path = writeTestModel(folder.path, 'any-rank');
  const session = await ort.InferenceSession.create(path, sessionOptions);
  expect(session.inputMetadata).toMatchObject([{ name: 'x', shape: [] }]);
  expect(readOnnxModel(path).inputs[0]?.type).toMatchObject({ shape: undefined });
  const { y } = await session.run({ x: float32([1, 2], [1, 2, 1]) });
  expect(y?.dims).toEqual([1, 2, 1]);
  await session.release();
});

test('sizes of one symbolic dimension are not held against each other', async () => {
  const INPUT0 = tensorOf('int32', new Int32Array(16), [1, 16]);
  const INPUT1 = tensorOf('int32', new Int32Array(32), [2, 16]);
  const [out] = await runModel(simple(), [{ INPUT0, INPUT1 }]);
  expect(out?.OUTPUT0?.dims).toEqual([2, 16]);
});

const foreign: readonly ElementType[] = ['BF16', 'FLOAT8E4M3FN', 'FLOAT8E5M2'];

test.each(foreign)('%s is refused by the binding and by our check', async (dtype) => {
  using folder = temporaryFolder();
  const path = join(folder.path, 'model.onnx');
  writeOnnxModel(path, castTo(dtype), { opset: 21, irVersion: 10 });
  await expect(ort.InferenceSession.create(path, sessionOptions)).rejects.toThrow(
    'Unsupported data',
  );
  expect(() => checkServable(readOnnxModel(path), path)).toThrow(
    `output 'y' (of Cast) is a tensor(${dtype === 'BF16' ? 'bfloat16' : dtype.toLowerCase()})`,
  );
});

test.each(['INT4', 'UINT4'] as const)('an output of %s ends the process', async (dtype) => {
  using folder = temporaryFolder();
  const path = join(folder.path, 'model.onnx');
  writeOnnxModel(path, castTo(dtype), { opset: 21, irVersion: 10 });
  expect(() => checkServable(readOnnxModel(path), path)).toThrow('cannot be served');
  await expect(runApart(path)).rejects.toMatchObject({ stderr: expect.stringContaining('FATAL') });
});

function castTo(dtype: ElementType): Graph {
  const graph = createGraph('cast');
  const attributes = { to: numberOfElementType(dtype) };
  graph.node({ op: 'Cast', inputs: [graph.input('x', 'FP32', ['n'])], outputs: ['y'], attributes });
  graph.output('y', dtype, ['n']);
  return graph;
}

/** Runs a model of one FP32 input x [2] in a process of its own. */
function runApart(path: string): Promise<unknown> {
  const script = `
    const ort = require('onnxruntime-node');
    ort.InferenceSession.create(${JSON.stringify(path)}, ${JSON.stringify(sessionOptions)})
      .then((session) => session.run({ x: new ort.Tensor('float32', [1, 2], [2]) }));`;
  return promisify(execFile)(process.execPath, ['-e', script], { cwd: import.meta.dirname });
}
