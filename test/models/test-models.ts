/** All test models by name, and writing one as a repository has it. */

import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Graph } from '../../src/onnx/graph-builder.ts';
import type { WriteOptions } from '../../src/onnx/write-model.ts';
import { writeOnnxModel } from '../../src/onnx/write-model.ts';
import { batchStatistics, dynamicShape, fixedBatch, multiOutput, total } from './batches.ts';
import { tripled } from './external.ts';
import { anyRank, exclaim, exclaimOptions, identity, identityDTypes } from './identity.ts';
import { halfPlusTwo, mlp, simple } from './numbers.ts';
import { picture, pixels } from './pictures.ts';
import { slow } from './slow.ts';
import {
  deadlyElement,
  endsProcess,
  failsOnZeros,
  notANumber,
  sequenceOutput,
  zipMapOpsets,
  zipMapOutput,
} from './trouble.ts';

interface TestModel {
  readonly build: () => Graph;
  readonly options?: WriteOptions;
}

const identities = Object.fromEntries(
  identityDTypes.map((dtype) => [
    `identity-${dtype.toLowerCase()}`,
    { build: () => identity(dtype) },
  ]),
) as Record<`identity-${Lowercase<(typeof identityDTypes)[number]>}`, TestModel>;

export const testModels = {
  ...identities,
  simple: { build: simple },
  'half-plus-two': { build: halfPlusTwo },
  mlp: { build: mlp },
  'any-rank': { build: anyRank },
  exclaim: { build: exclaim, options: exclaimOptions },
  'batch-statistics': { build: batchStatistics },
  'fixed-batch': { build: fixedBatch },
  'dynamic-shape': { build: dynamicShape },
  total: { build: total },
  'multi-output': { build: multiOutput },
  'external-data': { build: tripled, options: { externalData: { minBytes: 1024 } } },
  'picture-nchw': { build: picture },
  'picture-nhwc': { build: () => picture({ layout: 'nhwc' }) },
  'picture-gray': { build: () => picture({ channels: 1, size: 28 }) },
  'picture-softmax': { build: () => picture({ softmax: true }) },
  pixels: { build: pixels },
  slow: { build: slow },
  'deadly-input': { build: () => endsProcess(deadlyElement) },
  'deadly-load': { build: () => endsProcess(0) },
  'fails-on-zeros': { build: failsOnZeros },
  'not-a-number': { build: notANumber },
  'sequence-output': { build: sequenceOutput },
  'zip-map-output': { build: zipMapOutput, options: { opset: zipMapOpsets } },
  'opset-99': { build: halfPlusTwo, options: { opset: 99 } },
} satisfies Record<string, TestModel>;

export type TestModelName = keyof typeof testModels;

/** Writes `<folder>/<name>/<version>/model.onnx`, or under another name, and gives its path. */
export function writeTestModel(
  folder: string,
  name: TestModelName,
  version = 1,
  as: string = name,
): string {
  const { build, options }: TestModel = testModels[name];
  const path = join(folder, as, String(version), 'model.onnx');
  mkdirSync(dirname(path), { recursive: true });
  writeOnnxModel(path, build(), options);
  return path;
}
