/**
 * A counter of three labels. Maps of maps, because one key made of all three costs more than everything
 * else that is counted of a request.
 */

import type { Sample } from './exposition.ts';

type Values = readonly [first: string, second: string | number, third: string];

/** The map in a map, made when it is not there. */
export function innerOf<Key, InnerKey, Value>(
  outer: Map<Key, Map<InnerKey, Value>>,
  key: Key,
): Map<InnerKey, Value> {
  const found = outer.get(key);
  if (found) return found;
  const made = new Map<InnerKey, Value>();
  outer.set(key, made);
  return made;
}

export class LabelledCounts {
  private readonly names: readonly [string, string, string];
  private readonly counts = new Map<Values[0], Map<Values[1], Map<Values[2], number>>>();

  constructor(names: readonly [string, string, string]) {
    this.names = names;
  }

  /** `by` 0 shows it without counting. */
  add(first: Values[0], second: Values[1], third: Values[2], by = 1): void {
    const thirds = innerOf(innerOf(this.counts, first), second);
    thirds.set(third, (thirds.get(third) ?? 0) + by);
  }

  forget(first: Values[0], second: Values[1]): void {
    this.counts.get(first)?.delete(second);
  }

  samples(): Sample[] {
    const samples: Sample[] = [];
    const [one, two, three] = this.names;
    for (const [first, seconds] of this.counts) {
      for (const [second, thirds] of seconds) {
        for (const [third, value] of thirds) {
          samples.push({ labels: { [one]: first, [two]: String(second), [three]: third }, value });
        }
      }
    }
    return samples;
  }
}
