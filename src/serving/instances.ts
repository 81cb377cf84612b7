/**
 * Keeps the runner processes of one model version alive.
 *
 * The first is loaded alone, so that the optimised copy is written once and the others share it. A
 * runner that dies is replaced, with back-off when it does so again and again.
 */

import { messageOf, ServingError } from '../errors.ts';
import type { LoadOrder, LoadReport } from '../runner/protocol.ts';
import type { RunnerProcess } from '../runner/runner-process.ts';

export interface InstancesOptions {
  readonly count: number;
  /** Starts a process; it is loaded here. */
  readonly start: () => RunnerProcess;
  readonly order: LoadOrder;
  readonly onReady: (runner: RunnerProcess, report: LoadReport) => void;
  readonly onGone: (runner: RunnerProcess, how: string) => void;
  readonly onLoadFailed: (error: ServingError) => void;
  /** Calls back after so many milliseconds; returns a function that forgets it. */
  readonly schedule: (milliseconds: number, callback: () => void) => () => void;
}

export interface Instances {
  /** Settles when the first instance serves. Throws what its load threw. */
  startAll(): Promise<void>;
  /** Ends all processes at once; settles when they are gone. */
  stop(): Promise<void>;
  readonly processes: readonly RunnerProcess[];
}

const firstBackOffMs = 100;
const longestBackOffMs = 30_000;

/** 100 ms, doubled with every death that follows another without a served request between them. */
export function backOffMs(deaths: number): number {
  return Math.min(longestBackOffMs, firstBackOffMs * 2 ** Math.min(deaths, 20));
}

export function createInstances(options: InstancesOptions): Instances {
  const processes = new Set<RunnerProcess>();
  const timers = new Set<() => void>();
  let stopped = false;

  async function startOne(deaths: number): Promise<void> {
    const runner = options.start();
    processes.add(runner);
    let ready = false;
    const gone = runner.ended.then((how) => {
      processes.delete(runner);
      if (!ready || stopped) return;
      options.onGone(runner, how);
      restartLater(deaths);
    });
    try {
      const report = await runner.load(options.order);
      if (stopped) return;
      ready = true;
      options.onReady(runner, report);
    } catch (error) {
      runner.kill();
      await gone;
      throw error;
    }
  }

  function restartLater(deaths: number): void {
    const forget = options.schedule(backOffMs(deaths), () => {
      timers.delete(forget);
      startOne(deaths + 1).catch((error: unknown) => {
        if (stopped) return;
        options.onLoadFailed(asServingError(error, options.order));
        restartLater(deaths + 1);
      });
    });
    timers.add(forget);
  }

  return {
    async startAll() {
      await startOne(0);
      for (let i = 1; i < options.count && !stopped; i += 1) {
        startOne(0).catch((error: unknown) => {
          if (!stopped) options.onLoadFailed(asServingError(error, options.order));
        });
      }
    },
    async stop() {
      stopped = true;
      for (const forget of timers) forget();
      const all = [...processes];
      for (const runner of all) runner.kill();
      await Promise.all(all.map((runner) => runner.ended));
    },
    get processes() {
      return [...processes];
    },
  };
}

function asServingError(error: unknown, { model, version }: LoadOrder): ServingError {
  if (error instanceof ServingError) return error;
  return new ServingError('MODEL_LOAD_FAILED', { model, version, problem: messageOf(error) });
}
