import { expect, test } from 'vitest';
import { createManualClock, settle } from './runner.fixture.ts';
import { watchModels } from './watch-models.ts';

function createStage() {
  const clock = createManualClock();
  const stage = { looks: 0, lookAgainAt: undefined as number | undefined, closed: false };
  let now = 0;
  const watch = watchModels(
    {
      async look() {
        stage.looks += 1;
      },
      get lookAgainInMs() {
        return stage.lookAgainAt === undefined ? undefined : stage.lookAgainAt - now;
      },
      close() {
        stage.closed = true;
      },
    },
    { intervalMs: 1000, schedule: clock.schedule },
  );
  const advance = async (milliseconds: number): Promise<void> => {
    now += milliseconds;
    clock.advance(milliseconds);
    await settle();
  };
  return { stage, watch, advance, clock };
}

test('it looks after every interval', async () => {
  const { stage, advance } = createStage();
  await advance(999);
  expect(stage.looks).toBe(0);
  await advance(1);
  await advance(1000);
  expect(stage.looks).toBe(2);
});

test('it looks sooner where something settles, but not at once', async () => {
  const { stage, advance, clock } = createStage();
  stage.lookAgainAt = 1200;
  await advance(1000);
  expect(clock.timers).toEqual([200]);
  await advance(200);
  expect([stage.looks, clock.timers]).toEqual([2, [20]]);
});

test('it looks at once when it is told, and then after an interval', async () => {
  const { stage, watch, advance, clock } = createStage();
  await advance(500);
  watch.look();
  await settle();
  expect([stage.looks, clock.timers]).toEqual([1, [1000]]);
});

test('it looks no more when it is stopped', async () => {
  const { stage, watch, advance, clock } = createStage();
  watch.stop();
  await advance(5000);
  expect([stage.looks, stage.closed, clock.timers]).toEqual([0, true, []]);
});

test('it looks no more when it is stopped while it looks', async () => {
  const { stage, watch, advance, clock } = createStage();
  watch.look();
  watch.stop();
  await advance(5000);
  expect([stage.looks, clock.timers]).toEqual([1, []]);
});

test('it waits for an interval once, however often it was told to look meanwhile', async () => {
  const { stage, watch, clock } = createStage();
  for (let i = 0; i < 3; i += 1) watch.look();
  await settle();
  expect([stage.looks, clock.timers]).toEqual([3, [1000]]);
});
