/**
 * Whether something on disk has stopped changing: the same stamp for so long, as two looks have seen it, or
 * a time of change that is that long ago.
 */

import type { ContentStamp } from './version-stamp.ts';

export interface Settling {
  /** True when what has this key has been as it is for long enough at `now` (milliseconds since 1970). */
  isSettled(key: string, content: ContentStamp, now: number): boolean;
  /** Forgets all keys but those of what is still there. */
  keep(isThere: (key: string) => boolean): void;
  /** When the first of those that are not settled would be; undefined when all are. */
  readonly nextAt: number | undefined;
}

interface Seen {
  stamp: string;
  since: number;
  settled: boolean;
}

export function createSettling(settleMs: number): Settling {
  const seen = new Map<string, Seen>();

  return {
    isSettled(key, { stamp, changedAt }, now) {
      const known = seen.get(key);
      const one =
        known?.stamp === stamp
          ? known
          : // The time of change stands for looks that were not taken, unless it is of another clock.
            { stamp, since: changedAt > 0 && changedAt <= now ? changedAt : now, settled: false };
      // The clock was set back: from now on, then.
      if (one.since > now) one.since = now;
      one.settled ||= now - one.since >= settleMs;
      seen.set(key, one);
      return one.settled;
    },
    keep(isThere) {
      for (const key of seen.keys()) if (!isThere(key)) seen.delete(key);
    },
    get nextAt() {
      const waiting = [...seen.values()].filter(({ settled }) => !settled);
      return waiting.length === 0
        ? undefined
        : Math.min(...waiting.map(({ since }) => since + settleMs));
    },
  };
}
