/** The bench's models are the real architectures and give sane numbers. */

import * as ort from 'onnxruntime-node';
import { expect, test } from 'vitest';
import { readOnnxModel } from '../../src/onnx/read-model.ts';
import { createRandom, spread } from '../../test/models/random.ts';
import { float32, numbersOf, sessionOptions, temporaryFolder } from '../../test/models/run.ts';
import type { BenchModel } from './write.ts';
import { writeBenchModel } from './write.ts';

/** Weights as counted for the published networks, BatchNorm folded into the convolution before it. */
const expected = {
  resnet50: { side: 224, classes: 1000, convolutions: 53, weights: 25_530_472 },
  resnet20: { side: 32, classes: 10, convolutions: 21, weights: 271_690 },
} as const;

test.each(Object.keys(expected) as (keyof typeof expected)[])('%s', async (name) => {
  const { side, classes, convolutions, weights } = expected[name];
  using folder = temporaryFolder();
  const path = writeBenchModel(folder.path, name);
  const summary = readOnnxModel(path);
  expect(summary.initialisers.bytes).toBe(weights * 4);
  expect(summary.ops.find(({ op }) => op === 'Conv')?.count).toBe(convolutions);
  const [first, second] = await runTwice(path, side);
  expect(first?.length).toBe(classes);
  expect(first?.every(Number.isFinite)).toBe(true);
  expect(deviationOf(first ?? [])).toBeGreaterThan(0.1);
  expect(deviationOf(first ?? [])).toBeLessThan(10);
  expect(first?.map((score, i) => score - (second?.[i] ?? 0)).some((gap) => gap > 1e-3)).toBe(true);
});

test('a model that is there is not written again', () => {
  using folder = temporaryFolder();
  const name: BenchModel = 'mlp';
  const path = writeBenchModel(folder.path, name);
  const { fileBytes } = readOnnxModel(path);
  expect(writeBenchModel(folder.path, name)).toBe(path);
  expect(readOnnxModel(path).fileBytes).toBe(fileBytes);
});

/** The scores of two pictures of noise. */
async function runTwice(path: string, side: number): Promise<number[][]> {
  const session = await ort.InferenceSession.create(path, sessionOptions);
  const scores: number[][] = [];
  for (const seed of [1, 2]) {
    const input = float32(spread(createRandom(seed), 3 * side * side, 1), [1, 3, side, side]);
    scores.push(numbersOf(await session.run({ input }), 'output'));
  }
  await session.release();
  return scores;
}

function deviationOf(numbers: readonly number[]): number {
  const mean = numbers.reduce((a, b) => a + b, 0) / numbers.length;
  return Math.sqrt(numbers.reduce((sum, x) => sum + (x - mean) ** 2, 0) / numbers.length);
}
