/** Those who wait for what comes of a model: they are asked for after everything that happens to it. */

import { ServingError } from '../errors.ts';
import type { ManagedModel } from './managed-model.ts';

/** Undefined while it is still to come. */
export type Outcome = 'done' | ServingError | undefined;

export interface ModelWaiters {
  /** Settles when `outcome` gives something: rejects with an error. Throws SHUTTING_DOWN after `close`. */
  until(model: ManagedModel, outcome: () => Outcome): Promise<void>;
  /** Something happened to this model. */
  wake(model: ManagedModel): void;
  close(): void;
}

interface Waiter {
  readonly model: ManagedModel;
  readonly outcome: () => Outcome;
  readonly resolve: () => void;
  readonly reject: (error: ServingError) => void;
}

function tell({ resolve, reject }: Waiter, outcome: 'done' | ServingError): void {
  if (outcome === 'done') resolve();
  else reject(outcome);
}

export function createModelWaiters(): ModelWaiters {
  const waiting = new Set<Waiter>();
  let closed = false;

  return {
    until(model, outcome) {
      return new Promise((resolve, reject) => {
        const waiter: Waiter = { model, outcome, resolve, reject };
        const now = closed ? new ServingError('SHUTTING_DOWN', {}) : outcome();
        if (now) tell(waiter, now);
        else waiting.add(waiter);
      });
    },
    wake(model) {
      for (const one of waiting) {
        const outcome = one.model === model ? one.outcome() : undefined;
        if (!outcome) continue;
        waiting.delete(one);
        tell(one, outcome);
      }
    },
    close() {
      closed = true;
      for (const one of waiting) tell(one, new ServingError('SHUTTING_DOWN', {}));
      waiting.clear();
    },
  };
}
