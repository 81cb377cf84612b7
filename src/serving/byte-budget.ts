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

interface Ledger {
  used: number;
  checkRoom(bytes: number, size: number): void;
}

class OpenHold implements Hold {
  bytes = 0;
  private open = true;
  private readonly ledger: Ledger;

  constructor(ledger: Ledger) {
    this.ledger = ledger;
  }

  grow(bytes: number, expected = 0): void {
    if (!this.open) throw new ServingError('REQUEST_CANCELLED', {});
    this.ledger.checkRoom(bytes, Math.max(expected, this.bytes + bytes));
    this.bytes += bytes;
    this.ledger.used += bytes;
  }

  shrink(bytes: number): void {
    this.bytes -= bytes;
    this.ledger.used -= bytes;
  }

  release(): void {
    this.open = false;
    this.shrink(this.bytes);
  }
}

export function createByteBudget(limit: number): ByteBudget {
  const largest = Math.floor(limit * shareOfLarge);
  const ledger: Ledger = {
    used: 0,
    checkRoom(bytes, size) {
      if (ledger.used + bytes <= (size > smallBytes ? largest : limit)) return;
      throw new ServingError('BODY_MEMORY_FULL', { limitBytes: limit, retryAfterSeconds });
    },
  };
  return {
    limit,
    largest,
    get used() {
      return ledger.used;
    },
    checkRoom: (bytes) => ledger.checkRoom(bytes, bytes),
    open: () => new OpenHold(ledger),
  };
}
