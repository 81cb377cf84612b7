/**
 * Work that can be done in turns: a generator that yields wherever somebody else may go on. Done at once at
 * the start, when nobody waits; done in short turns beside requests.
 */

export type InTurns<T> = Generator<undefined, T, undefined>;

export function doAtOnce<T>(work: InTurns<T>): T {
  let step = work.next();
  while (!step.done) step = work.next();
  return step.value;
}

/** How long a turn is at most, but for the time from one `yield` to the next. */
const turnMs = 2;

/** Between two turns everything that waits in the event loop goes on. */
export async function doInTurns<T>(
  work: InTurns<T>,
  now: () => number = () => performance.now(),
): Promise<T> {
  for (;;) {
    const end = now() + turnMs;
    do {
      const step = work.next();
      if (step.done) return step.value;
    } while (now() < end);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
