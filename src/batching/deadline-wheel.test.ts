import { expect, test } from 'vitest';
import { createRandom } from '../../test/models/random.ts';
import { createManualClock } from './clock.fixture.ts';
import type { Expiring } from './deadline-wheel.ts';
import { DeadlineWheel, tickMs } from './deadline-wheel.ts';
import type { LinkedList } from './linked-list.ts';

class Node implements Expiring<Node> {
  next: Node | undefined = undefined;
  previous: Node | undefined = undefined;
  list: LinkedList<Node> | undefined = undefined;
  readonly deadline: number;

  constructor(deadline: number) {
    this.deadline = deadline;
  }
}

function createStage() {
  const clock = createManualClock();
  const expired: { deadline: number; at: number }[] = [];
  const wheel = new DeadlineWheel<Node>(clock, ({ deadline }) =>
    expired.push({ deadline, at: clock.now() }),
  );
  return { clock, expired, wheel };
}

test('an expiry is told once, never early and at most a tick late, near or far away', () => {
  const random = createRandom(1);
  const { clock, expired, wheel } = createStage();
  const kept: number[] = [];
  for (let i = 0; i < 3000; i += 1) {
    clock.advance(random() * 20);
    const node = new Node(clock.now() + random() ** 4 * 20_000);
    wheel.add(node);
    if (i % 3 === 0) wheel.remove(node);
    else kept.push(node.deadline);
  }
  clock.advance(60_000);
  expect(expired.map(({ deadline }) => deadline).toSorted()).toEqual(kept.toSorted());
  for (const { deadline, at } of expired) {
    expect(at).toBeGreaterThanOrEqual(deadline);
    expect(at - deadline).toBeLessThanOrEqual(tickMs + 1e-6);
  }
  expect(clock.timers).toEqual([]);
});

test('there is one timer however many deadlines there are, and none without', () => {
  const { clock, wheel } = createStage();
  wheel.add(new Node(Number.POSITIVE_INFINITY));
  expect(clock.timers).toEqual([]);
  const nodes = Array.from({ length: 100 }, (_, i) => new Node(1000 - i));
  for (const node of nodes) wheel.add(node);
  expect(clock.timers).toHaveLength(1);
  for (const node of nodes) wheel.remove(node);
  clock.advance(1010);
  expect(clock.timers).toEqual([]);
});

test('a callback may take other nodes out of the wheel', () => {
  const clock = createManualClock();
  const expired: number[] = [];
  const [a, b] = [new Node(10), new Node(11)];
  const wheel = new DeadlineWheel<Node>(clock, (node) => {
    expired.push(node.deadline);
    wheel.remove(b);
  });
  wheel.add(a);
  wheel.add(b);
  clock.advance(100);
  expect(expired).toEqual([10]);
});
