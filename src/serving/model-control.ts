/**
 * What may be asked about the models of this server and changed while it runs: the one interface behind
 * Open Inference's repository requests, TensorFlow Serving's reload, and labels and traffic.
 *
 * Does not own wire formats, nor who may ask beyond `--model-control`.
 */

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
   * is READY. `yaml`: the text of a model.yaml (JSON is YAML too) that takes the place of the one on disk.
   * What served before serves until then, and goes on when it fails. Throws MODEL_CONTROL_REFUSED,
   * MODEL_NOT_FOUND, MODEL_YAML_INVALID, and what kept the version from being loaded.
   */
  load(model: string, yaml?: string): Promise<void>;
  /**
   * Unloads all versions; settles when their processes are gone, after the requests that hold them (within
   * the limit). Throws MODEL_CONTROL_REFUSED or MODEL_NOT_FOUND.
   */
  unload(model: string): Promise<void>;
  /**
   * Replaces the whole configuration: models it does not name are unloaded. Settles when each that it names
   * serves or failed. Throws MODEL_CONTROL_REFUSED, PATH_OUTSIDE_REPOSITORY, and the first failed load.
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
