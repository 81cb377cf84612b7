/**
 * Where calls for predictions come in, from their first header on: a shutdown waits for those that are
 * inside, also while their messages are still on their way, and lets no more in.
 */

import { ServingError } from '../errors.ts';

/** A call inside. */
export interface GatedCall {
  /** Its request has come whole, and it has no answer yet. */
  readonly owed: boolean;
}

export interface CallGate {
  readonly closed: boolean;
  /** Returns what lets the call out. Throws SHUTTING_DOWN once the gate is closed. */
  enter(call: GatedCall): () => void;
  /** Lets no more in; settles when those inside are answered or gone. */
  close(): Promise<void>;
  /** The calls inside that are owed an answer. */
  readonly owed: number;
}

/** `onClose` is told when the gate closes, for calls that would stay inside as long as they like. */
export function createCallGate(onClose: () => void): CallGate {
  const inside = new Set<GatedCall>();
  let closed = false;
  let onEmpty = (): void => {};

  return {
    get closed() {
      return closed;
    },
    enter(call) {
      if (closed) throw new ServingError('SHUTTING_DOWN', {});
      inside.add(call);
      return () => {
        inside.delete(call);
        if (inside.size === 0) onEmpty();
      };
    },
    close() {
      closed = true;
      onClose();
      return new Promise((resolve) => {
        onEmpty = resolve;
        if (inside.size === 0) resolve();
      });
    },
    get owed() {
      return [...inside].filter(({ owed }) => owed).length;
    },
  };
}
