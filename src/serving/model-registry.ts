/**
 * The models of this server and their served versions; finds the one that a request means.
 */

import { ServingError } from '../errors.ts';
import type { ReadModel } from '../repository/read-model.ts';
import type { ServedVersion } from './served-version.ts';

export interface RegisteredModel {
  readonly model: ReadModel;
  /** In rising order of version. */
  readonly versions: readonly ServedVersion[];
}

export interface ModelRegistry {
  readonly models: readonly RegisteredModel[];
  /** The model that a bare request means. Throws MODEL_REQUIRED. */
  defaultName(): string;
  /** Throws MODEL_NOT_FOUND. */
  find(model: string): RegisteredModel;
  /**
   * The version asked for when it serves, or the newest that does. Throws MODEL_NOT_FOUND,
   * VERSION_NOT_FOUND or MODEL_NOT_READY.
   */
  resolve(model: string, version: string | undefined): ServedVersion;
}

const serves = ({ state }: ServedVersion): boolean => state === 'READY' || state === 'UNAVAILABLE';

function throwNotReady(
  { model, versions }: RegisteredModel,
  served: ServedVersion | undefined = versions.at(-1),
): never {
  throw new ServingError('MODEL_NOT_READY', {
    model: model.name,
    version: served?.version.version ?? 'none',
    state: served?.state ?? 'FAILED',
    reason: served?.reason ?? model.problem?.message,
  });
}

export function createModelRegistry(
  models: readonly RegisteredModel[],
  defaultModel: string | undefined,
): ModelRegistry {
  const names = models.map(({ model }) => model.name);

  function find(name: string): RegisteredModel {
    const found = models.find(({ model }) => model.name === name);
    if (!found) throw new ServingError('MODEL_NOT_FOUND', { model: name, available: names });
    return found;
  }

  return {
    models,
    find,
    defaultName() {
      if (defaultModel !== undefined) return defaultModel;
      if (names.length === 1) return names[0] as string;
      throw new ServingError('MODEL_REQUIRED', { available: names });
    },
    resolve(name, version) {
      const found = find(name);
      if (version === undefined) {
        return found.versions.findLast(serves) ?? throwNotReady(found);
      }
      const served = found.versions.find((candidate) => candidate.version.version === version);
      if (served && serves(served)) return served;
      if (served || found.model.problem) throwNotReady(found, served);
      const available = found.versions.map((candidate) => candidate.version.version);
      throw new ServingError('VERSION_NOT_FOUND', { model: name, version, available });
    },
  };
}
