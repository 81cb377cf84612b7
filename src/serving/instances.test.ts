import { expect, test } from 'vitest';
import { ServingError } from '../errors.ts';
import type { Instances } from './instances.ts';
import { backOffMs, createInstances } from './instances.ts';
import type { ManualClock, PuppetRunner } from './runner.fixture.ts';
import { createManualClock, createPuppetRunner, order, settle } from './runner.fixture.ts';

interface Stage {
  readonly instances: Instances;
  readonly clock: ManualClock;
  readonly runners: PuppetRunner[];
  readonly events: string[];
}

function createStage(count: number, start = createPuppetRunner): Stage {
  const clock = createManualClock();
  const runners: PuppetRunner[] = [];
  const events: string[] = [];
  const nameOf = (runner: unknown): number => runners.indexOf(runner as PuppetRunner);
  const instances = createInstances({
    count,
    order: { ...order, batchSize: 'measure' },
    schedule: clock.schedule,
    start() {
      const runner = start();
      runners.push(runner);
      return runner;
    },
    onReady: (runner) => events.push(`ready ${nameOf(runner)}`),
    onGone: (runner, how) => events.push(`gone ${nameOf(runner)}: ${how}`),
    onLoadFailed: (error) => events.push(`failed: ${error.code}`),
  });
  return { instances, clock, runners, events };
}

const last = ({ runners }: Stage): PuppetRunner => runners.at(-1) as PuppetRunner;

/** Starts, with all instances loaded. */
async function createLoaded(count: number): Promise<Stage> {
  const stage = createStage(count);
  const starting = stage.instances.startAll();
  last(stage).loaded();
  await starting;
  for (const runner of stage.runners) runner.loaded();
  await settle();
  return stage;
}

test('the first instance is loaded alone, the others after it side by side', async () => {
  const stage = createStage(3);
  const starting = stage.instances.startAll();
  expect(stage.runners).toHaveLength(1);
  last(stage).loaded();
  await starting;
  expect(stage.runners).toHaveLength(3);
  stage.runners[2]?.loaded();
  stage.runners[1]?.loaded();
  await settle();
  expect(stage.events.toSorted()).toEqual(['ready 0', 'ready 1', 'ready 2']);
});

test('only the first instance measures the batch size; the others and those that replace it are told', async () => {
  const batchSize = { maxBatch: 32, reason: 'test', measured: [] };
  const stage = createStage(2);
  const starting = stage.instances.startAll();
  last(stage).loaded({ batchSize });
  await starting;
  last(stage).loaded({ batchSize });
  await settle();
  stage.runners[0]?.die('killed');
  await settle();
  stage.clock.advance(100);
  const told = stage.runners.map(({ ordered }) => ordered?.batchSize);
  expect(told).toEqual(['measure', batchSize, batchSize]);
});

test('a first load that fails is the failure of the start, and leaves no process', async () => {
  const stage = createStage(2);
  const starting = stage.instances.startAll();
  last(stage).loadFails(
    new ServingError('MODEL_WARMUP_FAILED', { model: 'test', version: '1', problem: 'no' }),
  );
  await expect(starting).rejects.toMatchObject({ code: 'MODEL_WARMUP_FAILED' });
  expect([stage.runners.length, last(stage).dead, stage.instances.processes]).toEqual([
    1,
    true,
    [],
  ]);
  expect(stage.clock.timers).toEqual([]);
});

test('a process that cannot even be started is the failure of the start', async () => {
  const stage = createStage(1, () => {
    throw new Error('spawn ENOMEM');
  });
  await expect(stage.instances.startAll()).rejects.toThrow('spawn ENOMEM');
});

test('a further instance that does not load is tried again', async () => {
  const stage = createStage(2);
  const starting = stage.instances.startAll();
  last(stage).loaded();
  await starting;
  last(stage).loadFails(new Error('out of memory'));
  await settle();
  expect(stage.events).toEqual(['ready 0', 'failed: MODEL_LOAD_FAILED']);
  stage.clock.advance(100);
  last(stage).loaded();
  await settle();
  expect(stage.events.at(-1)).toBe('ready 2');
});

test('an instance that dies is replaced after 100 ms', async () => {
  const stage = await createLoaded(1);
  last(stage).die('killed by SIGKILL');
  await settle();
  expect(stage.events.at(-1)).toBe('gone 0: killed by SIGKILL');
  stage.clock.advance(99);
  expect(stage.runners).toHaveLength(1);
  stage.clock.advance(1);
  last(stage).loaded();
  await settle();
  expect(stage.events.at(-1)).toBe('ready 1');
});

test('deaths in quick succession wait longer and longer, up to half a minute', async () => {
  const stage = await createLoaded(1);
  const waits: number[] = [];
  for (let death = 0; death < 12; death += 1) {
    last(stage).die('poison');
    await settle();
    waits.push(stage.clock.timers[0] ?? -1);
    stage.clock.advance(30_000);
    last(stage).loaded();
    await settle();
  }
  expect(waits.slice(0, 4)).toEqual([100, 200, 400, 800]);
  expect(waits.slice(-3)).toEqual([30_000, 30_000, 30_000]);
  expect(backOffMs(1e9)).toBe(30_000);
});

test('a runner that served half a minute is replaced at once again', async () => {
  const stage = await createLoaded(1);
  for (let death = 0; death < 5; death += 1) {
    last(stage).die('poison');
    await settle();
    stage.clock.advance(5000);
    last(stage).loaded();
    await settle();
  }
  stage.clock.advance(30_000);
  last(stage).die('once more');
  await settle();
  expect(stage.clock.timers).toEqual([100]);
});

test('a replacement that does not load or dies while loading is tried again', async () => {
  const stage = await createLoaded(1);
  last(stage).die('first');
  await settle();
  stage.clock.advance(100);
  last(stage).loadFails(new Error('disk full'));
  await settle();
  expect([stage.events.at(-1), stage.clock.timers]).toEqual(['failed: MODEL_LOAD_FAILED', [200]]);
  stage.clock.advance(200);
  last(stage).die('while loading');
  await settle();
  expect([stage.events.at(-1), stage.clock.timers]).toEqual(['failed: RUNNER_DIED', [400]]);
  stage.clock.advance(400);
  last(stage).loaded();
  await settle();
  expect(stage.events.at(-1)).toBe('ready 3');
});

test('a storm of deaths starts one replacement for each', async () => {
  const stage = await createLoaded(4);
  for (const runner of [...stage.runners]) runner.die('all at once');
  await settle();
  expect(stage.clock.timers).toEqual([100, 100, 100, 100]);
  stage.clock.advance(100);
  expect(stage.runners).toHaveLength(8);
});

test('stopping ends every process and starts none', async () => {
  const stage = await createLoaded(3);
  stage.runners[0]?.die('just before');
  await settle();
  await stage.instances.stop();
  expect(stage.runners.every(({ dead }) => dead)).toBe(true);
  expect([stage.clock.timers, stage.instances.processes]).toEqual([[], []]);
  expect(stage.events.filter((event) => event.startsWith('gone'))).toEqual(['gone 0: just before']);
});

test('stopping while the first instance loads ends it without a word', async () => {
  const stage = createStage(2);
  const starting = stage.instances.startAll();
  const stopping = stage.instances.stop();
  await expect(starting).rejects.toMatchObject({ code: 'RUNNER_DIED' });
  await stopping;
  expect([stage.runners.length, stage.events, stage.clock.timers]).toEqual([1, [], []]);
});
