/**
 * Where requests for predictions come in, from their first line on: a shutdown waits for those that are
 * inside, also while their bodies are still on their way, and lets no more in.
 */

import type { ServerResponse } from 'node:http';
import { ServingError } from '../errors.ts';

export interface RequestGate {
  /**
   * Lets a request in until its response is closed, and calls `onLeave` then. Throws SHUTTING_DOWN once
   * the gate is closed.
   */
  enter(response: ServerResponse, onLeave: () => void): void;
  /** Lets no more in; settles when those inside are answered or gone. */
  close(): Promise<void>;
  /** Requests inside that have come whole and have no answer yet: the work that is owed. */
  readonly owed: number;
}

export function createRequestGate(): RequestGate {
  const inside = new Set<ServerResponse>();
  let closed = false;
  let onEmpty = (): void => {};

  return {
    enter(response, onLeave) {
      if (closed) throw new ServingError('SHUTTING_DOWN', {});
      inside.add(response);
      response.once('close', () => {
        inside.delete(response);
        onLeave();
        if (inside.size === 0) onEmpty();
      });
    },
    get owed() {
      return [...inside].filter(({ req, writableEnded }) => req.complete && !writableEnded).length;
    },
    close() {
      closed = true;
      return new Promise((resolve) => {
        onEmpty = resolve;
        if (inside.size === 0) resolve();
      });
    },
  };
}
