import { expect, test } from 'vitest';
import { createFairQueue } from './fair-queue.ts';

const [a, b, c] = [{}, {}, {}];

function filled() {
  const queue = createFairQueue<string>();
  for (const item of ['a1', 'a2', 'a3', 'a4']) queue.add(a, item);
  queue.add(b, 'b1');
  for (const item of ['c1', 'c2']) queue.add(c, item);
  return queue;
}

test('owners take turns, and each keeps its order', () => {
  const queue = filled();
  expect(queue.size).toBe(7);
  expect(queue.drain()).toEqual(['a1', 'b1', 'c1', 'a2', 'c2', 'a3', 'a4']);
  expect([queue.size, queue.take()]).toEqual([0, undefined]);
});

test('a newcomer waits for one turn of the others, however much they have', () => {
  const queue = filled();
  expect([queue.take(), queue.take()]).toEqual(['a1', 'b1']);
  queue.add(b, 'b2');
  expect(queue.drain()).toEqual(['c1', 'a2', 'b2', 'c2', 'a3', 'a4']);
});

test('what was removed is not taken, and costs its owner no turn', () => {
  const queue = filled();
  queue.remove(a, 'a1');
  queue.remove(b, 'b1');
  queue.remove(b, 'b1');
  expect(queue.size).toBe(5);
  expect(queue.drain()).toEqual(['a2', 'c1', 'a3', 'c2', 'a4']);
});

test('an owner that comes back is one like others', () => {
  const queue = createFairQueue<number>();
  queue.add(a, 1);
  queue.take();
  queue.add(b, 2);
  queue.add(a, 3);
  queue.add(b, 4);
  expect(queue.drain()).toEqual([2, 3, 4]);
});
