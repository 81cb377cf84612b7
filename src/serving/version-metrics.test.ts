/** What a served version tells of its runs and runners. */

import { describe, expect, test } from 'vitest';
import { ServingError } from '../errors.ts';
import { VersionSeries } from '../telemetry/version-metrics.ts';
import { newLife } from './life.fixture.ts';
import { settle } from './runner.fixture.ts';
import type { ServedVersion } from './served-version.ts';
import { createReadyStage } from './version.fixture.ts';

/** Total of all observations and how many there were. */
const totalOf = ({ sum, counts }: VersionSeries['runRows']): [sum: number, count: number] => [
  sum,
  counts.reduce((total, count) => total + count, 0),
];

function send(served: ServedVersion, rows: number): Promise<unknown> {
  const x = { index: 0, dtype: 'FP32', shape: [rows, 2], chunks: [new Uint8Array(rows * 8)] };
  return served.run({ inputs: [x as never], wanted: 0 }, newLife());
}

const outputOf = (rows: number) =>
  [{ index: 0, dtype: 'FP32', shape: [rows, 2], chunks: [new Uint8Array(rows * 8)] }] as const;

const stageWithMetrics = async (instances = 1) => {
  const metrics = new VersionSeries('test', '1');
  return { metrics, stage: await createReadyStage({ metrics, instances }) };
};

describe('runs', () => {
  test('are counted once each, with their rows and requests, and the wait of each request', async () => {
    const { metrics, stage } = await stageWithMetrics();
    const answers = [1, 2, 3].map((rows) => send(stage.served, rows));
    await settle();
    stage.runner.runs[0]?.finish(outputOf(1));
    await settle();
    stage.runner.runs[0]?.finish(outputOf(5));
    await Promise.all(answers);
    expect(totalOf(metrics.runRows)).toEqual([6, 2]);
    expect(totalOf(metrics.runRequests)).toEqual([3, 2]);
    expect(totalOf(metrics.runDuration)).toEqual([0.002, 2]);
    expect(totalOf(metrics.queueWait)[1]).toBe(3);
  });

  test('that fail are not, and those who run once more are retries', async () => {
    const { metrics, stage } = await stageWithMetrics();
    const answers = [1, 2, 3].map((rows) => send(stage.served, rows).catch(() => {}));
    await settle();
    stage.runner.runs
      .at(-1)
      ?.fail(new ServingError('RUN_FAILED', { model: 'test', problem: 'bad.' }));
    await settle();
    expect(metrics.retries).toBe(0);
    stage.runner.runs
      .at(-1)
      ?.fail(new ServingError('RUN_FAILED', { model: 'test', problem: 'bad.' }));
    await settle();
    expect([metrics.retries, totalOf(metrics.runRows)]).toEqual([2, [0, 0]]);
    for (const rows of [2, 3]) {
      stage.runner.runs.at(-1)?.finish(outputOf(rows));
      await settle();
    }
    await Promise.all(answers);
    expect([metrics.retries, totalOf(metrics.runRows)]).toEqual([2, [5, 2]]);
  });
});

test('runners are numbered from 0, and one that replaces another gets its number', async () => {
  const { stage } = await stageWithMetrics(2);
  const numbers = () => stage.served.runners.map(({ runner }) => runner);
  expect(numbers()).toEqual([0, 1]);
  stage.runners[0]?.die('killed');
  await settle();
  expect(numbers()).toEqual([1]);
  stage.clock.advance(100);
  stage.runner.loaded();
  await settle();
  expect(numbers()).toEqual([0, 1]);
  expect([stage.served.wantedInstances, stage.served.instanceCount]).toEqual([2, 2]);
});
