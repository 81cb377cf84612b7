import { expect, test } from 'vitest';
import type { Instances } from './instances.ts';
import { backOffMs, createInstances } from './instances.ts';
import type { ManualClock, PuppetRunner } from './runner.fixture.ts';
import { createManualClock, createPuppetRunner, order, refusal, settle } from './runner.fixture.ts';

interface Stage {
  readonly instances: Instances;
  readonly clock: ManualClock;
  readonly runners: PuppetRunner[];
  readonly events: string[];
}

interface StageOptions {
  readonly start?: () => PuppetRunner;
  readonly heartbeatMs?: number;
  readonly loadLimitMs?: number;
}

function createStage(count: number, options: StageOptions = {}): Stage {
  const { start = createPuppetRunner, heartbeatMs, loadLimitMs } = options;
  const clock = createManualClock();
  const runners: PuppetRunner[] = [];
  const events: string[] = [];
  const nameOf = (runner: unknown): number => runners.indexOf(runner as PuppetRunner);
  const instances = createInstances({
    count,
    order: { ...order, batchSize: 'measure' },
    schedule: clock.schedule,
    heartbeatMs,
    loadLimitMs,
    start() {
      const runner = start();
      runners.push(runner);
      return runner;
    },
    onReady: (runner) => events.push(`ready ${nameOf(runner)}`),
    onGone: (runner, how) => events.push(`gone ${nameOf(runner)}: ${how}`),
    onLoadFailed({ why, final, hopeless }) {
      events.push(`failed${final ? ' for good' : hopeless ? ' hopelessly' : ''}: ${why}`);
    },
  });
  return { instances, clock, runners, events };
}

const last = ({ runners }: Stage): PuppetRunner => runners.at(-1) as PuppetRunner;

/** Starts, with the first instance loaded. */
async function createStarted(count: number, options: StageOptions = {}): Promise<Stage> {
  const stage = createStage(count, options);
  stage.instances.startAll();
  last(stage).loaded();
  await settle();
  return stage;
}

/** Starts, with all instances loaded. */
async function createLoaded(count: number, options: StageOptions = {}): Promise<Stage> {
  const stage = await createStarted(count, options);
  for (const runner of stage.runners) runner.loaded();
  await settle();
  return stage;
}

test('the first instance is loaded alone, the others after it side by side', async () => {
  const stage = createStage(3);
  stage.instances.startAll();
  expect(stage.runners).toHaveLength(1);
  last(stage).loaded();
  await settle();
  expect(stage.runners).toHaveLength(3);
  stage.runners[2]?.loaded();
  stage.runners[1]?.loaded();
  await settle();
  expect(stage.events.toSorted()).toEqual(['ready 0', 'ready 1', 'ready 2']);
});

test('only the first instance measures the batch size; the others and those that replace it are told', async () => {
  const batchSize = { maxBatch: 32, reason: 'test', measured: [] };
  const stage = createStage(2);
  stage.instances.startAll();
  last(stage).loaded({ batchSize });
  await settle();
  last(stage).loaded({ batchSize });
  await settle();
  stage.runners[0]?.die('killed');
  await settle();
  stage.clock.advance(100);
  const told = stage.runners.map(({ ordered }) => ordered?.batchSize);
  expect(told).toEqual(['measure', batchSize, batchSize]);
});

test('a model that the runtime refuses at its first load is not tried again', async () => {
  const stage = createStage(2);
  stage.instances.startAll();
  last(stage).loadFails(refusal('no'));
  await settle();
  expect(stage.events).toEqual([expect.stringMatching(/^failed for good: .*warm-up run.*: no$/)]);
  expect([stage.runners.length, last(stage).dead, stage.instances.processes]).toEqual([
    1,
    true,
    [],
  ]);
  expect(stage.clock.timers).toEqual([]);
});

test('a first load whose runner dies is tried again, later and later', async () => {
  const stage = createStage(1);
  stage.instances.startAll();
  const waits: number[] = [];
  for (let death = 0; death < 12; death += 1) {
    last(stage).die('killed by SIGSEGV');
    await settle();
    waits.push(stage.clock.timers[0] ?? -1);
    stage.clock.advance(30_000);
  }
  expect(waits.slice(0, 5)).toEqual([100, 200, 400, 800, 1600]);
  expect(waits.slice(-3)).toEqual([30_000, 30_000, 30_000]);
  const failed = 'its runner ended before it served (killed by SIGSEGV)';
  expect(stage.events.slice(3, 6)).toEqual([
    `failed: ${failed}`,
    `failed hopelessly: ${failed}`,
    `failed hopelessly: ${failed}`,
  ]);
  last(stage).loaded();
  await settle();
  expect(stage.events.at(-1)).toBe('ready 12');
});

