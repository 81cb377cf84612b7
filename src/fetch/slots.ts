/** So many at a time; the others wait in order. */
export interface Slots {
  /** Resolves with the function that gives the slot back. Rejects when `signal` aborts first. */
  take(signal: AbortSignal): Promise<() => void>;
}

export function createSlots(count: number): Slots {
  let free = count;
  const waiting = new Set<() => void>();

  const giveBack = (): void => {
    const [next] = waiting;
    if (next === undefined) free++;
    else next();
  };

  const wait = (signal: AbortSignal): Promise<() => void> =>
    new Promise((resolve, reject) => {
      const leave = (): void => {
        waiting.delete(enter);
        reject(signal.reason);
      };
      const enter = (): void => {
        waiting.delete(enter);
        signal.removeEventListener('abort', leave);
        resolve(giveBack);
      };
      signal.addEventListener('abort', leave, { once: true });
      waiting.add(enter);
    });

  return {
    async take(signal) {
      signal.throwIfAborted();
      if (free === 0) return wait(signal);
      free--;
      return giveBack;
    },
  };
}
