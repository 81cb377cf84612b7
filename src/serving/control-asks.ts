/**
 * What requests ask of each model, the latest last: a request whose model is meanwhile asked something else
 * is over, and says so.
 */

import { ServingError } from '../errors.ts';

/** In words, as they are told to those whom it overtook. */
export type Asked = 'load it' | 'load it with another configuration' | 'unload it' | 'replace it';

/** Disposed of when it is answered. */
export interface Ask extends Disposable {
  /** Undefined while it is what was asked last. */
  readonly overtaken: ServingError | undefined;
  readonly isLatest: boolean;
  /** How to bring back what was before it; what an earlier one that is not answered yet would bring back holds. */
  remember(undo: () => void): void;
  /** Nothing is to be brought back any more. */
  forget(): void;
  /** Brings it back, unless something else is asked meanwhile. */
  undo(): void;
}

export interface Asks {
  /**
   * From now on this is what is asked of the model. `same`: what is the same wish as another's, so that
   * neither overtakes the other.
   */
  begin(model: string, what: string, asked: Asked, same: string): Ask;
}

interface Wish {
  readonly asked: Asked;
  readonly same: string;
}

/** What is known of a model while requests for it are not answered. */
export interface AskedModel {
  latest: Wish;
  /** Requests that are not answered. */
  open: number;
  undo: (() => void) | undefined;
}

/** `models`: what is kept, by name; nothing of those whose requests are answered, whether there is such a model or not. */
export function createAsks(models = new Map<string, AskedModel>()): Asks {
  return {
    begin(model, what, asked, same) {
      const mine: Wish = { asked, same };
      const kept = models.get(model) ?? { latest: mine, open: 0, undo: undefined };
      models.set(model, kept);
      kept.latest = mine;
      kept.open += 1;
      return {
        get overtaken() {
          if (kept.latest.same === same) return undefined;
          return new ServingError('MODEL_CONTROL_OVERTAKEN', { what, by: kept.latest.asked });
        },
        get isLatest() {
          return kept.latest === mine;
        },
        remember(undo) {
          kept.undo ??= undo;
        },
        forget() {
          kept.undo = undefined;
        },
        undo() {
          if (kept.latest === mine) kept.undo?.();
        },
        [Symbol.dispose]() {
          kept.open -= 1;
          if (kept.open === 0) models.delete(model);
        },
      };
    },
  };
}
