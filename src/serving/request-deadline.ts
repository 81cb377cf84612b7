/**
 * One deadline and one abort signal for a request, from accept to answer.
 */

import { ServingError } from '../errors.ts';

export interface RequestDeadline {
  /** Aborts with DEADLINE_EXCEEDED or REQUEST_CANCELLED. */
  readonly signal: AbortSignal;
  /** The client is gone. */
  cancel(): void;
  /** The answer is written: the timer goes. */
  clear(): void;
}

export function startDeadline(timeoutMs: number, model: string): RequestDeadline {
  const controller = new AbortController();
  const timer = setTimeout(() => {
    controller.abort(new ServingError('DEADLINE_EXCEEDED', { model, afterMs: timeoutMs }));
  }, timeoutMs);
  timer.unref();
  return {
    signal: controller.signal,
    cancel() {
      clearTimeout(timer);
      controller.abort(new ServingError('REQUEST_CANCELLED', {}));
    },
    clear: () => clearTimeout(timer),
  };
}
