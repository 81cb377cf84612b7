import { expect, test } from 'vitest';
import { createManualClock } from './runner.fixture.ts';
import { watchModels } from './watch-models.ts';

function createStage() {
  const clock = createManualClock();
  const stage = { looks: 0, lookAgainAt: undefined as number | undefined, closed: false };
  let now = 0;
  const watch = watchModels(
    {
      look() {
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
  const advance = (milliseconds: number): void => {
    now += milliseconds;
    clock.advance(milliseconds);
  };
  return { stage, watch, advance, clock };
}

test('it looks after every interval', () => {
  const { stage, advance } = createStage();
  advance(999);
  expect(stage.looks).toBe(0);
  advance(1);
  advance(1000);
  expect(stage.looks).toBe(2);
});

test('it looks sooner where something settles, but not at once', () => {
  const { stage, advance, clock } = createStage();
  stage.lookAgainAt = 1200;
  advance(1000);
  expect(clock.timers).toEqual([200]);
  advance(200);
  expect([stage.looks, clock.timers]).toEqual([2, [20]]);
});

test('it looks at once when it is told, and then after an interval', () => {
  const { stage, watch, advance, clock } = createStage();
  advance(500);
  watch.look();
  expect([stage.looks, clock.timers]).toEqual([1, [1000]]);
});

test('it looks no more when it is stopped', () => {
  const { stage, watch, advance, clock } = createStage();
  watch.stop();
  advance(5000);
  expect([stage.looks, stage.closed, clock.timers]).toEqual([0, true, []]);
});
