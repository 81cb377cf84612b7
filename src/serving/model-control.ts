/**
 * What may be asked about the models of this server and changed while it runs: the one interface behind
 * Open Inference's repository requests, TensorFlow Serving's reload, and labels and traffic.
 *
 * Does not own wire formats, nor who may ask beyond `--model-control`.
 */

import type { ModelOverrides } from '../config/model-yaml.ts';
import type { ModelControlMode } from '../config/settings.ts';
import { ServingError } from '../errors.ts';
import type { ModelsConfig } from '../repository/models-config.ts';
import type { VersionState } from './inference-types.ts';
import type { ModelRegistry } from './model-registry.ts';
import type { TrafficChange } from './traffic.ts';

export interface IndexedVersion {
  readonly name: string;
  readonly version: string;
  /** UNLOADED: on disk, and not asked for. */
  readonly state: VersionState | 'UNLOADED';
  /** Why it is in that state; empty when there is nothing to say. */
  readonly reason: string;
}

export interface ModelControl {
  readonly mode: ModelControlMode;
  /** True while what was there at the start may still be being copied. */
  readonly starting: boolean;
  /** Every version that is loaded, and those on disk that are not; by name and version. */
  index(): Promise<IndexedVersion[]>;
  /**
   * Reads a model of the repository anew and loads the versions that its policy selects; settles when each
   * is READY. `overrides` take the place of what its model.yaml says, until it is loaded again.
   * What served before serves until then, and goes on when it fails. Throws MODEL_CONTROL_REFUSED,
   * MODEL_NOT_FOUND, MODEL_YAML_INVALID, MODEL_CONTROL_OVERTAKEN, SHUTTING_DOWN, and what kept the version
   * from being loaded.
   */
  load(model: string, overrides?: ModelOverrides): Promise<void>;
  /**
   * Unloads all versions; settles when their processes are gone, after the requests that hold them (within
   * the limit). Throws MODEL_CONTROL_REFUSED, MODEL_NOT_FOUND, MODEL_CONTROL_OVERTAKEN or SHUTTING_DOWN.
   */
  unload(model: string): Promise<void>;
  /**
   * Replaces the whole configuration: when all that it names serves it settles, and models that it does not
   * name are unloaded. Throws MODEL_CONTROL_REFUSED, PATH_OUTSIDE_REPOSITORY, RELOAD_REFUSED or SHUTTING_DOWN,
   * and then everything is as it was.
   */
  reloadConfig(config: ModelsConfig): Promise<void>;
  /** Changes labels and traffic at once. Throws MODEL_CONTROL_REFUSED, RUNTIME_CHANGE_REFUSED, MODEL_NOT_FOUND or TRAFFIC_INVALID. */
  changeTraffic(model: string, change: TrafficChange): Promise<void>;
}

/** Throws unless requests may change what is served. */
export function refuseUnlessExplicit(mode: ModelControlMode, what: string): void {
  if (mode !== 'explicit') throw new ServingError('MODEL_CONTROL_REFUSED', { what, mode });
}

/** Of a server whose models stay as they were at its start. */
export function createFixedControl(registry: ModelRegistry): ModelControl {
  const refuse = async (what: string): Promise<never> => {
    throw new ServingError('MODEL_CONTROL_REFUSED', { what, mode: 'none' });
  };
  return {
    mode: 'none',
    starting: false,
    index: async () => indexOf(registry),
    load: (model) => refuse(`Loading model ${model}`),
    unload: (model) => refuse(`Unloading model ${model}`),
    reloadConfig: () => refuse('Replacing the configuration of models'),
    changeTraffic: (model) => refuse(`Changing the traffic of model ${model}`),
  };
}

/** The loaded versions, and those that were found on disk and are not. */
export function indexOf({ models }: ModelRegistry): IndexedVersion[] {
  return models.flatMap(({ model, versions }) => {
    const name = model.name;
    const loaded = versions.map(({ version, state, reason = '' }) => {
      return { name, version: version.version, state, reason };
    });
    const known = new Set(loaded.map(({ version }) => version));
    const others = model.found.filter((version) => !known.has(version));
    const unloaded = others.map(
      (version): IndexedVersion => ({ name, version, state: 'UNLOADED', reason: '' }),
    );
    return [...unloaded, ...loaded].sort((a, b) => compareVersions(a.version, b.version));
  });
}

/** By their numbers, which may be larger than a double holds. */
export function compareVersions(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
}
