/**
 * Makes a served version of a model that was read: plans, cores, the order for its runners, what is logged
 * and counted of it.
 */

import type { ChildProcess } from 'node:child_process';
import type { ModelCache } from '../cache/model-cache.ts';
import { ServingError } from '../errors.ts';
import { finalSize, type PicturePlan } from '../pipeline/picture-plan.ts';
import type { ModelSource } from '../repository/model-source.ts';
import type { ImportedGraph, ReadModel, ReadVersion } from '../repository/read-model.ts';
import { stampOf } from '../runner/file-stamp.ts';
import type { LoadOrder, PictureInput } from '../runner/protocol.ts';
import { startRunner } from '../runner/runner-process.ts';
import { runtimeVersion } from '../runner/runtime.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { VersionMetrics } from '../telemetry/version-metrics.ts';
import { wantsMeasuring } from './batch-size.ts';
import type { CoreShare } from './core-budget.ts';
import { findContradiction, planVersion } from './plan-version.ts';
import type { PrepareWatch, ReadInChild } from './prepare-version.ts';
import { prepareVersion } from './prepare-version.ts';
import type { ServedVersion, VersionEvent } from './served-version.ts';
import { createServedVersion } from './served-version.ts';
import { picturesOfGraph, signatureNamesOf } from './signatures.ts';
import type { PreparedVersion } from './version-preparation.ts';

export interface VersionBuilderOptions {
  readonly cache: Promise<ModelCache | undefined>;
  readonly log: Log;
  readonly runnerEnvironment: Readonly<Record<string, string>>;
  /** Hands out runner processes that were started ahead of time, while there are any. */
  readonly takeRunner?: (() => ChildProcess | undefined) | undefined;
  /** One instance of each version, with the threads that it would have among its instances. */
  readonly oneInstance?: boolean | undefined;
  /** The longest that a run may take; a model's own time limit shortens it. */
  readonly runLimitMs: number;
  /** The longest that a runner may take to start and load; absent: by the size of the model. */
  readonly loadLimitMs?: number | undefined;
  /** An idle runner is asked this often whether it lives. */
  readonly heartbeatMs: number;
  /** Reads (and converts) a version that comes later in a process of its own; absent: in this one. */
  readonly readInChild?: ReadInChild | undefined;
  /** Fetches files that come from elsewhere; absent: none can be. */
  readonly source?: ModelSource | undefined;
  /** Called once with a version that is not served any more, or never will be. */
  readonly onGone?: ((version: ReadVersion) => void) | undefined;
  /** Absent: nothing is counted. */
  readonly metrics?: Pick<Metrics, 'forVersion'> | undefined;
}

/** How a version that comes while others serve is built. */
export interface LaterVersion {
  /** The version of the model that serves now. */
  readonly serving: () => ServedVersion | undefined;
}

export interface VersionBuilder {
  /** `later`: it comes beside what serves, and is prepared so that it disturbs nothing. */
  build(
    model: ReadModel,
    version: ReadVersion,
    cores: CoreShare,
    later?: LaterVersion,
  ): ServedVersion;
  /** Called with every version whose state changed. */
  onChange: (served: ServedVersion) => void;
}

function pictureInput(plan: PicturePlan): PictureInput {
  return { ...plan.normalisation, index: plan.index, layout: plan.layout };
}

/** The size of every picture, or undefined where they come in their own: the graph may still want a certain one. */
function sizeOfAll(plan: PicturePlan): readonly [number, number] | undefined {
  const { height, width } = plan;
  return finalSize(plan) ?? (height !== null && width !== null ? [height, width] : undefined);
}

/** Five minutes, and one for each GiB: far more than loading takes, on a disk across a network too. */
export function usualLoadLimitMs(weightBytes: number): number {
  return Math.round(60_000 * (5 + weightBytes / 2 ** 30));
}

/** What else than the files an optimised copy depends on. */
const copyDependsOn = (provider: string): string[] => [runtimeVersion, provider, 'optimised-1'];

export async function makeOrder(
  model: ReadModel,
  read: ReadVersion,
  plan: PicturePlan | undefined,
  threads: number,
  cache: ModelCache | undefined,
): Promise<LoadOrder> {
  const { version, file, signature } = read;
  if (!file || !signature) throw new ServingError('INTERNAL', {});
  const provider = 'cpu';
  const stamps = Object.fromEntries(signature.files.map((path) => [path, stampOf(path)]));
  const key = await cache?.keyOf(signature.files, copyDependsOn(provider));
  if (key) void cache?.touch(key);
  return {
    model: model.name,
    version,
    path: file,
    provider,
    threads,
    inputs: signature.inputs,
    outputs: signature.outputs,
    ...(plan ? { picture: pictureInput(plan), pictureSize: sizeOfAll(plan) } : {}),
    stamps,
    ...(wantsMeasuring(model, read, plan) ? { batchSize: 'measure' } : {}),
    ...(key && cache ? { optimised: cache.placeOf(key) } : {}),
  };
}

function countEvent(metrics: VersionMetrics, served: ServedVersion, event: VersionEvent): void {
  const { cause, report, kind } = event;
  if (cause) metrics.countRestart(cause);
  else if (report) metrics.noteLoad({ ...report, prepareMs: served.prepareMs });
  if (kind === 'state' && served.state === 'FAILED' && served.failure)
    metrics.countLoadFailure(served.failure.code);
}

