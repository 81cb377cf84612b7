/** How many rows a run takes: measured when a model is first loaded, kept with its copy, shown, and used. */

import { cpSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { BatchSize } from '../src/runner/protocol.ts';
import { post, request } from './support/http.ts';
import { copyDigits, writeModels, writeYaml } from './support/model-folder.ts';
import type { Modelship } from './support/modelship.ts';
import { runModelship, startModelship, temporaryFolder } from './support/modelship.ts';
import { floatsOf, inferBinary } from './support/open-inference.ts';

const folder = temporaryFolder();
const models = join(folder.path, 'models');
const cache = join(folder.path, 'cache');
afterAll(() => folder[Symbol.dispose]());

writeModels(models, 'mlp', 'fixed-batch', 'batch-statistics', 'dynamic-shape');
copyDigits(models);
for (const [name, batching] of [
  ['pinned', '{maxBatch: 3}'],
  ['forbidden', '{acrossRequests: false}'],
] as const) {
  cpSync(join(models, 'mlp'), join(models, name), { recursive: true });
  writeYaml(join(models, name), `batching: ${batching}`);
}

const args = ['--cache-dir', cache, '--instances', '2', '--threads', '1'];
const start = () => startModelship(models, { args });

interface Shown {
  readonly maxBatch: number;
  readonly source: string;
  readonly reason: string;
}

async function shownBy({ url }: Modelship, name: string): Promise<Shown> {
  const { json } = await request(`${url}/models/${name}`);
  return json.versions[0].runSize;
}

interface Inspected {
  readonly runSize: Shown;
  readonly load: { readonly batchSize?: BatchSize };
}

async function inspect(name: string): Promise<Inspected> {
  const { stdout } = await runModelship(['inspect', join(models, name), ...args, '--json']);
  const [model] = JSON.parse(stdout) as [{ versions: [Inspected] }];
  return model.versions[0];
}

/** What other work disturbs is not kept: until it is calm. */
async function inspectUntilKept(name: string, file: string): Promise<Inspected> {
  for (;;) {
    const found = await inspect(name);
    const files = readdirSync(join(cache, 'models'), { recursive: true, encoding: 'utf8' });
    if (files.some((path) => path.endsWith(file))) return found;
  }
}

/** The sizes of runs that a request of so many rows was cut into cannot be seen, its answer can. */
async function expectAllRows({ url }: Modelship, name: string, rows: number): Promise<void> {
  const values = Array.from({ length: rows * 64 }, (_, i) => ((i * 7) % 13) - 6);
  const ask = async (from: number, count: number): Promise<number[]> => {
    const part = values.slice(from * 64, (from + count) * 64);
    const bytes = Buffer.from(Float32Array.from(part).buffer);
    const input = { name: 'x', datatype: 'FP32', shape: [count, 64], bytes };
    const answer = await inferBinary(`${url}/v2/models/${name}/infer`, [input]);
    return floatsOf(answer.binary.scores);
  };
  const all = await ask(0, rows);
  expect(all).toHaveLength(rows * 10);
  for (const row of [0, 1, rows - 1]) {
    const alone = await ask(row, 1);
    for (const [i, score] of alone.entries()) expect(all[row * 10 + i]).toBeCloseTo(score, 4);
  }
}

test('the batch of a tiny model is measured once: in /models, in inspect, at the next start', async () => {
  const first = await inspectUntilKept('mlp', 'batch-1-1-1x64.json');
  const { measured = [], maxBatch = 0, reason } = first.load.batchSize ?? {};
  expect(maxBatch).toBeGreaterThan(8);
  expect(measured.map(({ batch }) => batch).slice(0, 4)).toEqual([1, 2, 4, 8]);
  expect(first.runSize).toEqual({ maxBatch, source: 'measured', reason });
  // Rates as they were to the last digit: nothing was timed again.
  expect((await inspect('mlp')).load.batchSize).toEqual(first.load.batchSize);
  await using server = await start();
  expect(await shownBy(server, 'mlp')).toEqual(first.runSize);
  await expectAllRows(server, 'mlp', 3 * maxBatch + 1);
});

describe('what was measured or not, and who says so', () => {
  test('in /models', async () => {
    await using server = await start();
    for (const [name, maxBatch, source, reason] of [
      ['pinned', 3, 'model.yaml', 'model.yaml says maxBatch: 3'],
      ['forbidden', 1, 'not batched', 'model.yaml says acrossRequests: false'],
      ['fixed-batch', 1, 'not batched', "the first dimension of 'x' is fixed to 1"],
      ['batch-statistics', 1, 'not batched', "a row of 'y' depends on the other rows"],
      ['dynamic-shape', 8, 'default', 'the model leaves the size of its rows open'],
    ] as const) {
      const expected = { maxBatch, source, reason: expect.stringContaining(reason) };
      expect(await shownBy(server, name)).toEqual(expected);
    }
    expect((await shownBy(server, 'digits')).source).toBe('measured');
    await expectAllRows(server, 'pinned', 10);
    await expectAllRows(server, 'forbidden', 100);
    const answer = await post(`${server.url}/v2/models/batch-statistics/infer`, {
      inputs: [{ name: 'x', datatype: 'FP32', shape: [20, 4], data: new Array(80).fill(1) }],
    });
    expect(answer.json.outputs[0].shape).toEqual([20, 4]);
  });

  test('in what inspect prints', async () => {
    const { stdout } = await runModelship(['inspect', models, ...args]);
    expect(stdout).toMatch(/runs of +(1 row|up to \d+ rows) \(measured\): \S+ rows\/s, /);
    const [, rate, run, around] =
      /^ +1 → (\S+) rows\/s: (\S+) ms a run and (\S+) ms around it$/m.exec(stdout) ?? [];
    // The times that are told give the rate that is told.
    const rows = 1000 / (Number(run) + Number(around));
    expect(Math.abs(Number(rate) / rows - 1)).toBeLessThan(0.01);
    expect(stdout).toContain('runs of     up to 3 rows (model.yaml): model.yaml says maxBatch: 3');
    expect(stdout).toContain(
      "runs of     1 row (not batched): the first dimension of 'x' is fixed to 1",
    );
  });
});
