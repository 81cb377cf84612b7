/**
 * Which structure holds what waits: the queue's own work, without promises. Waves of entries come,
 * a share of them leaves from the middle (cancelled), the rest is taken oldest first.
 * Prints the median of interleaved rounds, in ns an entry. `node bench/queue-structures.ts`
 */

import type { Linked } from '../src/batching/linked-list.ts';
import { LinkedList } from '../src/batching/linked-list.ts';
import { median } from './support/server.ts';

class Entry implements Linked<Entry> {
  next: Entry | undefined = undefined;
  previous: Entry | undefined = undefined;
  list: LinkedList<Entry> | undefined = undefined;
  /** Of the ring: where it lies. */
  place = -1;
  readonly id: number;

  constructor(id: number) {
    this.id = id;
  }
}

interface Queue {
  push(entry: Entry): void;
  remove(entry: Entry): void;
  shift(): Entry | undefined;
}

function createArray(): Queue {
  const entries: Entry[] = [];
  return {
    push: (entry) => void entries.push(entry),
    remove: (entry) => void entries.splice(entries.indexOf(entry), 1),
    shift: () => entries.shift(),
  };
}

/** What the queue before the scheduler did. */
function createSet(): Queue {
  const entries = new Set<Entry>();
  return {
    push: (entry) => void entries.add(entry),
    remove: (entry) => void entries.delete(entry),
    shift() {
      const first = entries.values().next().value;
      if (first) entries.delete(first);
      return first;
    },
  };
}

/** A cancelled entry leaves a hole that is stepped over. */
function createRing(waiting: number): Queue {
  const size = 2 ** Math.ceil(Math.log2(waiting + 1));
  const ring = new Array<Entry | undefined>(size).fill(undefined);
  let head = 0;
  let tail = 0;
  return {
    push(entry) {
      entry.place = tail;
      ring[tail++ & (size - 1)] = entry;
    },
    remove(entry) {
      ring[entry.place & (size - 1)] = undefined;
    },
    shift() {
      while (head < tail) {
        const place = head++ & (size - 1);
        const entry = ring[place];
        ring[place] = undefined;
        if (entry) return entry;
      }
      return undefined;
    },
  };
}

function createLinked(): Queue {
  const list = new LinkedList<Entry>();
  return {
    push: (entry) => list.append(entry),
    remove: (entry) => list.remove(entry),
    shift() {
      const { head } = list;
      if (head) list.remove(head);
      return head;
    },
  };
}

/** Nanoseconds an entry. */
function measure(queue: Queue, perWave: number, waves: number, cancelled: number): number {
  let taken = 0;
  const started = performance.now();
  for (let wave = 0; wave < waves; wave += 1) {
    const entries: Entry[] = [];
    for (let i = 0; i < perWave; i += 1) {
      const entry = new Entry(i);
      entries.push(entry);
      queue.push(entry);
    }
    if (cancelled > 0)
      for (let i = 1; i < perWave; i += cancelled) queue.remove(entries[i] as Entry);
    while (queue.shift()) taken += 1;
  }
  const elapsed = performance.now() - started;
  if (taken === 0) throw new Error('nothing was taken');
  return (elapsed * 1e6) / (perWave * waves);
}

for (const [perWave, waves] of [
  [256, 400],
  [8192, 8],
] as const) {
  for (const [cancelled, text] of [
    [0, 'none cancelled'],
    [10, 'every tenth cancelled'],
  ] as const) {
    const queues = {
      array: createArray(),
      Set: createSet(),
      ring: createRing(perWave),
      linked: createLinked(),
    };
    const times: Record<string, number[]> = {};
    for (let round = -3; round < 9; round += 1) {
      for (const [name, queue] of Object.entries(queues)) {
        const time = measure(queue, perWave, waves, cancelled);
        if (round >= 0) times[name] = [...(times[name] ?? []), time];
      }
    }
    const row = Object.entries(times).map(([name, all]) => `${name} ${median(all).toFixed(0)} ns`);
    console.log(`${perWave} waiting, ${text}: ${row.join(', ')}`);
  }
}
