/** The check of a converted model, on graphs that the optimiser breaks, that it rounds otherwise, and that are sound. */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { createRandom, spread } from '../../test/models/random.ts';
import type { Graph } from '../onnx/graph-builder.ts';
import { createGraph } from '../onnx/graph-builder.ts';
import { writeOnnxModel } from '../onnx/write-model.ts';
import { writeRoundedCopy } from './round-weights.ts';
import type { VerifyReport } from './verify-model.ts';
import { differenceOf, verifyModel } from './verify-model.ts';

const folder = mkdtempSync(join(tmpdir(), 'modelship-verify-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const channels = 16;

/** x FP32 [1, 16, 6, 6] → y; verified. */
async function verified(
  name: string,
  make: (graph: Graph, x: string) => string,
): Promise<VerifyReport> {
  const graph = createGraph(name);
  const x = graph.input('x', 'FP32', [1, channels, 6, 6]);
  graph.node({ op: 'Identity', inputs: [make(graph, x)], outputs: ['y'] });
  graph.output('y', 'FP32', [null, null, null, null]);
  const path = join(folder, `${name}.onnx`);
  writeOnnxModel(path, graph);
  const inputs = [{ name: 'x', dtype: 'FP32' as const, shape: [1, channels, 6, 6] }];
  const outputs = [{ name: 'y', dtype: 'FP32' as const, shape: [null, null, null, null] }];
  return verifyModel({ path, inputs, outputs });
}

/** A convolution whose bias is large, and a normalisation that takes it off again: much of the signal is rounded away. */
function largeBias(graph: Graph, x: string, bias: number): string {
  const random = createRandom(3);
  const vector = (value: number): string =>
    graph.initialiser('v', 'FP32', [channels], new Float32Array(channels).fill(value));
  const kernel = spread(random, channels * channels, 1 / Math.sqrt(channels));
  const w = graph.initialiser('w', 'FP32', [channels, channels, 1, 1], kernel);
  const convolved = graph.apply('Conv', [x, w, vector(bias)]);
  const statistics = [vector(1), vector(0), vector(bias), vector(1)];
  return graph.apply('BatchNormalization', [convolved, ...statistics]);
}

describe('an optimised graph', () => {
  test('that answers otherwise is refused: zeros before a pooling become its own padding', async () => {
    const report = await verified('padded', (graph, x) => {
      const below = graph.apply('Sub', [x, graph.floats(10)]);
      const pads = graph.int64s([0, 0, 1, 1, 0, 0, 1, 1]);
      const padded = graph.apply('Pad', [below, pads, graph.floats(0)]);
      return graph.apply('MaxPool', [padded], { kernel_shape: [3, 3], strides: [2, 2] });
    });
    expect(report.problem).toMatch(
      /^output 'y' differs by .* when the runtime optimises the graph/,
    );
    expect(readdirSync(folder)).toEqual(['padded.onnx']);
  });

  test('that only rounds otherwise is taken, with a note', async () => {
    const report = await verified('rounding', (graph, x) => largeBias(graph, x, 1e5));
    expect(report.difference).toBeGreaterThan(1e-3);
    expect(report.problem).toBeUndefined();
    expect(report.notes).toEqual([
      expect.stringMatching(
        /^on noise, output 'y' differs by .*, which is rounding: the last bit of its weights/,
      ),
    ]);
    expect(readdirSync(folder)).not.toContain('rounding.onnx.rounded');
  });

  test('of which rounding leaves nothing is refused', async () => {
    const report = await verified('lost', (graph, x) => largeBias(graph, x, 1e7));
    expect(report.problem).toMatch(/the last bit of its weights changes it by/);
  });

  test('of a sound network differs by nothing to speak of', async () => {
    const report = await verified('sound', (graph, x) => largeBias(graph, x, 1));
    expect(report).toMatchObject({ notes: [] });
    expect(report.problem).toBeUndefined();
    expect(report.difference).toBeLessThan(1e-5);
  });
});

test('a copy for rounding differs in last bits of half the weights, and in no constant of few numbers', () => {
  const graph = createGraph('weights');
  const x = graph.input('x', 'FP32', [400]);
  const values = new Float32Array(400).fill(3).fill(Number.NEGATIVE_INFINITY, 200);
  const sum = graph.apply('Add', [x, graph.initialiser('w', 'FP32', [400], values)]);
  graph.node({ op: 'Mul', inputs: [sum, graph.floats(2)], outputs: ['y'] });
  graph.output('y', 'FP32', [400]);
  const [path, copy] = [join(folder, 'weights.onnx'), join(folder, 'copy.onnx')];
  writeOnnxModel(path, graph);
  expect(writeRoundedCopy(path, copy)).toBe(true);
  const [before, after] = [path, copy].map((file) => readFileSync(file)) as [Buffer, Buffer];
  const changed = [...before.keys()].filter((at) => before[at] !== after[at]);
  // None that is infinite.
  expect(changed.length).toBeGreaterThan(70);
  expect(changed.length).toBeLessThan(130);
  const [first = 0] = changed;
  expect(changed.every((at) => (at - first) % 4 === 0)).toBe(true);
  expect(Math.abs(after.readFloatLE(first) - 3)).toBe(2 ** -22);
});

test('a difference is told in standard deviations, and what is not a number is infinitely far', () => {
  const values = Float64Array.from([0, 1, 2, 3]);
  expect(differenceOf(values, values)).toBe(0);
  expect(differenceOf(values, Float64Array.from([0, 1, 2, Number.NaN]))).toBe(Infinity);
  expect(differenceOf(values, Float64Array.from([0, 1]))).toBe(Infinity);
});
