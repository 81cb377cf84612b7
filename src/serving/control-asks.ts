/**
 * What requests ask of each model, the latest last: a request whose model is meanwhile asked something else
 * is over, and says so.
 */

import { ServingError } from '../errors.ts';

/** In words, as they are told to those whom it overtook. */
export type Asked = 'load it' | 'load it with another configuration' | 'unload it' | 'replace it';

export interface Ask {
  /** Undefined while it is what was asked last. */
  readonly overtaken: ServingError | undefined;
  readonly isLatest: boolean;
}

export interface Asks {
  /**
   * From now on this is what is asked of the model. `same`: what is the same wish as another's, so that
   * neither overtakes the other.
   */
  begin(model: string, what: string, asked: Asked, same: string): Ask;
}

export function createAsks(): Asks {
  const latest = new Map<string, { readonly asked: Asked; readonly same: string }>();

  return {
    begin(model, what, asked, same) {
      const mine = { asked, same };
      latest.set(model, mine);
      return {
        get overtaken() {
          const last = latest.get(model) ?? mine;
          if (last.same === same) return undefined;
          return new ServingError('MODEL_CONTROL_OVERTAKEN', { what, by: last.asked });
        },
        get isLatest() {
          return latest.get(model) === mine;
        },
      };
    },
  };
}
