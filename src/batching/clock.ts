/** Time as it is passed in: the tests move it by hand, the server uses the machine's. */

export interface Clock {
  /** Milliseconds, never going back; only differences mean something. */
  now(): number;
  /** Calls back once after so many milliseconds; returns a function that forgets it. */
  schedule(milliseconds: number, callback: () => void): () => void;
}

/** Monotonic: a change of the machine's date moves no deadline. Its timers keep no process alive. */
export const systemClock: Clock = {
  now: () => performance.now(),
  schedule(milliseconds, callback) {
    const timer = setTimeout(callback, milliseconds);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
