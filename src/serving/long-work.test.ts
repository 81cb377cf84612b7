import { expect, test } from 'vitest';
import type { Steps } from '../protocol/steps.ts';
import { createLongWork } from './long-work.ts';
import type { Cancellable } from './request-life.ts';

const long = 1 << 20;

/** A clock of which each step takes a millisecond, turns by hand, and a life that can be ended. */
function createBench() {
  let time = 0;
  const turns: (() => void)[] = [];
  const attached: Cancellable[] = [];
  const log: string[] = [];
  const work = createLongWork({ now: () => time, defer: (run) => void turns.push(run) });
  return {
    work,
    turns,
    log,
    life: { attach: (one: Cancellable) => void attached.push(one) },
    end: (reason: Error) => {
      for (const one of attached) one.cancel(reason);
    },
    turn: () => turns.shift()?.(),
    *steps(name: string, count: number): Steps<string> {
      try {
        for (let i = 0; i < count; i += 1) {
          time += 1;
          log.push(name);
          yield;
        }
        return name;
      } finally {
        log.push(`${name} over`);
      }
    },
  };
}

test('short work is done at once, without a promise', () => {
  const { work, turns, life, steps } = createBench();
  expect(work.run(steps('a', 3), 100, life)).toBe('a');
  expect(turns).toEqual([]);
});

test('long work begins in a later turn and has its slice of each', async () => {
  const { work, turns, life, log, steps, turn } = createBench();
  const result = work.run(steps('a', 5), long, life);
  expect(log).toEqual([]);
  turn();
  expect(log).toEqual(['a', 'a']);
  expect(turns.length).toBe(1);
  turn();
  turn();
  expect(await result).toBe('a');
  expect(turns).toEqual([]);
});

test('several share the slice in turns', async () => {
  const { work, turns, life, log, steps, turn } = createBench();
  const results = [work.run(steps('a', 3), long, life), work.run(steps('b', 3), long, life)];
  expect(turns.length).toBe(1);
  turn();
  expect(log).toEqual(['a', 'b']);
  while (turns.length > 0) turn();
  expect(await Promise.all(results)).toEqual(['a', 'b']);
});

test('what it throws is its answer, and the others go on', async () => {
  const { work, turns, life, steps, turn } = createBench();
  // biome-ignore lint/correctness/useYield: it fails before
  const failing = (function* (): Steps<never> {
    throw new Error('broken');
  })();
  const results = [work.run(failing, long, life), work.run(steps('b', 3), long, life)];
  const settled = Promise.allSettled(results);
  while (turns.length > 0) turn();
  expect(await settled).toMatchObject([{ status: 'rejected' }, { value: 'b' }]);
});

test('work whose request has ended is let go at once and takes no more of a slice', async () => {
  const { work, turns, life, log, steps, end, turn } = createBench();
  const result = work.run(steps('a', 100), long, life);
  turn();
  end(new Error('gone'));
  await expect(result).rejects.toThrow('gone');
  expect(log).toEqual(['a', 'a', 'a over']);
  while (turns.length > 0) turn();
  expect(log.length).toBe(3);
});
