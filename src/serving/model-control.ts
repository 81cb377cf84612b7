/**
 * What requests may ask about the models that are there, and change while the server runs: the model
 * repository extension of Open Inference, over REST and gRPC. Off unless the server's owner turned it on.
 */

import { ServingError } from '../errors.ts';
import type { VersionState } from './inference-types.ts';
import type { ModelRegistry } from './model-registry.ts';

export interface IndexedVersion {
  readonly name: string;
  readonly version: string;
  /** UNLOADED: on disk, and not asked for. */
  readonly state: VersionState | 'UNLOADED';
  /** Why it is in that state; empty when there is nothing to say. */
  readonly reason: string;
}

export interface ModelControl {
  /** Every version of every model. */
  index(): Promise<IndexedVersion[]>;
  /**
   * Loads a model, or anew what changed on disk of one that is loaded; settles when its versions serve.
   * Throws MODEL_CONTROL_REFUSED, MODEL_NOT_FOUND, or why it does not load.
   */
  load(model: string): Promise<void>;
  /** Settles when the requests in flight are answered. Throws MODEL_CONTROL_REFUSED or MODEL_NOT_FOUND. */
  unload(model: string): Promise<void>;
}

/** Of a server whose models stay as they were at its start. */
export function createFixedControl(registry: ModelRegistry): ModelControl {
  const refuse = async (what: string): Promise<never> => {
    throw new ServingError('MODEL_CONTROL_REFUSED', { what, mode: 'none' });
  };
  return {
    index: async () =>
      registry.models.flatMap(({ model, versions }) =>
        versions.map(({ version, state, reason = '' }) => {
          return { name: model.name, version: version.version, state, reason };
        }),
      ),
    load: (model) => refuse(`Loading model ${model}`),
    unload: (model) => refuse(`Unloading model ${model}`),
  };
}
