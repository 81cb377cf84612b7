/**
 * Keeps the runner processes of one model version alive.
 *
 * The first is loaded alone, so that the optimised copy is written once and the others share it. A
 * runner that dies, hangs or does not load is ended and replaced, with back-off when that happens again
 * and again. Only a model that the runtime refuses from the first is not tried again.
 */

import { messageOf, ServingError } from '../errors.ts';
import { watchHeartbeat } from '../runner/heartbeat.ts';
import type { LoadOrder, LoadReport } from '../runner/protocol.ts';
import type { RunnerProcess } from '../runner/runner-process.ts';

export interface InstancesOptions {
  readonly count: number;
  /** Starts a process; it is loaded here. */
  readonly start: () => RunnerProcess;
  readonly order: LoadOrder;
  /** An idle runner is asked this often whether it lives; absent: it is not. */
  readonly heartbeatMs?: number | undefined;
  /** A runner that takes longer to start and load is ended; absent: none is. */
  readonly loadLimitMs?: number | undefined;
  readonly onReady: (runner: RunnerProcess, report: LoadReport) => void;
  readonly onGone: (runner: RunnerProcess, how: string) => void;
  readonly onLoadFailed: (failure: FailedLoad) => void;
  /** Calls back after so many milliseconds; returns a function that forgets it. */
  readonly schedule: (milliseconds: number, callback: () => void) => () => void;
}

export interface FailedLoad {
  /** One line, for people. */
  readonly why: string;
  readonly error: unknown;
  /** The runtime refused the model, whose first load this was: nothing more is tried. */
  readonly final: boolean;
  /** True when so many loads failed one after the other that nobody should wait for the next. */
  readonly hopeless: boolean;
}

export interface Instances {
  /** Starts the first instance, and the others when it serves. */
  startAll(): void;
  /** Ends all processes at once; settles when they are gone. */
  stop(): Promise<void>;
  readonly processes: readonly RunnerProcess[];
}

const firstBackOffMs = 100;
const longestBackOffMs = 30_000;

/** A runner that served this long has nothing to do with the deaths before it. */
const calmMs = longestBackOffMs;

/** Loads that fail in a row, about three seconds' worth, before a version counts as failed. */
const patience = 5;

/**
 * A runner that answered a run before it died is replaced within a second, however many died before it:
 * otherwise one client with a poisonous input would keep everybody else waiting for half a minute.
 */
const mostDeathsAfterAnswers = 3;

/** 100 ms, doubled with every death that follows another within `calmMs`. */
export function backOffMs(deaths: number): number {
  return Math.min(longestBackOffMs, firstBackOffMs * 2 ** Math.min(deaths, 20));
}

export function createInstances(options: InstancesOptions): Instances {
  const processes = new Set<RunnerProcess>();
  const timers = new Set<() => void>();
  let { order } = options;
  let stopped = false;
  /** An instance has served once, so the model is one that can be. */
  let served = false;
  /** Loads that failed since the last one that did not. */
  let failures = 0;

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

  function watch(runner: RunnerProcess): () => void {
    const { heartbeatMs: everyMs } = options;
    return everyMs === undefined
      ? () => {}
      : watchHeartbeat({ runner, everyMs, schedule: scheduleOnce });
  }

  /** Watches a runner that serves; `deaths`: how many came before it in quick succession. */
  async function replaceWhenGone(runner: RunnerProcess, deaths: number): Promise<void> {
    let before = deaths;
    const forget = scheduleOnce(calmMs, () => {
      before = 0;
    });
    const stopWatching = watch(runner);
    const how = await runner.ended;
    forget();
    stopWatching();
    if (stopped) return;
    if (runner.hasAnswered) before = Math.min(before, mostDeathsAfterAnswers);
    options.onGone(runner, how);
    scheduleOnce(backOffMs(before), () => startInBackground(before + 1));
  }

  /** Ends a runner that hangs while it starts or loads. */
  function limitLoad(runner: RunnerProcess): () => void {
    const { loadLimitMs } = options;
    if (loadLimitMs === undefined) return () => {};
    return scheduleOnce(loadLimitMs, () => {
      // So long a wait was one for all tries.
      failures = Math.max(failures, patience);
      runner.kill(`it did not load within ${loadLimitMs} ms`);
    });
  }

  async function startOne(deaths: number): Promise<void> {
    const runner = options.start();
    processes.add(runner);
    const gone = runner.ended.then(() => processes.delete(runner));
    const forget = limitLoad(runner);
    try {
      const report = await runner.load(order);
      if (stopped) return;
      // Measured once: the others would find another number, and take as long.
      order = { ...order, batchSize: report.batchSize };
      failures = 0;
      options.onReady(runner, report);
      void replaceWhenGone(runner, deaths);
    } catch (error) {
      runner.kill();
      await gone;
      throw error;
    } finally {
      forget();
    }
  }

  function startOthers(): void {
    if (stopped || served) return;
    served = true;
    for (let i = 1; i < options.count; i += 1) startInBackground(0);
  }

  function startInBackground(deaths: number): void {
    startOne(deaths).then(startOthers, (error: unknown) => {
      if (stopped) return;
      failures += 1;
      const final = !served && isRefusal(error);
      options.onLoadFailed({ why: whyOf(error), error, final, hopeless: failures >= patience });
      if (!final) scheduleOnce(backOffMs(deaths), () => startInBackground(deaths + 1));
    });
  }

  return {
    startAll: () => startInBackground(0),
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

/** What the runtime says of the model itself, and would say again. */
function isRefusal(error: unknown): boolean {
  return error instanceof ServingError && error.code !== 'RUNNER_DIED';
}

function whyOf(error: unknown): string {
  if (!(error instanceof ServingError) || error.code !== 'RUNNER_DIED') return messageOf(error);
  const { how } = (error as ServingError<'RUNNER_DIED'>).details;
  return `its runner ended before it served (${how})`;
}
