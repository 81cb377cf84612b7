/**
 * Loading and unloading models while the server runs, as the model repository extension and TensorFlow
 * Serving's ModelService ask for it. Off unless the server's owner turned it on.
 */

import { ServingError } from '../errors.ts';

export interface ModelControl {
  /**
   * Loads a model, or anew what changed on disk of one that is loaded; settles when its versions are
   * READY or FAILED. Throws MODEL_CONTROL_DISABLED, MODEL_NOT_FOUND, or why it does not load.
   */
  load(model: string): Promise<void>;
  /** Lets the requests in flight finish. Throws MODEL_CONTROL_DISABLED or MODEL_NOT_FOUND. */
  unload(model: string): Promise<void>;
}

async function refuse(): Promise<never> {
  throw new ServingError('MODEL_CONTROL_DISABLED', {});
}

/** Of a server whose models are what they were at its start. */
export const noModelControl: ModelControl = { load: refuse, unload: refuse };
