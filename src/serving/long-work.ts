/**
 * Work on long texts, in slices between which the event loop goes on: all such work together gets one slice
 * a turn, its jobs in turns.
 *
 * Why not threads: the body would have to be copied or given away and its tensors brought back, for every
 * request; docs/decisions/json.md has the measurements.
 */

import type { Steps } from '../protocol/steps.ts';
import { runNow } from '../protocol/steps.ts';
import type { RequestLife } from './request-life.ts';

/** Milliseconds of the event loop at a time. */
const sliceMs = 2;
/** Texts up to this are worked on at once: less than half a millisecond. */
const shortBytes = 65_536;

export interface LongWork {
  /**
   * Does the steps: at once when what they work on has few bytes, else in slices, until the request ends
   * early. Rejects with what they throw, or with the reason of that end.
   */
  run<T>(steps: Steps<T>, bytes: number, life: Pick<RequestLife, 'attach'>): Promise<T> | T;
}

export interface LongWorkOptions {
  readonly now: () => number;
  /** Calls back in a later turn of the event loop, after what waits there. */
  readonly defer: (run: () => void) => void;
}

interface Job {
  /** Does one step; true when the job is over. */
  step(): boolean;
  isOver: boolean;
}

export function createLongWork({ now, defer }: LongWorkOptions): LongWork {
  const jobs: Job[] = [];
  let isDeferred = false;

  function schedule(): void {
    if (isDeferred || jobs.length === 0) return;
    isDeferred = true;
    defer(runSlice);
  }

  function runSlice(): void {
    isDeferred = false;
    const end = now() + sliceMs;
    do {
      const job = jobs.shift();
      if (!job) return;
      if (!job.isOver && !job.step()) jobs.push(job);
    } while (now() < end);
    schedule();
  }

  return {
    run<T>(steps: Steps<T>, bytes: number, life: Pick<RequestLife, 'attach'>): Promise<T> | T {
      if (bytes <= shortBytes) return runNow(steps);
      const { promise, resolve, reject } = Promise.withResolvers<T>();
      const job: Job = {
        isOver: false,
        step() {
          try {
            const { done, value } = steps.next();
            if (done) resolve(value as T);
            return done === true;
          } catch (error) {
            reject(error);
            return true;
          }
        },
      };
      life.attach({
        cancel(reason) {
          // What it holds is let go at once, not when its turn comes.
          job.isOver = true;
          steps.return(undefined as T);
          reject(reason);
        },
      });
      if (!job.isOver) jobs.push(job);
      schedule();
      return promise;
    },
  };
}
