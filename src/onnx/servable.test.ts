import { expect, test } from 'vitest';
import { createGraph } from './graph-builder.ts';
import { dense, errorOf, temporaryFolder } from './model-file.fixture.ts';
import { readOnnxModel } from './read-model.ts';
import { checkServable } from './servable.ts';
import { mapOf, optionalOf, sequenceOf, tensorOf } from './value-type.ts';
import type { WriteOptions } from './write-model.ts';
import { writeOnnxModel } from './write-model.ts';

function refusalOf(graph = dense(), options: WriteOptions = {}) {
  using folder = temporaryFolder();
  const path = folder.file('model.onnx');
  writeOnnxModel(path, graph, options);
  return errorOf(() => checkServable(readOnnxModel(path), 'model.onnx'));
}

test('a plain model is servable', () => {
  expect(() => refusalOf()).toThrow('nothing was thrown');
});

test('a newer opset is refused with the newest that is known', () => {
  expect(refusalOf(dense(), { opset: 99 })).toEqual({
    code: 'OPSET_TOO_NEW',
    message: expect.stringContaining('uses opset 99 of ai.onnx; this runtime knows up to 26'),
  });
  expect(refusalOf(dense(), { opset: { '': 17, 'ai.onnx.ml': 6 } }).message).toContain(
    'uses opset 6 of ai.onnx.ml; this runtime knows up to 5',
  );
});

test('opsets of domains that the runtime does not own are not limited', () => {
  expect(() => refusalOf(dense(), { opset: { '': 17, mine: 99 } })).toThrow('nothing was thrown');
});

test('a newer IR version is refused', () => {
  expect(refusalOf(dense(), { irVersion: 14 })).toEqual({
    code: 'MODEL_FILE_INVALID',
    message: expect.stringContaining('its IR version is 14 and this runtime reads up to 13'),
  });
});

test('the probabilities of a scikit-learn classifier are refused with what to export instead', () => {
  const graph = createGraph('sklearn');
  const x = graph.input('x', 'FP32', ['n', 3]);
  const zipMap = { op: 'ZipMap', domain: 'ai.onnx.ml', name: 'ZipMap_1' };
  graph.node({ ...zipMap, inputs: [x], outputs: ['output_probability'] });
  graph.outputOf('output_probability', sequenceOf(mapOf('INT64', tensorOf('FP32'))));
  const { code, message } = refusalOf(graph);
  expect(code).toBe('VALUE_TYPE_UNSUPPORTED');
  expect(message).toContain(
    "output 'output_probability' (of ZipMap 'ZipMap_1') is a sequence(map(int64, tensor(float)))",
  );
  expect(message).toContain("{'zipmap': False}");
});

test.each([
  [sequenceOf(tensorOf('FP32')), 'is a sequence(tensor(float))', 'ConcatFromSequence'],
  [optionalOf(tensorOf('FP32')), 'is a optional(tensor(float))', 'plain tensors'],
  [tensorOf('BF16', []), 'is a tensor(bfloat16)', 'Cast to float (FP32) after this input'],
  [tensorOf('COMPLEX64', []), 'is a tensor(complex64)', 'Cast'],
])('an input that is no tensor of a known dtype is refused: %j', (type, what, advice) => {
  const graph = createGraph('g');
  graph.inputOf('x', type);
  const { code, message } = refusalOf(graph);
  expect(code).toBe('VALUE_TYPE_UNSUPPORTED');
  expect(message).toContain(`input 'x' ${what}, which cannot be served`);
  expect(message).toContain(advice);
});
