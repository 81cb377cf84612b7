/**
 * One version of a model while it is served: its state, its queue and its instances.
 *
 * Does not own what is done before its runners start (version-preparation.ts).
 */

import { messageOf, ServingError } from '../errors.ts';
import type { PictureDecision } from '../pipeline/picture-plan.ts';
import type { ScoreDecision } from '../pipeline/scores.ts';
import type { ImportedGraph, ReadModel, ReadVersion } from '../repository/read-model.ts';
import type { LoadOrder, LoadReport } from '../runner/protocol.ts';
import type { RunnerProcess, RunResult } from '../runner/runner-process.ts';
import type { RestartCause, VersionMetrics } from '../telemetry/version-metrics.ts';
import type { RunnerSeat } from '../telemetry/version-readings.ts';
import type { RunSize } from './batch-size.ts';
import { runSizeOf } from './batch-size.ts';
import type { VersionState } from './inference-types.ts';
import type { FailedLoad, Instances, InstancesOptions } from './instances.ts';
import { createInstances } from './instances.ts';
import { createOtherGraphs } from './other-graphs.ts';
import type { RequestLife } from './request-life.ts';
import { scheduleTimer } from './schedule-timer.ts';
import type { ServedSignature, ServedSignatures } from './signatures.ts';
import type { PreparationOptions } from './version-preparation.ts';
import { createPreparation } from './version-preparation.ts';
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
  /** What runs a signature: the version itself, or another graph of it. Throws MODEL_NOT_READY. */
  graphOf(signature: ServedSignature): ServedVersion;
  /** What runs the signatures that are not the version's own; none before it loads. */
  readonly otherGraphs: readonly ServedVersion[];
  readonly waiting: number;
  readonly waitingBytes: number;
  readonly running: number;
  readonly instanceCount: number;
  readonly wantedInstances: number;
  /** The runners that serve. */
  readonly runners: readonly RunnerSeat[];
  /** The longest that a request of this model may take (`queue.timeoutMs`), in milliseconds. */
  readonly timeLimitMs: number;
  /** What its preparation took, in milliseconds; absent: it needed none, or it is not over. */
  readonly prepareMs: number | undefined;
  /** What to know about it although it serves. */
  readonly warning: string | undefined;
  /** Why it FAILED. */
  readonly failure: ServingError | undefined;
  /** FAILED, and its own runners go on trying. */
  readonly triesOn: boolean;
  /** It came after the start: whether it loads says nothing about whether the server is ready. */
  readonly later: boolean;
  /** Requests that hold it. */
  readonly holders: number;
  /** It takes runs: it serves, or those who hold it are still answered. */
  readonly takesRuns: boolean;
  /** It is prepared, and its runners start when `proceed` says so. */
  readonly waitsForRoom: boolean;
  proceed(): void;
  /** Loads, once; settles when it is READY or FAILED, or stopped before. Never rejects. */
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
  /** Keeps it from being unloaded until `release`; to be called as often. */
  hold(): void;
  release(): void;
  /**
   * Takes no new requests, waits for those that hold it for so many milliseconds at most, then stops. Does
   * nothing the second time.
   */
  retire(limitMs: number, why: string): Promise<void>;
  /** Ends the processes at once; what still waits or runs fails. */
  stop(): Promise<void>;
}

