/**
 * Keeps the runner processes of one model version alive.
 *
 * The first is loaded alone, so that the optimised copy is written once and the others share it. A
 * runner that dies or does not load is replaced, with back-off when it does so again and again.
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

/** A runner that served this long has nothing to do with the deaths before it. */
const calmMs = longestBackOffMs;

/** 100 ms, doubled with every death that follows another within `calmMs`. */
export function backOffMs(deaths: number): number {
  return Math.min(longestBackOffMs, firstBackOffMs * 2 ** Math.min(deaths, 20));
}

export function createInstances(options: InstancesOptions): Instances {
  const processes = new Set<RunnerProcess>();
  const timers = new Set<() => void>();
  let { order } = options;
  let stopped = false;

  function scheduleOnce(milliseconds: number, callback: () => void): () => void {
    const cancel = options.schedule(milliseconds, () => {
      timers.delete(forget);
      callback();
    });
    const forget = (): void => {
      timers.delete(forget);
      cancel();
    };
    timers.add(forget);
    return forget;
  }

  /** Watches a runner that serves; `deaths`: how many came before it in quick succession. */
  async function replaceWhenGone(runner: RunnerProcess, deaths: number): Promise<void> {
    let before = deaths;
    const forget = scheduleOnce(calmMs, () => {
      before = 0;
    });
    const how = await runner.ended;
    forget();
    if (stopped) return;
    options.onGone(runner, how);
    scheduleOnce(backOffMs(before), () => startInBackground(before + 1));
  }

  async function startOne(deaths: number): Promise<void> {
    const runner = options.start();
    processes.add(runner);
    const gone = runner.ended.then(() => processes.delete(runner));
    try {
      const report = await runner.load(order);
      if (stopped) return;
      // Measured once: the others would find another number, and take as long.
      order = { ...order, batchSize: report.batchSize };
      options.onReady(runner, report);
      void replaceWhenGone(runner, deaths);
    } catch (error) {
      runner.kill();
      await gone;
      throw error;
    }
  }

  function startInBackground(deaths: number): void {
    startOne(deaths).catch((error: unknown) => {
      if (stopped) return;
      options.onLoadFailed(asServingError(error, options.order));
      scheduleOnce(backOffMs(deaths), () => startInBackground(deaths + 1));
    });
  }

  return {
    async startAll() {
      await startOne(0);
      for (let i = 1; i < options.count && !stopped; i += 1) startInBackground(0);
    },
    async stop() {
      stopped = true;
      for (const forget of [...timers]) forget();
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
