/**
 * The memory that the bodies of all requests may have together, and the pictures that were fetched for
 * them.
 *
 * Owns: who holds how much. Does not own: the bytes; whoever grows a buffer asks here first.
 * docs/decisions/limits.md says why bodies are counted as they are.
 */

import { ServingError } from '../errors.ts';

/** Up to this size a body may have the room that larger ones leave. */
const smallBytes = 1024 ** 2;
/** What bodies that are larger may have of all room, so that a few giants never hold up a small one. */
const shareOfLarge = 0.75;
/** A guess: room comes back when any of the others is answered. */
const retryAfterSeconds = 1;

/** What one request holds. */
export interface Hold {
  readonly bytes: number;
  /**
   * Holds so many more. `expected` is the size that the request announces, when it is more than it holds.
   * Throws BODY_MEMORY_FULL, and REQUEST_CANCELLED after `release`.
   */
  grow(bytes: number, expected?: number): void;
  shrink(bytes: number): void;
  /** Gives everything back; does nothing after the first time. */
  release(): void;
}

export interface ByteBudget {
  readonly limit: number;
  readonly used: number;
  /** The most that one request can hold. */
  readonly largest: number;
  /** Throws BODY_MEMORY_FULL when there is no room for so much now; holds nothing. */
  checkRoom(bytes: number): void;
  open(): Hold;
}

export function createByteBudget(limit: number): ByteBudget {
  const largest = Math.floor(limit * shareOfLarge);
  let used = 0;

  function checkRoom(bytes: number, size: number): void {
    if (used + bytes <= (size > smallBytes ? largest : limit)) return;
    throw new ServingError('BODY_MEMORY_FULL', { limitBytes: limit, retryAfterSeconds });
  }

  return {
    limit,
    largest,
    get used() {
      return used;
    },
    checkRoom: (bytes) => checkRoom(bytes, bytes),
    open() {
      let held = 0;
      let open = true;
      return {
        get bytes() {
          return held;
        },
        grow(bytes, expected = 0) {
          if (!open) throw new ServingError('REQUEST_CANCELLED', {});
          checkRoom(bytes, Math.max(expected, held + bytes));
          held += bytes;
          used += bytes;
        },
        shrink(bytes) {
          held -= bytes;
          used -= bytes;
        },
        release() {
          open = false;
          used -= held;
          held = 0;
        },
      };
    },
  };
}
