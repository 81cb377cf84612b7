/**
 * The streams of requests that are open. One stays open as long as its client likes, so a shutdown tells
 * them all to answer what they have read and to end.
 */

import { ServingError } from '../errors.ts';
import type { TurnTaker } from './in-turn.ts';

export interface OpenStreams {
  add(stream: TurnTaker): void;
  delete(stream: TurnTaker): void;
  finishAll(): void;
}

export function createOpenStreams(): OpenStreams {
  const all = new Set<TurnTaker>();
  return {
    add: (stream) => void all.add(stream),
    delete: (stream) => void all.delete(stream),
    finishAll() {
      for (const stream of all) stream.finish(new ServingError('SHUTTING_DOWN', {}));
    },
  };
}
