/**
 * The deadlines of all requests, waiting or running, with one timer for all of them.
 *
 * A deadline lies in the slot of its tick, modulo the number of slots; one that is more than a turn
 * away is passed over until its turn comes. Entering and leaving take constant time, which a timer or a
 * heap for each request would not. An expiry is late by one tick at most.
 */

import type { Clock } from './clock.ts';
import type { Linked } from './linked-list.ts';
import { LinkedList } from './linked-list.ts';

/** Milliseconds of a slot: how late an expiry may be told. */
export const tickMs = 4;
/** About four seconds a turn. */
const slotCount = 1024;

export interface Expiring<Node extends Expiring<Node>> extends Linked<Node> {
  /** Milliseconds of the clock; Infinity: never, and it does not enter the wheel. */
  readonly deadline: number;
}

export class DeadlineWheel<Node extends Expiring<Node>> {
  private readonly slots: (LinkedList<Node> | undefined)[] = new Array(slotCount).fill(undefined);
  private readonly clock: Clock;
  private readonly onExpired: (node: Node) => void;
  /** All slots before this tick are done with. */
  private tick: number;
  private held = 0;
  private ringAt = Number.POSITIVE_INFINITY;
  private cancelTimer: (() => void) | undefined;

  constructor(clock: Clock, onExpired: (node: Node) => void) {
    this.clock = clock;
    this.onExpired = onExpired;
    this.tick = Math.floor(clock.now() / tickMs);
  }

  add(node: Node): void {
    if (node.deadline === Number.POSITIVE_INFINITY) return;
    if (this.held === 0) this.tick = Math.floor(this.clock.now() / tickMs);
    const tick = Math.max(this.tick, Math.floor(node.deadline / tickMs));
    this.slotOf(tick).append(node);
    this.held += 1;
    this.ringBefore((Math.min(tick, this.tick + slotCount) + 1) * tickMs);
  }

  remove(node: Node): void {
    if (!node.list) return;
    node.list.remove(node);
    this.held -= 1;
  }

  private slotOf(tick: number): LinkedList<Node> {
    const index = tick % slotCount;
    this.slots[index] ??= new LinkedList<Node>();
    return this.slots[index];
  }

  private ringBefore(at: number): void {
    if (at >= this.ringAt) return;
    this.cancelTimer?.();
    this.ringAt = at;
    this.cancelTimer = this.clock.schedule(Math.max(0, at - this.clock.now()), () => this.ring());
  }

  private ring(): void {
    this.cancelTimer = undefined;
    this.ringAt = Number.POSITIVE_INFINITY;
    this.expireUntil(this.clock.now());
    if (this.held > 0) this.ringBefore((this.nextTick() + 1) * tickMs);
  }

  private expireUntil(now: number): void {
    const end = Math.floor(now / tickMs);
    const turns = Math.min(end - this.tick, slotCount);
    for (let tick = end - turns; tick < end; tick += 1) this.expireSlot(tick, now);
    this.tick = Math.max(this.tick, end);
  }

  private expireSlot(tick: number, now: number): void {
    const slot = this.slots[tick % slotCount];
    const due: Node[] = [];
    for (let node = slot?.head; node; node = node.next) if (node.deadline <= now) due.push(node);
    for (const node of due) {
      // One that was told before may have taken it out.
      if (node.list !== slot) continue;
      this.remove(node);
      this.onExpired(node);
    }
  }

  /** The next tick with something in its slot, a turn away at most. */
  private nextTick(): number {
    let tick = this.tick;
    while (tick < this.tick + slotCount && !this.slots[tick % slotCount]?.head) tick += 1;
    return tick;
  }
}
