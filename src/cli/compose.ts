/**
 * The composition root: from settings to a service, for the commands that run models.
 */

import { join } from 'node:path';
import type { ModelCache } from '../cache/model-cache.ts';
import { openModelCache } from '../cache/model-cache.ts';
import type { Settings } from '../config/settings.ts';
import { modelControlOf } from '../config/settings.ts';
import type { PictureReader } from '../image/picture-reader.ts';
import { createPictureReader } from '../image/picture-reader.ts';
import type { WaitingLimits } from '../image/picture-threads.ts';
import { isServed } from '../repository/model-files.ts';
import { createModelSource } from '../repository/model-source.ts';
import { readInChild } from '../repository/read-in-child.ts';
import type { ReadModel } from '../repository/read-model.ts';
import { readVersion, readVersions } from '../repository/read-model.ts';
import type { Repository, SeenModel } from '../repository/repository.ts';
import { createRepository } from '../repository/repository.ts';
import type { BuildOptions, ChangeOptions } from '../serving/build-service.ts';
import { buildService } from '../serving/build-service.ts';
import type { InferenceService } from '../serving/inference-service.ts';
import type { ModelLife } from '../serving/model-life.ts';
import { openStateFolder } from '../serving/state-folder.ts';
import { versionsNamedIn } from '../serving/traffic.ts';
import type { TrafficStore } from '../serving/traffic-store.ts';
import { createTrafficStore } from '../serving/traffic-store.ts';
import type { Log } from '../telemetry/log.ts';
import { takeEarlyRunner } from './early-runner.ts';
import type { ForeignModels } from './foreign-models.ts';
import { createForeignModels } from './foreign-models.ts';
import { cacheFolder, runnerEnvironment } from './places.ts';

export interface Composed {
  readonly service: InferenceService;
  readonly pictures: PictureReader;
  /** Absent when the models stay as they are. */
  readonly life: ModelLife | undefined;
}

/** The models of a repository as they were found at the start. */
export interface FoundRepository {
  readonly repository: Repository;
  readonly seen: readonly SeenModel[];
  readonly models: readonly ReadModel[];
}

/** Two threads keep up with two cores of inference; more would take the cores from it. */
const pictureThreads = 2;

/**
 * The models under a path, read; with `settleMs` without the versions that may still be being copied.
 * `traffic`: what was changed at run time, which may name other versions than model.yaml.
 * Throws PATH_NOT_FOUND, PATH_UNREADABLE, NO_MODEL_FOUND or MODELS_CONFIG_INVALID.
 */
export function openRepository(
  path: string,
  settleMs?: number,
  traffic?: Pick<TrafficStore, 'rulesOf'>,
): FoundRepository {
  const repository = createRepository({ path, settleMs: settleMs ?? 0, now: Date.now });
  const seen = repository.lookAtOnce();
  const models = seen.map((one): ReadModel => {
    const { head, found, onDisk } = one;
    const rules = traffic?.rulesOf(head);
    const named = rules && versionsNamedIn(rules);
    if (settleMs === undefined || head.problem) return readVersions(head, found, named);
    const settled = found.versions.filter((_, i) => onDisk[i]?.settled);
    // What is not settled comes later, as a new version does.
    if (settled.length === 0) return { ...head, versions: [] };
    return { ...readVersions(head, { ...found, versions: settled }, named), found: head.found };
  });
  return { repository, seen, models };
}

export function readModels(path: string): readonly ReadModel[] {
  return openRepository(path).models;
}

export function openTraffic({ stateDir }: Pick<Settings, 'stateDir'>, log: Log): TrafficStore {
  const folder =
    stateDir === undefined
      ? undefined
      : openStateFolder(stateDir, (file, problem) =>
          log.warn(
            { file, problem },
            'run-time labels and traffic cannot be read; model.yaml holds',
          ),
        );
  return createTrafficStore({ folder, now: () => new Date() });
}

/** How the models may change while they serve; undefined: not at all. */
function changesOf(settings: Settings, found: FoundRepository): ChangeOptions | undefined {
  const mode = modelControlOf(settings);
  if (mode === 'none') return undefined;
  const { replicas, runtimeChanges = replicas > 1 ? 'refuse' : 'allow' } = settings;
  return {
    mode,
    repository: found.repository,
    seen: found.seen,
    unloadLimitMs: settings.unloadTimeoutMs,
    settleMs: settings.settleMs,
    replicas: runtimeChanges === 'refuse' ? replicas : undefined,
  };
}

/** What all models of a process share, before there is a service. */
export interface Base {
  readonly cache: Promise<ModelCache | undefined>;
  /** Converts what is in another format. */
  readonly foreign: ForeignModels;
  /** Of all children. */
  readonly environment: Readonly<Record<string, string>>;
}

/** `tell`: takes lines for the person who waits for conversions. */
export function openBase(settings: Settings, log: Log, tell?: (line: string) => void): Base {
  const folder = cacheFolder(settings.cacheDir);
  const environment = runnerEnvironment(folder);
  const cache = openModelCache(folder, settings.cacheSize, (problem) =>
    log.warn({ folder, problem }, 'no cache of optimised models; loading takes longer'),
  );
  return { cache, environment, foreign: createForeignModels({ cache, environment, log, tell }) };
}

export interface ComposeHooks extends Pick<BuildOptions, 'metrics' | 'oneInstance'> {
  readonly log: Log;
  readonly base: Base;
  /** Pictures that may wait to be decoded; no limit for a command that sends them itself. */
  readonly waitingPictures?: WaitingLimits;
  /** Where the models were found, for a server; absent: they stay as they are. */
  readonly found?: FoundRepository;
}

export function compose(
  settings: Settings,
  models: readonly ReadModel[],
  { found, base, waitingPictures, ...hooks }: ComposeHooks,
): Composed {
  const folder = cacheFolder(settings.cacheDir);
  const { cache, environment, foreign } = base;
  const pictures = createPictureReader({
    maxPixels: settings.maxPixels,
    threads: pictureThreads,
    waiting: waitingPictures,
  });
  const { service, life } = buildService({
    models,
    pictures,
    traffic: openTraffic(settings, hooks.log),
    changes: found && changesOf(settings, found),
    maxPictures: settings.maxPictures,
    cache,
    async readInChild(version, model, { signal, onPhase }) {
      const place = { folder, maxBytes: settings.cacheSize };
      // Of a file in another format its name says enough.
      const read = isServed(version.file ?? '')
        ? await readInChild(version, { environment, cache: place }, signal)
        : readVersion({ folder: model.folder, ...version });
      return foreign.importOne(read, model, { signal, onPhase });
    },
    onGone: foreign.release,
    source: createModelSource(join(folder, 'downloads')),
    runnerEnvironment: environment,
    takeRunner: takeEarlyRunner,
    instances: settings.instances,
    threads: settings.threads,
    defaultModel: settings.defaultModel,
    strictReady: settings.strictReady,
    runLimitMs: settings.runTimeoutMs ?? settings.requestTimeoutMs,
    loadLimitMs: settings.loadTimeoutMs,
    heartbeatMs: settings.heartbeatMs,
    ...hooks,
  });
  return { service, pictures, life };
}
