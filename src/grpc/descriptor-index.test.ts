import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeDescriptors } from '../../scripts/make-descriptors.ts';
import { descriptorFiles } from './descriptor-files.ts';
import { createDescriptorIndex } from './descriptor-index.ts';

const index = createDescriptorIndex(descriptorFiles);
const namesOf = (files: readonly Uint8Array[] | undefined): string[] | undefined =>
  files?.map((file) => Buffer.from(file.subarray(2, 2 + (file[1] as number))).toString());

test('the descriptors are those of the files of proto/', () => {
  const path = join(import.meta.dirname, 'descriptor-files.ts');
  expect(readFileSync(path, 'utf8')).toBe(makeDescriptors());
});

test('a symbol is found in its file, which comes first with all that it imports', () => {
  expect(namesOf(index.bySymbol('tensorflow.serving.PredictionService.Predict'))).toEqual([
    'tensorflow_serving.proto',
    'google/protobuf/any.proto',
    'google/protobuf/wrappers.proto',
    'tensorflow.proto',
  ]);
  expect(namesOf(index.bySymbol('inference.ModelInferRequest.InferInputTensor'))).toEqual([
    'open_inference.proto',
    'model_config.proto',
  ]);
  expect(namesOf(index.bySymbol('google.protobuf.Int64Value'))).toEqual([
    'google/protobuf/wrappers.proto',
  ]);
  expect(namesOf(index.byFile('health.proto'))).toEqual(['health.proto']);
});

test('what is not there is not found', () => {
  for (const name of ['', 'inference', 'inference.No', '__proto__', 'constructor']) {
    expect(index.bySymbol(name)).toBeUndefined();
    expect(index.byFile(name)).toBeUndefined();
  }
});
