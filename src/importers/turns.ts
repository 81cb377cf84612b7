/** One after the other, in the order in which they asked. */

/** Gives the turn when it has come; disposing of it ends it. Throws why `signal` ended the wait. */
export type TakeTurn = (signal: AbortSignal | undefined, onWait: () => void) => Promise<Disposable>;

function untilAborted(signal: AbortSignal): { aborted: Promise<never>; forget: () => void } {
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  return { aborted: promise, forget: () => signal.removeEventListener('abort', onAbort) };
}

export function createTurns(): TakeTurn {
  let last: Promise<void> = Promise.resolve();
  let before = 0;

  return async (signal, onWait) => {
    const previous = last;
    const { promise, resolve } = Promise.withResolvers<void>();
    // One that gives up while it waits must not let the next one pass those before it.
    last = previous.then(() => promise);
    if (before > 0) onWait();
    before += 1;
    const end = (): void => {
      before -= 1;
      resolve();
    };
    if (!signal) {
      await previous;
      return { [Symbol.dispose]: end };
    }
    const { aborted, forget } = untilAborted(signal);
    try {
      await Promise.race([previous, aborted]);
      return { [Symbol.dispose]: end };
    } catch (error) {
      end();
      throw error;
    } finally {
      forget();
    }
  };
}
