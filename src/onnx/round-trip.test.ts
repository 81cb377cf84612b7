/** Random graphs survive writing and reading; random damage gives an answer or MODEL_FILE_INVALID. */

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createRandom } from '../../test/models/random.ts';
import type { TestModelName } from '../../test/models/test-models.ts';
import { testModels, writeTestModel } from '../../test/models/test-models.ts';
import { ServingError } from '../errors.ts';
import { dtypes } from '../tensor/dtype.ts';
import { sourceOfBytes } from './byte-source.ts';
import { bitsOfElementType } from './element-type.ts';
import type { Graph } from './graph-builder.ts';
import { createGraph } from './graph-builder.ts';
import { float, floats, strings } from './graph-data.ts';
import { temporaryFolder } from './model-file.fixture.ts';
import { readOnnxModel, readOnnxSource } from './read-model.ts';
import type { Dim } from './value-type.ts';
import { writeOnnxModel } from './write-model.ts';

interface Dice {
  readonly below: (limit: number) => number;
  readonly pick: <T>(choices: readonly T[]) => T;
  readonly times: <T>(limit: number, make: (i: number) => T) => T[];
}

function diceOf(seed: number): Dice {
  const random = createRandom(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  return {
    below,
    pick: (choices) => choices[below(choices.length)] as (typeof choices)[number],
    times: (limit, make) => Array.from({ length: below(limit) }, (_, i) => make(i)),
  };
}

const words = ['x', 'é', 'layer/with:signs', '', 'a'.repeat(300), '😀', '__proto__', '0'];
const numberTypes = dtypes.filter((dtype) => bitsOfElementType(dtype) > 0);

function randomGraph({ below, pick, times }: Dice): Graph {
  const graph = createGraph(pick(words));
  const dim = (): Dim => pick<Dim>([0, 1, 7, 2 ** 40, 'batch', 'é', null]);
  const values = times(5, (i) => graph.input(`in${i}${pick(words)}`, pick(dtypes), times(5, dim)));
  times(5, () => {
    const dtype = pick(numberTypes);
    const shape = times(4, () => below(20));
    const bytes = shape.reduce((a, b) => a * b, bitsOfElementType(dtype) / 8);
    values.push(
      graph.initialiser(pick(words), dtype, shape, new Uint8Array(bytes).fill(below(256))),
    );
  });
  times(20, () => values.push(randomNode(graph, values, { below, pick, times })));
  for (const name of new Set(times(4, () => pick(values)))) {
    if (name !== undefined) graph.output(name, pick(dtypes), pick([undefined, times(3, dim)]));
  }
  return graph;
}

function randomNode(graph: Graph, values: readonly string[], { below, pick, times }: Dice): string {
  const inputs = times(values.length && 4, () => pick(values));
  const attributes = {
    i: below(2 ** 31) - 2 ** 30,
    l: BigInt.asIntN(64, BigInt(below(2 ** 31)) ** 2n),
    f: float(below(10) / 3),
    fs: floats(times(4, () => below(5))),
    is: times(300, () => below(1000) - 500),
    s: pick(words),
    ss: strings(times(4, () => pick(words))),
  };
  return graph.apply(pick(['Add', 'Mul', 'If', 'Mine']), inputs, attributes);
}

test('random graphs are read back', () => {
  for (let seed = 0; seed < 100; seed += 1) expectRoundTrip(seed);
});

function expectRoundTrip(seed: number): void {
  using folder = temporaryFolder();
  const graph = randomGraph(diceOf(seed));
  const path = folder.file('model.onnx');
  const minBytes = 1 + diceOf(seed).below(500);
  writeOnnxModel(path, graph, seed % 2 ? { externalData: { minBytes } } : {});
  const summary = readOnnxModel(path);
  const bytes = graph.initialisers.map(({ data }) => (data as Uint8Array).byteLength);
  expect(summary.graphName, `seed ${seed}`).toBe(graph.name);
  expect(summary.inputs).toEqual(graph.inputs);
  expect(summary.outputs.map(({ name, type }) => ({ name, type }))).toEqual(graph.outputs);
  expect(summary.initialisers).toEqual({
    count: bytes.length,
    bytes: bytes.reduce((a, b) => a + b, 0),
  });
  expect(summary.ops.reduce((count, op) => count + op.count, 0)).toBe(graph.nodes.length);
}

/** One random change near an end, away from the weights: a bit, a byte, a run cut out, a run doubled, an end cut off, a length made huge. */
function damage(bytes: Buffer, { below, pick }: Dice): Buffer {
  const at = pick([below(Math.min(800, bytes.length)), Math.max(0, bytes.length - 1 - below(200))]);
  const run = bytes.subarray(at, at + below(40));
  const kind = below(6);
  if (kind === 0) return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + run.length)]);
  if (kind === 1) return Buffer.concat([bytes.subarray(0, at), run, bytes.subarray(at)]);
  if (kind === 2) return bytes.subarray(0, at);
  const copy = Buffer.from(bytes);
  if (kind === 3) copy[at] = (copy[at] ?? 0) ^ (1 << below(8));
  else if (kind === 4) copy[at] = below(256);
  else copy.fill(pick([0x00, 0x7f, 0x80, 0xff]), at, Math.min(copy.length, at + below(12)));
  return copy;
}

const victims: readonly TestModelName[] = [
  'mlp',
  'slow',
  'external-data',
  'zip-map-output',
  'exclaim',
];

test.each(victims)('damage to %s is survived', (name) => {
  using folder = temporaryFolder();
  const path = writeTestModel(folder.file('models'), name);
  const bytes = readFileSync(path);
  const dice = diceOf(testModels[name].build().nodes.length);
  const codes = new Map<string, number>();
  const before = process.memoryUsage().arrayBuffers;
  for (let i = 0; i < 400; i += 1) {
    let damaged: Buffer = bytes;
    for (let changes = dice.below(4); changes >= 0; changes -= 1) damaged = damage(damaged, dice);
    const outcome = outcomeOf(path, damaged);
    codes.set(outcome, (codes.get(outcome) ?? 0) + 1);
  }
  expect([...codes.keys()].sort()).toEqual(['MODEL_FILE_INVALID', 'read']);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(200e6);
});

function outcomeOf(path: string, bytes: Uint8Array): string {
  try {
    readOnnxSource(sourceOfBytes(bytes), path);
    return 'read';
  } catch (error) {
    if (error instanceof ServingError) return error.code;
    throw error;
  }
}
