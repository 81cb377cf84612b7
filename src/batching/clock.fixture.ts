/** A clock that stands still until a test moves it. */

import type { Clock } from './clock.ts';

export interface ManualClock extends Clock {
  /** How long from now each timer that is set will ring, soonest first. */
  readonly timers: readonly number[];
  /** Moves on, ringing what is due on the way. */
  advance(milliseconds: number): void;
}

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

export function createManualClock(): ManualClock {
  let now = 0;
  const set = new Set<Timer>();
  const sorted = (): Timer[] => [...set].sort((a, b) => a.at - b.at);
  return {
    now: () => now,
    schedule(milliseconds, callback) {
      const timer = { at: now + milliseconds, callback };
      set.add(timer);
      return () => set.delete(timer);
    },
    get timers() {
      return sorted().map(({ at }) => at - now);
    },
    advance(milliseconds) {
      const until = now + milliseconds;
      for (let [next] = sorted(); next && next.at <= until; [next] = sorted()) {
        now = Math.max(now, next.at);
        set.delete(next);
        next.callback();
      }
      now = until;
    },
  };
}
