import { expect, test } from 'vitest';
import { createManualClock } from '../batching/clock.fixture.ts';
import { watchHeartbeat } from './heartbeat.ts';

function createStage() {
  const clock = createManualClock();
  const pings: PromiseWithResolvers<void>[] = [];
  const kills: (string | undefined)[] = [];
  const runner = {
    busy: false,
    ping() {
      const ping = Promise.withResolvers<void>();
      pings.push(ping);
      return ping.promise;
    },
    kill: (why?: string, cause?: string) => void kills.push(`${cause}: ${why}`),
  };
  const stop = watchHeartbeat({ runner, everyMs: 100, schedule: clock.schedule });
  async function answer(): Promise<void> {
    pings.at(-1)?.resolve();
    await new Promise(setImmediate);
  }
  return { clock, pings, kills, runner, stop, answer };
}

test('a runner that answers is asked again and again', async () => {
  const { clock, pings, kills, answer } = createStage();
  for (let i = 1; i <= 5; i += 1) {
    clock.advance(100);
    expect(pings).toHaveLength(i);
    await answer();
  }
  expect(kills).toEqual([]);
});

test('a runner that does not answer is ended after two more looks, once', async () => {
  const { clock, pings, kills } = createStage();
  clock.advance(299);
  expect([pings.length, kills]).toEqual([1, []]);
  clock.advance(1);
  expect(kills).toEqual(['hung: it did not answer for 200 ms']);
  clock.advance(10_000);
  expect([kills.length, clock.timers]).toEqual([1, []]);
});

test('a late answer is an answer', async () => {
  const { clock, kills, answer } = createStage();
  clock.advance(299);
  await answer();
  clock.advance(200);
  expect(kills).toEqual([]);
});

test('a runner that runs is not asked, and not ended for what it was asked before', async () => {
  const { clock, pings, kills, runner, answer } = createStage();
  clock.advance(200);
  runner.busy = true;
  clock.advance(10_000);
  expect([pings.length, kills]).toEqual([1, []]);
  await answer();
  clock.advance(10_000);
  expect([pings.length, kills]).toEqual([1, []]);
  runner.busy = false;
  clock.advance(300);
  expect(kills).toHaveLength(1);
});

test('it stops when it is told to', () => {
  const { clock, pings, stop } = createStage();
  stop();
  clock.advance(1000);
  expect([pings, clock.timers]).toEqual([[], []]);
});
