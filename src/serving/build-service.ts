/**
 * Puts a service together: the models that were read, the cores shared among them, the cache, runners.
 */

import type { ChildProcess } from 'node:child_process';
import { availableParallelism } from 'node:os';
import type { ModelCache } from '../cache/model-cache.ts';
import { ServingError } from '../errors.ts';
import type { PictureDecision, PicturePlan } from '../pipeline/picture-plan.ts';
import { planPictures } from '../pipeline/picture-plan.ts';
import type { ScoreDecision } from '../pipeline/scores.ts';
import { planScores } from '../pipeline/scores.ts';
import type { ReadModel, ReadVersion } from '../repository/read-model.ts';
import { stampOf } from '../runner/file-stamp.ts';
import type { LoadOrder, PictureInput } from '../runner/protocol.ts';
import { startRunner } from '../runner/runner-process.ts';
import { runtimeVersion } from '../runner/runtime.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { VersionMetrics } from '../telemetry/version-metrics.ts';
import { wantsMeasuring } from './batch-size.ts';
import type { CoreRequest, CoreShare } from './core-budget.ts';
import { shareCores } from './core-budget.ts';
import type { InferenceService } from './inference-service.ts';
import { createInferenceService } from './inference-service.ts';
import { createModelRegistry } from './model-registry.ts';
import type { PictureSource } from './run-pictures.ts';
import type { ServedVersion, VersionEvent } from './served-version.ts';
import { createServedVersion } from './served-version.ts';
import type { PlannedSignatures } from './signatures.ts';
import { planSignatures } from './signatures.ts';

export interface BuildOptions extends CoreRequest {
  readonly models: readonly ReadModel[];
  readonly cache: Promise<ModelCache | undefined>;
  readonly pictures: PictureSource;
  /** The most encoded pictures in a tensor. */
  readonly maxPictures?: number | undefined;
  readonly log: Log;
  readonly runnerEnvironment: Readonly<Record<string, string>>;
  /** Hands out runner processes that were started ahead of time, while there are any. */
  readonly takeRunner?: (() => ChildProcess | undefined) | undefined;
  readonly defaultModel?: string | undefined;
  readonly strictReady: boolean;
  /** One instance of each version, with the threads that it would have among its instances. */
  readonly oneInstance?: boolean | undefined;
  /** The longest that a run may take; a model's own time limit shortens it. */
  readonly runLimitMs: number;
  /** The longest that a runner may take to start and load; absent: by the size of the model. */
  readonly loadLimitMs?: number | undefined;
  /** An idle runner is asked this often whether it lives. */
  readonly heartbeatMs: number;
  /** Absent: nothing is counted. */
  readonly metrics?: Pick<Metrics, 'countRequest' | 'forVersion'> | undefined;
}

export interface VersionPlans {
  readonly pictures?: PictureDecision | undefined;
  readonly scores?: ScoreDecision | undefined;
  readonly signatures?: PlannedSignatures;
}

/** What pictures and scores mean for a version; undefined when its signature could not be read. */
export function planVersion(model: ReadModel, { signature }: ReadVersion): VersionPlans {
  if (!signature) return {};
  const pictures = planPictures(model.config.input, signature.inputs);
  return {
    pictures,
    scores: planScores(model.config.output, model.labels, signature.outputs),
    signatures: planSignatures(model.config.signatures, signature, pictures),
  };
}

/** Instances and threads of a model, among so many versions that serve side by side. */
export function coresOf(
  model: ReadModel,
  versions: number,
  { instances, threads }: CoreRequest,
): CoreShare {
  return shareCores(availableParallelism(), versions, {
    instances: model.config.instances ?? instances,
    threads: model.config.threads ?? threads,
  });
}

function pictureInput(plan: PicturePlan): PictureInput {
  return { ...plan.normalisation, index: plan.index, layout: plan.layout };
}

/** The size to warm up with where the graph leaves it open. */
function warmUpSize({ geometry, height, width }: PicturePlan): readonly [number, number] {
  const declared =
    geometry.crop ?? (geometry.resize?.mode === 'exact' ? geometry.resize : undefined);
  return [declared?.height ?? height ?? 224, declared?.width ?? width ?? 224];
}

/** Five minutes, and one for each GiB: far more than loading takes, on a disk across a network too. */
export function usualLoadLimitMs(weightBytes: number): number {
  return Math.round(60_000 * (5 + weightBytes / 2 ** 30));
}

async function makeOrder(
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
  const key = await cache?.keyOf(signature.files, [runtimeVersion, provider, 'optimised-1']);
  if (key) void cache?.touch(key);
  return {
    model: model.name,
    version,
    path: file,
    provider,
    threads,
    inputs: signature.inputs,
    outputs: signature.outputs,
    ...(plan ? { picture: pictureInput(plan), pictureSize: warmUpSize(plan) } : {}),
    stamps,
    ...(wantsMeasuring(model, read, plan) ? { batchSize: 'measure' } : {}),
    ...(key && cache ? { optimised: cache.placeOf(key) } : {}),
  };
}