export interface ServedVersionOptions extends PreparationOptions {
  /** Why it is not served although its file can be read. */
  readonly problem?: ServingError | undefined;
  readonly later?: boolean | undefined;
  /** Makes what serves another graph of the version; absent: none is served. */
  readonly buildGraph?: ((graph: ImportedGraph) => ServedVersion) | undefined;
  /** Called once when it has stopped or FAILED for good. */
  readonly onGone?: ((version: ReadVersion) => void) | undefined;
  readonly instances: number;
  /** A run that takes longer is ended together with its runner; absent: none is. */
  readonly runLimitMs?: number | undefined;
  /** As in `InstancesOptions`. */
  readonly heartbeatMs?: number | undefined;
  readonly loadLimitMs?: number | undefined;
  /** Makes the order for the runners; may look into the cache. */
  readonly makeOrder: (version: ReadVersion) => Promise<LoadOrder>;
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

/** Any failure of a load as one of the catalogue. */
function toFailure(error: unknown, model: string, version: string): ServingError {
  if (error instanceof ServingError) return error;
  return new ServingError('MODEL_LOAD_FAILED', { model, version, problem: messageOf(error) });
}

export function createServedVersion(options: ServedVersionOptions): ServedVersion {
  const { model } = options;
  const preparation = createPreparation(options);
  let runSize = runSizeOf(model, options.version, undefined);
  const queue = createVersionQueue({
    model,
    runSize,
    run: runWithin,
    metrics: options.metrics,
  });
  let failure = model.problem ?? options.version.problem ?? options.problem;
  let state: VersionState = failure ? 'FAILED' : 'LOADING';
  let reason = failure?.message;
  let triesOn = false;
  /** The last load of a runner failed. */
  let reloadFailed = false;
  let holders = 0;
  let onReleased = (): void => {};
  let retiring: Promise<void> | undefined;
  let closed = false;
  let gone = false;
  let starting: Promise<void> | undefined;
  let since = new Date();
  let report: LoadReport | undefined;
  let instances: Instances | undefined;
  let ready = 0;
  const firstLoad = Promise.withResolvers<void>();
  const others = options.buildGraph && createOtherGraphs(options.buildGraph);
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
    triesOn = false;
    reloadFailed = false;
    failure = undefined;
    runSize = runSizeOf(model, preparation.parts.version, report);
    queue.setRunSize(runSize);
    if (state !== 'READY' && state !== 'UNLOADING') change('READY');
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
  function noteFailedLoad({ why, error, final, hopeless }: FailedLoad): void {
    reloadFailed = true;
    const told = final ? why : `${why}; another is tried`;
    if (ready === 0 && (final || hopeless) && state !== 'FAILED' && state !== 'UNLOADING') {
      failure = toFailure(error, model.name, preparation.parts.version.version);
      triesOn = !final;
      if (final) noteGone();
      change('FAILED', told, final ? undefined : 'load_failed');
      giveUpWaiting();
      return;
    }
    if (state === 'UNLOADING') giveUpWaiting();
    else if (ready === 0) reason = told;
    options.onChange(served, { kind: 'load-failed', detail: why, cause: 'load_failed' });
  }

  /** Nobody should wait for a runner that may never load, as when the file was replaced. */
  function giveUpWaiting(): void {
    if (ready === 0 && reloadFailed) queue.refuseWaiting(notReady());
  }

  function notePhase(phase: string): void {
    if (state !== 'LOADING') return;
    reason = phase;
    options.onChange(served, { kind: 'state', detail: phase });
  }

  /** Told of once: nothing needs its file any more. */
  function noteGone(): void {
    if (!gone) options.onGone?.(preparation.parts.version);
    gone = true;
  }

  async function start(): Promise<void> {
    if (state !== 'LOADING') return;
    try {
      await load();
    } catch (error) {
      if (state === 'LOADING') {
        failure = toFailure(error, model.name, preparation.parts.version.version);
        noteGone();
        change('FAILED', messageOf(error));
      }
    }
    await firstLoad.promise;
  }

  async function load(): Promise<void> {
    await preparation.run(notePhase);
    if (state !== 'LOADING') return;
    reason = undefined;
    const { version } = preparation.parts;
    runSize = runSizeOf(model, version, undefined);
    const graphs = version.imported?.otherGraphs ?? [];
    if (others && graphs.length > 0) await others.start(graphs);
    const order = await options.makeOrder(version);
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
      schedule: options.schedule ?? scheduleTimer,
    });
    instances.startAll();
  }

  function notReady(): ServingError<'MODEL_NOT_READY'> {
    return new ServingError('MODEL_NOT_READY', {
      model: model.name,
      version: preparation.parts.version.version,
      state,
      reason,
    });
  }

  /** Nobody waits for a run any more that is longer than a request may take: its runner is replaced. */
  function limitRun(runner: RunnerProcess): () => void {
    const { runLimitMs } = options;
    if (runLimitMs === undefined) return () => {};
    return (options.schedule ?? scheduleTimer)(runLimitMs, () =>
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

  /** Those who hold a version that is unloaded are still answered by it. */
  function takesRuns(): boolean {
    if (state === 'READY' || state === 'UNAVAILABLE') return true;
    return retiring !== undefined && !closed;
  }

  function refuseUnlessServing(): void {
    if (!takesRuns()) throw notReady();
  }

  /** Settles when nobody holds it, or after the limit. */
  function untilReleased(limitMs: number): Promise<void> {
    if (holders === 0) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    const forget = (options.schedule ?? scheduleTimer)(limitMs, resolve);
    onReleased = resolve;
    return promise.finally(forget);
  }

  async function stop(): Promise<void> {
    preparation.stop(notReady());
    if (state !== 'UNLOADING' && (state !== 'FAILED' || instances)) change('UNLOADING');
    closed = true;
    firstLoad.resolve();
    queue.close(notReady());
    await Promise.all([instances?.stop(), others?.stop()]);
    noteGone();
  }

  async function retire(limitMs: number, why: string): Promise<void> {
    const served = state === 'READY' || state === 'UNAVAILABLE';
    change('UNLOADING', why);
    giveUpWaiting();
    if (served) await untilReleased(limitMs);
    await stop();
  }

  const served: ServedVersion = {
    model,
    get version() {
      return preparation.parts.version;
    },
    get pictures() {
      return preparation.parts.pictures;
    },
    get scores() {
      return preparation.parts.scores;
    },
    get signatures() {
      return preparation.signatures;
    },
    graphOf({ graph }) {
      if (graph === undefined) return served;
      const other = others?.find(graph);
      if (!other) throw notReady();
      return other;
    },
    get otherGraphs() {
      return others?.all ?? [];
    },
    timeLimitMs: model.config.queue.timeoutMs,
    later: options.later === true,
    get prepareMs() {
      return preparation.tookMs;
    },
    get warning() {
      const all = [preparation.warning, others?.warning].filter((one) => one !== undefined);
      return all.length > 0 ? all.join('; ') : undefined;
    },
    get failure() {
      return failure;
    },
    get triesOn() {
      return triesOn;
    },
    get takesRuns() {
      return takesRuns();
    },
    get waitsForRoom() {
      return preparation.waitsForRoom;
    },
    proceed: preparation.proceed,
    get holders() {
      return holders;
    },
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
      const own = seats.map((held) => held?.pid);
      const pids = [...own, ...(others?.runners.map(({ pid }) => pid) ?? [])];
      return pids.flatMap((pid, runner) => (pid ? [{ runner, pid }] : []));
    },
    start() {
      starting ??= start();
      return starting;
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
    hold() {
      holders += 1;
    },
    release() {
      holders -= 1;
      if (holders === 0) onReleased();
    },
    retire(limitMs, why) {
      retiring ??= retire(limitMs, why);
      return retiring;
    },
    stop,
  };
  return served;
}
