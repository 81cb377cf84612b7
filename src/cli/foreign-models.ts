/**
 * Models in other formats than ONNX: converted copies take their place. The code for that is only loaded
 * when there is one.
 */

import { openModelCache } from '../cache/model-cache.ts';
import type { Settings } from '../config/settings.ts';
import type { Converter } from '../importers/converted-models.ts';
import type { ModelHead, ReadModel, ReadVersion } from '../repository/read-model.ts';
import type { Log } from '../telemetry/log.ts';
import { cacheFolder, runnerEnvironment } from './places.ts';

export interface ForeignModels {
  /** The models with their versions converted, from the cache where they were before. */
  importAll(models: readonly ReadModel[]): Promise<readonly ReadModel[]>;
  /** One version that came later. Throws only when `signal` ended it. */
  importOne(version: ReadVersion, model: ModelHead, signal: AbortSignal): Promise<ReadVersion>;
}

/** In another format than ONNX, as far as its name tells. */
const isForeign = ({ file, problem }: ReadVersion): boolean =>
  file !== undefined && problem?.code === 'MODEL_FORMAT_UNSUPPORTED';

export function createForeignModels(
  settings: Pick<Settings, 'cacheDir' | 'cacheSize'>,
  log: Log,
): ForeignModels {
  let converter: Promise<Converter> | undefined;

  async function openConverter(): Promise<Converter> {
    const { createConverter } = await import('../importers/converted-models.ts');
    const folder = cacheFolder(settings.cacheDir);
    const cache = openModelCache(folder, settings.cacheSize);
    const opened = createConverter({ cache, environment: runnerEnvironment(folder) });
    // Copies that no cache holds are wanted as long as this process lives.
    process.once('exit', () => opened[Symbol.dispose]());
    return opened;
  }

  return {
    async importAll(models) {
      if (!models.some(({ versions }) => versions.some(isForeign))) return models;
      const { importModels } = await import('./import-models.ts');
      converter ??= openConverter();
      return importModels(models, await converter, log);
    },
    async importOne(version, { config }, signal) {
      if (!isForeign(version)) return version;
      const { importVersion } = await import('./import-models.ts');
      converter ??= openConverter();
      return importVersion(version, config, await converter, log, signal);
    },
  };
}
