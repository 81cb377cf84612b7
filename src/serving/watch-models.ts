/** Looks at the models again and again, sooner where something is about to settle, and at once when told. */

import type { ModelLife } from './model-life.ts';

export interface Watch {
  /** Looks now. */
  look(): void;
  stop(): void;
}

export interface WatchOptions {
  readonly intervalMs: number;
  readonly schedule: (milliseconds: number, callback: () => void) => () => void;
}

/** Between two looks, so that a folder that is being written does not keep the server looking. */
const leastWaitMs = 20;

export function watchModels(
  life: Pick<ModelLife, 'look' | 'lookAgainInMs' | 'close'>,
  { intervalMs, schedule }: WatchOptions,
): Watch {
  let forget = (): void => {};
  let stopped = false;

  function wait(): void {
    forget();
    if (stopped) return;
    const next = Math.min(intervalMs, life.lookAgainInMs ?? intervalMs);
    forget = schedule(Math.max(leastWaitMs, next), look);
  }

  function look(): void {
    forget();
    void life.look().then(wait);
  }

  wait();
  return {
    look,
    stop() {
      stopped = true;
      forget();
      life.close();
    },
  };
}