/** `graph`: it happened to another graph of the version. */
function logEvent(
  log: Log,
  served: ServedVersion,
  event: VersionEvent,
  graph?: ImportedGraph,
): void {
  const model = served.model.name;
  const { version } = served.version;
  const signatures = graph && Object.keys(graph.names.signatures);
  const fields = { model, version, signatures, state: served.state, reason: event.detail };
  if (event.kind === 'runner-gone') log.warn(fields, 'runner ended; it is being replaced');
  else if (event.kind === 'load-failed') log.warn(fields, 'runner does not load; another is tried');
  else if (served.state === 'FAILED') log.error(fields, 'model does not load');
  else if (event.kind === 'runner-ready')
    log.info({ model, version, signatures, ...event.report }, 'runner ready');
  else log.info(fields, 'model state');
}

export function createVersionBuilder(options: VersionBuilderOptions): VersionBuilder {
  const { log } = options;

  function startOwnRunner(model: string, process?: ChildProcess) {
    return startRunner({
      model,
      environment: options.runnerEnvironment,
      process: process ?? options.takeRunner?.(),
      onLogLine: (line) => log.warn({ model, line }, 'runner says'),
    });
  }

  const builder: VersionBuilder = {
    onChange: () => {},
    build(model, version, cores, later) {
      const plans = planVersion(model, version);
      const problem = version.problem ? undefined : findContradiction(model, plans);
      if (problem) {
        const fields = { model: model.name, version: version.version, reason: problem.message };
        log.error(fields, 'model does not load');
      }
      const metrics = options.metrics?.forVersion(model.name, version.version);
      const order = async (read: ReadVersion): Promise<LoadOrder> => {
        const plan = planVersion(model, read).pictures?.plan;
        return makeOrder(model, read, plan, cores.threads, await options.cache);
      };
      const loadLimitMs =
        options.loadLimitMs ?? usualLoadLimitMs(version.signature?.weightBytes ?? 0);
      const prepare = (watch: PrepareWatch): Promise<PreparedVersion> =>
        prepareVersion({
          ...watch,
          model,
          version,
          serving: later?.serving(),
          makeOrder: order,
          readInChild: options.readInChild,
          source: options.source,
          environment: options.runnerEnvironment,
          startRunner: (process) => startOwnRunner(model.name, process),
          optimise: later !== undefined || version.source !== undefined,
          limitMs: loadLimitMs,
          log,
        });
      /** One instance of each: what most requests ask for is the version's own graph. */
      const buildGraph = (graph: ImportedGraph): ServedVersion =>
        createServedVersion({
          metrics,
          model: { ...model, config: { ...model.config, signatures: {} } },
          version: { version: version.version, ...graph, imported: graph.names },
          later: later !== undefined,
          pictures: picturesOfGraph(graph),
          scores: undefined,
          instances: 1,
          runLimitMs: Math.min(options.runLimitMs, model.config.queue.timeoutMs),
          loadLimitMs,
          heartbeatMs: options.heartbeatMs,
          makeOrder: async (read) => {
            const plan = picturesOfGraph(graph)?.plan;
            return makeOrder(model, read, plan, cores.threads, await options.cache);
          },
          startRunner: () => startOwnRunner(model.name),
          onChange: (served, event) => {
            if (event.cause) metrics?.countRestart(event.cause);
            else if (event.report)
              metrics?.noteLoad(event.report, signatureNamesOf(served).join(', '));
            logEvent(log, served, event, graph);
          },
        });
      return createServedVersion({
        problem,
        metrics,
        buildGraph,
        model,
        version,
        later: later !== undefined,
        prepare: later || version.source || version.unconverted ? prepare : undefined,
        waitForRoom: later !== undefined && model.config.versions.preserve === 'resources',
        pictures: plans.pictures,
        scores: plans.scores,
        instances: options.oneInstance ? 1 : cores.instances,
        runLimitMs: Math.min(options.runLimitMs, model.config.queue.timeoutMs),
        loadLimitMs,
        heartbeatMs: options.heartbeatMs,
        makeOrder: async (read) => inheritBatchSize(await order(read), read, later?.serving()),
        startRunner: () => startOwnRunner(model.name),
        onGone: options.onGone,
        onChange(served, event) {
          if (metrics) countEvent(metrics, served, event);
          logEvent(log, served, event);
          builder.onChange(served);
        },
      });
    },
  };
  return builder;
}

/** How far apart the sizes of two models may be that are of one kind. */
const sameSize = 0.1;

/**
 * A new version of the same kind takes over what was measured for the one that serves: measuring beside
 * its load would disturb it, and find little.
 */
function inheritBatchSize(
  order: LoadOrder,
  { signature }: ReadVersion,
  serving: ServedVersion | undefined,
): LoadOrder {
  const measured = serving?.report?.batchSize;
  const before = serving?.version.signature;
  if (order.batchSize !== 'measure' || !measured || !before || !signature) return order;
  const [a, b] = [before.weightBytes, signature.weightBytes];
  const alike =
    Math.abs(a - b) <= sameSize * Math.max(a, b) &&
    JSON.stringify([before.inputs, before.outputs]) ===
      JSON.stringify([signature.inputs, signature.outputs]);
  if (!alike) return order;
  const { version } = serving.version;
  const from = measured.reason.replace(/^measured with version \S+: /, '');
  return {
    ...order,
    batchSize: { ...measured, reason: `measured with version ${version}: ${from}` },
  };
}
