/**
 * One version of a model while it is served: its state, its queue and its instances.
 */

import { messageOf, ServingError } from '../errors.ts';
import type { PictureDecision } from '../pipeline/picture-plan.ts';
import type { ScoreDecision } from '../pipeline/scores.ts';
import type { ReadModel, ReadVersion } from '../repository/read-model.ts';
import type { LoadOrder, LoadReport } from '../runner/protocol.ts';
import type { RunnerProcess, RunResult } from '../runner/runner-process.ts';
import type { RestartCause, VersionMetrics } from '../telemetry/version-metrics.ts';
import type { RunnerSeat } from '../telemetry/version-readings.ts';
import type { RunSize } from './batch-size.ts';
import { runSizeOf } from './batch-size.ts';
import type { VersionState } from './inference-types.ts';
import type { FailedLoad, Instances, InstancesOptions } from './instances.ts';
import { createInstances } from './instances.ts';
import type { RequestLife } from './request-life.ts';
import type { ServedSignatures } from './signatures.ts';
import { planSignatures } from './signatures.ts';
import type { RunAnswer, RunRequest } from './version-queue.ts';
import { createVersionQueue } from './version-queue.ts';

export interface ServedVersion {
  readonly model: ReadModel;
  readonly version: ReadVersion;
  readonly state: VersionState;
  readonly reason: string | undefined;
  readonly since: Date;
  readonly report: LoadReport | undefined;
  /** How many rows its runs take, and who says so. */
  readonly runSize: RunSize;
  readonly pictures: PictureDecision | undefined;
  readonly scores: ScoreDecision | undefined;
  /** What the tensor APIs may name. */
  readonly signatures: ServedSignatures;
  readonly waiting: number;
  readonly waitingBytes: number;
  readonly running: number;
  readonly instanceCount: number;
  readonly wantedInstances: number;
  /** The runners that serve. */
  readonly runners: readonly RunnerSeat[];
  /** The longest that a request of this model may take (`queue.timeoutMs`), in milliseconds. */
  readonly timeLimitMs: number;
  /** Loads; settles when it is READY or FAILED, or stopped before. Never rejects. */
  start(): Promise<void>;
  /**
   * Room in the queue for a request whose inputs have still to be made; returns what gives it back.
   * Throws MODEL_NOT_READY, QUEUE_FULL or DEADLINE_UNREACHABLE as a run would now.
   */
  reserve(rows: number, bytes: number, life: RequestLife): () => void;
  /**
   * Queues one run. Throws MODEL_NOT_READY, QUEUE_FULL, DEADLINE_UNREACHABLE, RUN_FAILED, RUNNER_DIED or
   * why the request ended early.
   */
  run(request: RunRequest, life: RequestLife): Promise<RunAnswer>;
  /** Ends the processes at once; what still waits or runs fails. */
  stop(): Promise<void>;
}

export interface ServedVersionOptions {
  /** Why it is not served although its file can be read. */
  readonly problem?: ServingError | undefined;
  readonly model: ReadModel;
  readonly version: ReadVersion;
  readonly pictures: PictureDecision | undefined;
  readonly scores: ScoreDecision | undefined;
  readonly instances: number;
  /** A run that takes longer is ended together with its runner; absent: none is. */
  readonly runLimitMs?: number | undefined;
  /** As in `InstancesOptions`. */
  readonly heartbeatMs?: number | undefined;
  readonly loadLimitMs?: number | undefined;
  /** Makes the order for the runners; may look into the cache. */
  readonly makeOrder: () => Promise<LoadOrder>;
  readonly startRunner: () => RunnerProcess;
  readonly onChange: (version: ServedVersion, event: VersionEvent) => void;
  readonly metrics?: VersionMetrics | undefined;
  /** As in `InstancesOptions`; absent: the real clock. */
  readonly schedule?: InstancesOptions['schedule'];
}

export interface VersionEvent {
  readonly kind: 'state' | 'runner-ready' | 'runner-gone' | 'load-failed';
  readonly detail?: string | undefined;
  /** Why a runner is replaced, when one is. */
  readonly cause?: RestartCause | undefined;
  readonly report?: LoadReport | undefined;
}

function schedule(milliseconds: number, callback: () => void): () => void {
  const timer = setTimeout(callback, milliseconds);
  timer.unref();
  return () => clearTimeout(timer);
}