test('a process that cannot even be started is tried again', async () => {
  let tries = 0;
  const stage = createStage(1, {
    start() {
      tries += 1;
      if (tries === 1) throw new Error('spawn ENOMEM');
      return createPuppetRunner();
    },
  });
  stage.instances.startAll();
  await settle();
  expect(stage.events).toEqual(['failed: spawn ENOMEM']);
  stage.clock.advance(100);
  last(stage).loaded();
  await settle();
  expect(stage.events.at(-1)).toBe('ready 0');
});

test('a runner that hangs while it loads is ended and replaced, and nobody waits for the next', async () => {
  const stage = createStage(1, { loadLimitMs: 60_000 });
  stage.instances.startAll();
  stage.clock.advance(59_999);
  expect(last(stage).dead).toBe(false);
  stage.clock.advance(1);
  await settle();
  expect(stage.events).toEqual([
    'failed hopelessly: its runner ended before it served (it did not load within 60000 ms)',
  ]);
  stage.clock.advance(100);
  last(stage).loaded();
  await settle();
  expect(stage.events.at(-1)).toBe('ready 1');
  stage.clock.advance(60_000);
  expect(last(stage).dead).toBe(false);
});

test('an idle runner that hangs is ended and replaced', async () => {
  const stage = await createLoaded(2, { heartbeatMs: 1000 });
  stage.runners[0]?.hang();
  stage.clock.advance(1000);
  await settle();
  stage.clock.advance(2000);
  await settle();
  expect(stage.events.at(-1)).toBe('gone 0: it did not answer for 2000 ms');
  stage.clock.advance(100);
  last(stage).loaded();
  await settle();
  expect([stage.events.at(-1), stage.runners[1]?.dead]).toEqual(['ready 2', false]);
});

test('a further instance that does not load is tried again', async () => {
  const stage = await createStarted(2);
  last(stage).loadFails(refusal('out of memory'));
  await settle();
  expect(stage.events).toEqual(['ready 0', expect.stringMatching(/^failed: .*out of memory$/)]);
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

test('a runner that answered a run is replaced within a second, however many died before', async () => {
  const stage = await createLoaded(1);
  const waits: number[] = [];
  for (let death = 0; death < 8; death += 1) {
    void last(stage).run([], 0);
    last(stage).runs[0]?.finish([]);
    last(stage).die('poison');
    await settle();
    waits.push(stage.clock.timers[0] ?? -1);
    stage.clock.advance(1000);
    last(stage).loaded();
    await settle();
  }
  expect(waits).toEqual([100, 200, 400, 800, 800, 800, 800, 800]);
});

test('a replacement that does not load or dies while loading is tried again', async () => {
  const stage = await createLoaded(1);
  last(stage).die('first');
  await settle();
  stage.clock.advance(100);
  last(stage).loadFails(refusal('disk full'));
  await settle();
  expect([stage.events.at(-1), stage.clock.timers]).toEqual([
    expect.stringMatching(/^failed: .*disk full$/),
    [200],
  ]);
  stage.clock.advance(200);
  last(stage).die('while loading');
  await settle();
  expect([stage.events.at(-1), stage.clock.timers]).toEqual([
    'failed: its runner ended before it served (while loading)',
    [400],
  ]);
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
  const stage = await createLoaded(3, { heartbeatMs: 1000, loadLimitMs: 60_000 });
  stage.runners[0]?.die('just before');
  await settle();
  await stage.instances.stop();
  expect(stage.runners.every(({ dead }) => dead)).toBe(true);
  expect([stage.clock.timers, stage.instances.processes]).toEqual([[], []]);
  expect(stage.events.filter((event) => event.startsWith('gone'))).toEqual(['gone 0: just before']);
});

test('stopping while the first instance loads ends it without a word', async () => {
  const stage = createStage(2);
  stage.instances.startAll();
  await stage.instances.stop();
  await settle();
  expect([stage.runners.length, stage.events, stage.clock.timers]).toEqual([1, [], []]);
});
