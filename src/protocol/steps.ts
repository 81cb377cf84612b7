/**
 * Long work that can be left and taken up again: a generator that yields after each small piece.
 *
 * Owns: the form of such work and doing it at once. Does not own: when to pause; whoever runs it in slices
 * has the clock (src/serving/long-work.ts).
 */

export type Steps<T> = Generator<undefined, T, undefined>;

/** Bytes of text between two yields: about a tenth of a millisecond, two where numbers are hard to read. */
export const stepBytes = 32_768;

/** Does all of it at once, for short texts. */
export function runNow<T>(steps: Steps<T>): T {
  let step = steps.next();
  while (!step.done) step = steps.next();
  return step.value;
}
