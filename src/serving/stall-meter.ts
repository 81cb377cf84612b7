/** Whether one direction of a connection moves: by this rate, in each window of the time limit. */

/** A telephone line of the last century; who sends less than that does not mean it. */
const leastBytesPerSecond = 1024;

export interface Meter {
  since: number;
  moved: number;
}

export function startMeter(now: number, moved = 0): Meter {
  return { since: now, moved };
}

/**
 * True when a window of `limitMs` is over and too little moved in it; a window with enough starts the
 * next one. Each window counts for itself, so that nobody saves up for a long silence.
 */
export function isStalled(meter: Meter, moved: number, now: number, limitMs: number): boolean {
  const passedMs = now - meter.since;
  if (passedMs < limitMs) return false;
  const enough = (passedMs / 1000) * leastBytesPerSecond;
  const stalled = moved - meter.moved < enough;
  meter.since = now;
  meter.moved = moved;
  return stalled;
}