function countEvent(metrics: VersionMetrics, { cause, report }: VersionEvent): void {
  if (cause) metrics.countRestart(cause);
  else if (report) metrics.noteLoad(report);
}

function logEvent({ log }: BuildOptions, served: ServedVersion, event: VersionEvent): void {
  const model = served.model.name;
  const { version } = served.version;
  const fields = { model, version, state: served.state, reason: event.detail };
  if (event.kind === 'runner-gone') log.warn(fields, 'runner ended; it is being replaced');
  else if (event.kind === 'load-failed') log.warn(fields, 'runner does not load; another is tried');
  else if (served.state === 'FAILED') log.error(fields, 'model does not load');
  else if (event.kind === 'runner-ready')
    log.info({ model, version, ...event.report }, 'runner ready');
  else log.info(fields, 'model state');
}

/**
 * What model.yaml says and the model cannot do: such a version is not served, because every answer of
 * its /predict would be a refusal that blames the client. Undefined when they fit.
 */
export function findContradiction(
  { config, labels, yamlPath, folder }: ReadModel,
  { pictures, scores, signatures }: VersionPlans,
): ServingError | undefined {
  const path = yamlPath ?? folder;
  if (pictures?.problem?.contradicts) {
    return new ServingError('MODEL_YAML_INVALID', { path, problems: [pictures.problem.reason] });
  }
  if (signatures && signatures.problems.length > 0)
    return new ServingError('MODEL_YAML_INVALID', { path, problems: signatures.problems });
  const promised = labels !== undefined || config.output.tensor !== undefined;
  return promised && scores?.problem
    ? new ServingError('LABELS_INVALID', { path, problem: scores.problem })
    : undefined;
}

function buildVersion(
  options: BuildOptions,
  model: ReadModel,
  version: ReadVersion,
  cores: CoreShare,
): ServedVersion {
  const plans = planVersion(model, version);
  const problem = findContradiction(model, plans);
  if (problem) {
    const fields = { model: model.name, version: version.version, reason: problem.message };
    options.log.error(fields, 'model does not load');
  }
  const metrics = options.metrics?.forVersion(model.name, version.version);
  return createServedVersion({
    problem,
    metrics,
    model,
    version,
    pictures: plans.pictures,
    scores: plans.scores,
    instances: options.oneInstance ? 1 : cores.instances,
    runLimitMs: Math.min(options.runLimitMs, model.config.queue.timeoutMs),
    loadLimitMs: options.loadLimitMs ?? usualLoadLimitMs(version.signature?.weightBytes ?? 0),
    heartbeatMs: options.heartbeatMs,
    makeOrder: async () =>
      makeOrder(model, version, plans.pictures?.plan, cores.threads, await options.cache),
    startRunner: () =>
      startRunner({
        model: model.name,
        environment: options.runnerEnvironment,
        process: options.takeRunner?.(),
        onLogLine: (line) => options.log.warn({ model: model.name, line }, 'runner says'),
      }),
    onChange(served, event) {
      if (metrics) countEvent(metrics, event);
      logEvent(options, served, event);
    },
  });
}

const placeOf = ({ folder, versions }: ReadModel): string => versions[0]?.file ?? folder;

function refuseSameNames(models: readonly ReadModel[]): void {
  const names = models.map(({ name }) => name);
  const problems = models
    .filter(({ name }, i) => names.indexOf(name) < i)
    .map((model) => {
      const first = models[names.indexOf(model.name)] as ReadModel;
      return `two models are called "${model.name}": ${placeOf(first)} and ${placeOf(model)}; give one another name in its model.yaml`;
    });
  if (problems.length > 0) throw new ServingError('SETTINGS_INVALID', { problems });
}

function checkDefault(models: readonly ReadModel[], name: string | undefined): void {
  if (name === undefined || models.some((model) => model.name === name)) return;
  const names = models.map((model) => model.name).join(', ');
  throw new ServingError('SETTINGS_INVALID', {
    problems: [`--default-model: there is no model "${name}"; models here: ${names}`],
  });
}

/** Builds the service; its models load with `startModels`. Throws SETTINGS_INVALID. */
export function buildService(options: BuildOptions): InferenceService {
  const { models } = options;
  refuseSameNames(models);
  checkDefault(models, options.defaultModel);
  const versionCount = models.reduce((total, { versions }) => total + versions.length, 0);
  const registered = models.map((model) => ({
    model,
    versions: model.versions.map((version) =>
      buildVersion(options, model, version, coresOf(model, versionCount, options)),
    ),
  }));
  return createInferenceService({
    registry: createModelRegistry(registered, options.defaultModel),
    pictures: options.pictures,
    maxPictures: options.maxPictures,
    strictReady: options.strictReady,
    onAccount: (account) => options.metrics?.countRequest(account),
  });
}

/** Loads all models side by side; settles when each is READY or FAILED. */
export async function startModels(service: InferenceService): Promise<void> {
  const versions = service.registry.models.flatMap((model) => model.versions);
  await Promise.all(versions.map((version) => version.start()));
}