export function createServedVersion(options: ServedVersionOptions): ServedVersion {
  const { model, version } = options;
  let runSize = runSizeOf(model, version, undefined);
  const queue = createVersionQueue({
    model,
    runSize,
    run: runWithin,
    metrics: options.metrics,
  });
  const problem = model.problem ?? version.problem ?? options.problem;
  let state: VersionState = problem ? 'FAILED' : 'LOADING';
  let reason = problem?.message;
  let since = new Date();
  let report: LoadReport | undefined;
  let instances: Instances | undefined;
  let ready = 0;
  const firstLoad = Promise.withResolvers<void>();
  const seats: (RunnerProcess | undefined)[] = [];

  function change(next: VersionState, why?: string, cause?: RestartCause): void {
    state = next;
    firstLoad.resolve();
    reason = why;
    since = new Date();
    options.onChange(served, { kind: 'state', detail: why, cause });
  }

  /** The lowest free number, so that the numbers of a version are as few as its instances. */
  function seat(runner: RunnerProcess): void {
    const free = seats.indexOf(undefined);
    seats[free < 0 ? seats.length : free] = runner;
  }

  function addRunner(runner: RunnerProcess, loaded: LoadReport): void {
    ready += 1;
    seat(runner);
    report ??= loaded;
    runSize = runSizeOf(model, version, report);
    queue.setRunSize(runSize);
    if (state !== 'READY') change('READY');
    options.onChange(served, { kind: 'runner-ready', report: loaded });
    queue.addInstance(runner);
  }

  function removeRunner(runner: RunnerProcess, how: string): void {
    ready -= 1;
    seats[seats.indexOf(runner)] = undefined;
    queue.removeInstance(runner);
    options.onChange(served, { kind: 'runner-gone', detail: how, cause: runner.endCause });
    if (ready === 0 && state === 'READY') change('UNAVAILABLE', `its runner ended (${how})`);
  }

  /** Those who wait for a first load that fails again and again have waited enough; tries go on. */
  function noteFailedLoad({ why, final, hopeless }: FailedLoad): void {
    const told = final ? why : `${why}; another is tried`;
    if (ready === 0 && (final || hopeless) && state !== 'FAILED') {
      change('FAILED', told, final ? undefined : 'load_failed');
      return;
    }
    if (ready === 0) reason = told;
    options.onChange(served, { kind: 'load-failed', detail: why, cause: 'load_failed' });
  }

  async function load(): Promise<void> {
    const order = await options.makeOrder();
    // Stopped meanwhile: nobody would end the runners.
    if (state !== 'LOADING') return;
    instances = createInstances({
      count: options.instances,
      start: options.startRunner,
      order,
      onReady: addRunner,
      onGone: removeRunner,
      onLoadFailed: noteFailedLoad,
      heartbeatMs: options.heartbeatMs,
      loadLimitMs: options.loadLimitMs,
      schedule: options.schedule ?? schedule,
    });
    instances.startAll();
  }

  function notReady(): ServingError<'MODEL_NOT_READY'> {
    return new ServingError('MODEL_NOT_READY', {
      model: model.name,
      version: version.version,
      state,
      reason,
    });
  }

  /** Nobody waits for a run any more that is longer than a request may take: its runner is replaced. */
  function limitRun(runner: RunnerProcess): () => void {
    const { runLimitMs } = options;
    if (runLimitMs === undefined) return () => {};
    return (options.schedule ?? schedule)(runLimitMs, () =>
      runner.kill(`its run took longer than ${runLimitMs} ms`, 'overran'),
    );
  }

  async function runWithin(
    runner: RunnerProcess,
    { inputs, wanted, announced }: RunRequest,
  ): Promise<RunResult> {
    const forget = limitRun(runner);
    try {
      return await runner.run(inputs, wanted, announced);
    } finally {
      forget();
    }
  }

  function refuseUnlessServing(): void {
    if (state !== 'READY' && state !== 'UNAVAILABLE') throw notReady();
  }

  const served: ServedVersion = {
    model,
    version,
    pictures: options.pictures,
    scores: options.scores,
    signatures: planSignatures(
      model.config.signatures,
      version.signature ?? { inputs: [], outputs: [] },
      options.pictures,
    ),
    timeLimitMs: model.config.queue.timeoutMs,
    get state() {
      return state;
    },
    get reason() {
      return reason;
    },
    get since() {
      return since;
    },
    get report() {
      return report;
    },
    get runSize() {
      return runSize;
    },
    get waiting() {
      return queue.waiting;
    },
    get waitingBytes() {
      return queue.waitingBytes;
    },
    get running() {
      return queue.running;
    },
    get instanceCount() {
      return ready;
    },
    wantedInstances: options.instances,
    get runners() {
      return seats.flatMap((held, runner) => (held?.pid ? [{ runner, pid: held.pid }] : []));
    },
    async start() {
      if (state !== 'LOADING') return;
      try {
        await load();
      } catch (error) {
        if (state === 'LOADING') change('FAILED', messageOf(error));
      }
      await firstLoad.promise;
    },
    reserve(rows, bytes, life) {
      refuseUnlessServing();
      const { deadline, acceptedAt, priority } = life;
      return queue.reserve({ rows, bytes, deadline, acceptedAt, priority });
    },
    async run(request, life) {
      refuseUnlessServing();
      return queue.run(request, life);
    },
    async stop() {
      if (state !== 'FAILED' || instances) change('UNLOADING');
      queue.close(notReady());
      await instances?.stop();
    },
  };
  return served;
}
