/**
 * What waits, taken in turns: each owner's first, then each owner's next. Within an owner it is first
 * come first served. Everything takes constant time: a Map and a Set remember the order in which their
 * entries came, and an owner whose turn is over goes to the end of the Map.
 */
export interface FairQueue<T> {
  readonly size: number;
  add(owner: object, item: T): void;
  /** Who has waited longest among the owners whose turn it is. */
  take(): T | undefined;
  /** Does nothing when it is not there any more. */
  remove(owner: object, item: T): void;
  /** Takes all, in turns. */
  drain(): T[];
}

export function createFairQueue<T>(): FairQueue<T> {
  const turns = new Map<object, Set<T>>();
  let size = 0;

  function take(): T | undefined {
    for (const [owner, items] of turns) {
      turns.delete(owner);
      for (const item of items) {
        items.delete(item);
        size -= 1;
        if (items.size > 0) turns.set(owner, items);
        return item;
      }
    }
    return undefined;
  }

  return {
    get size() {
      return size;
    },
    add(owner, item) {
      const items = turns.get(owner) ?? new Set();
      if (items.size === 0) turns.set(owner, items);
      items.add(item);
      size += 1;
    },
    take,
    remove(owner, item) {
      const items = turns.get(owner);
      if (!items?.delete(item)) return;
      size -= 1;
      if (items.size === 0) turns.delete(owner);
    },
    drain() {
      const all: T[] = [];
      for (let item = take(); item !== undefined; item = take()) all.push(item);
      return all;
    },
  };
}
