import { expect, test } from 'vitest';
import type { InTurns } from './turns.ts';
import { doAtOnce, doInTurns } from './turns.ts';

/** Takes so many steps. */
function* count(end: number): InTurns<number> {
  for (let i = 0; i < end; i += 1) yield;
  return end;
}

/** A clock on which every step takes a quarter of a millisecond. */
function createClock(): () => number {
  let now = 0;
  return () => {
    now += 0.25;
    return now;
  };
}

test('what is done at once gives its end', () => {
  expect(doAtOnce(count(1000))).toBe(1000);
});

test('others have a turn after every two milliseconds', async () => {
  let turns = 0;
  let over = false;
  const work = doInTurns(count(80), createClock()).finally(() => {
    over = true;
  });
  while (!over) {
    await new Promise((resolve) => setImmediate(resolve));
    turns += 1;
  }
  expect(await work).toBe(80);
  // 80 steps of a quarter are ten turns of two milliseconds.
  expect(turns).toBeGreaterThanOrEqual(10);
});

test('what it throws is thrown', async () => {
  function* fail(): InTurns<void> {
    yield;
    throw new Error('the disk is gone');
  }
  await expect(doInTurns(fail())).rejects.toThrow('the disk is gone');
});
