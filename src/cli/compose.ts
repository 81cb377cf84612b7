/**
 * The composition root: from settings to a service, for the commands that run models.
 */

import { openModelCache } from '../cache/model-cache.ts';
import type { Settings } from '../config/settings.ts';
import type { PictureReader } from '../image/picture-reader.ts';
import { createPictureReader } from '../image/picture-reader.ts';
import type { WaitingLimits } from '../image/picture-threads.ts';
import { findModels } from '../repository/find-models.ts';
import type { ReadModel, ReadVersion } from '../repository/read-model.ts';
import { readModel } from '../repository/read-model.ts';
import type { BuildOptions } from '../serving/build-service.ts';
import { buildService } from '../serving/build-service.ts';
import type { InferenceService } from '../serving/inference-service.ts';
import type { Log } from '../telemetry/log.ts';
import { takeEarlyRunner } from './early-runner.ts';
import { cacheFolder, runnerEnvironment } from './places.ts';

export interface Composed {
  readonly service: InferenceService;
  readonly pictures: PictureReader;
}

/** Two threads keep up with two cores of inference; more would take the cores from it. */
const pictureThreads = 2;

/** The models under a path, read. Throws PATH_NOT_FOUND, PATH_UNREADABLE or NO_MODEL_FOUND. */
export function readModels(path: string): ReadModel[] {
  return findModels(path).map(readModel);
}

/**
 * The same with versions in other formats converted, from the cache where they were before. The code for
 * that is only loaded when there is one.
 */
export async function readAndImport(settings: Settings, log: Log): Promise<readonly ReadModel[]> {
  const models = readModels(settings.path);
  if (!models.some(({ versions }) => versions.some(isForeign))) return models;
  const { importModels } = await import('./import-models.ts');
  const { createConverter } = await import('../importers/converted-models.ts');
  const folder = cacheFolder(settings.cacheDir);
  const cache = openModelCache(folder, settings.cacheSize);
  const converter = createConverter({ cache, environment: runnerEnvironment(folder) });
  // Copies that no cache holds are wanted as long as this process lives.
  process.once('exit', () => converter[Symbol.dispose]());
  return importModels(models, converter, log);
}

/** In another format than ONNX, as far as its name tells. */
const isForeign = ({ file, problem }: ReadVersion): boolean =>
  file !== undefined && problem?.code === 'MODEL_FORMAT_UNSUPPORTED';

export function compose(
  settings: Settings,
  models: readonly ReadModel[],
  hooks: Pick<BuildOptions, 'metrics' | 'oneInstance'> & {
    readonly log: Log;
    /** Pictures that may wait to be decoded; no limit for a command that sends them itself. */
    readonly waitingPictures?: WaitingLimits;
  },
): Composed {
  const folder = cacheFolder(settings.cacheDir);
  const pictures = createPictureReader({
    maxPixels: settings.maxPixels,
    threads: pictureThreads,
    waiting: hooks.waitingPictures,
  });
  const service = buildService({
    models,
    pictures,
    maxPictures: settings.maxPictures,
    cache: openModelCache(folder, settings.cacheSize, (problem) =>
      hooks.log.warn({ folder, problem }, 'no cache of optimised models; loading takes longer'),
    ),
    runnerEnvironment: runnerEnvironment(folder),
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
  return { service, pictures };
}
