/** Doubles that do what a test tells them: runners without processes, and a clock that a test moves. */

import { ServingError } from '../errors.ts';
import type { FrameTensor } from '../runner/frames.ts';
import type { LoadOrder, LoadReport } from '../runner/protocol.ts';
import type { EndCause, RunnerProcess, RunResult } from '../runner/runner-process.ts';

export const report: LoadReport = {
  loadMs: 1,
  warmUpMs: 1,
  probeMs: 1,
  tuneMs: 1,
  fromCache: false,
  batching: { acrossRequests: true, reason: 'test' },
};

export const order: LoadOrder = {
  model: 'test',
  version: '1',
  path: 'model.onnx',
  provider: 'cpu',
  threads: 1,
  inputs: [{ name: 'x', dtype: 'FP32', shape: [null, 2] }],
  outputs: [{ name: 'y', dtype: 'FP32', shape: [null, 2] }],
};

/** What the runtime says of a model that it does not take. */
export const refusal = (problem: string): ServingError =>
  new ServingError('MODEL_WARMUP_FAILED', { model: 'test', version: '1', problem });

export interface PuppetRun {
  readonly inputs: readonly FrameTensor[];
  readonly wanted: number;
  readonly announced: boolean;
  finish(outputs: readonly FrameTensor[]): void;
  fail(error: Error): void;
}

export interface PuppetRunner extends RunnerProcess {
  /** What it is running, oldest first. */
  readonly runs: readonly PuppetRun[];
  readonly dead: boolean;
  /** What it was told to load. */
  readonly ordered: LoadOrder | undefined;
  loaded(changes?: Partial<LoadReport>): void;
  loadFails(error: Error): void;
  /** The process ends: what it holds fails, as with a real one. */
  die(how: string): void;
  /** As `die`, before what it holds had begun. */
  dieUnstarted(how: string): void;
  /** It answers no ping from now on. */
  hang(): void;
}

export function createPuppetRunner(): PuppetRunner {
  const runs: PuppetRun[] = [];
  const load = Promise.withResolvers<LoadReport>();
  const ended = Promise.withResolvers<string>();
  let dead = false;
  let endCause: EndCause = 'died';
  let ordered: LoadOrder | undefined;
  let hangs = false;
  let hasAnswered = false;
  load.promise.catch(() => {});

  function die(how: string, neverStarted = false): void {
    if (dead) return;
    dead = true;
    const error = new ServingError('RUNNER_DIED', { model: 'test', how, neverStarted });
    load.reject(error);
    for (const run of runs.splice(0)) run.fail(error);
    ended.resolve(how);
  }

  return {
    pid: 1,
    ended: ended.promise,
    runs,
    die: (how) => die(how),
    dieUnstarted: (how) => die(how, true),
    hang() {
      hangs = true;
    },
    ping: () => (hangs ? new Promise(() => {}) : Promise.resolve()),
    get busy() {
      return runs.length > 0;
    },
    get hasAnswered() {
      return hasAnswered;
    },
    get dead() {
      return dead;
    },
    get ordered() {
      return ordered;
    },
    load(asked) {
      ordered = asked;
      return load.promise;
    },
    loaded: (changes = {}) => load.resolve({ ...report, ...changes }),
    loadFails: (error) => load.reject(error),
    run(inputs, wanted, announced = false) {
      const { promise, resolve, reject } = Promise.withResolvers<RunResult>();
      const run: PuppetRun = {
        inputs,
        wanted,
        announced,
        finish(outputs) {
          runs.splice(runs.indexOf(run), 1);
          hasAnswered = true;
          resolve({ outputs, runMicros: 1000 });
        },
        fail: reject,
      };
      if (dead) reject(new ServingError('RUNNER_DIED', { model: 'test', how: 'it was dead' }));
      else runs.push(run);
      return promise;
    },
    get endCause() {
      return endCause;
    },
    kill(why = 'killed', cause = 'died') {
      if (!dead) endCause = cause;
      die(why);
    },
  };
}

export interface ManualClock {
  readonly schedule: (milliseconds: number, callback: () => void) => () => void;
  /** How long from now each timer that is set will ring, soonest first. */
  readonly timers: readonly number[];
  advance(milliseconds: number): void;
}

export function createManualClock(): ManualClock {
  let now = 0;
  const set = new Set<{ readonly at: number; readonly callback: () => void }>();
  const sorted = () => [...set].sort((a, b) => a.at - b.at);
  return {
    schedule(milliseconds, callback) {
      const timer = { at: now + milliseconds, callback };
      set.add(timer);
      return () => set.delete(timer);
    },
    get timers() {
      return sorted().map(({ at }) => at - now);
    },
    advance(milliseconds) {
      const until = now + milliseconds;
      for (let [next] = sorted(); next && next.at <= until; [next] = sorted()) {
        now = next.at;
        set.delete(next);
        next.callback();
      }
      now = until;
    },
  };
}

/** Lets everything that is settled take its effect. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
