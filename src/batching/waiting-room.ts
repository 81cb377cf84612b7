/**
 * What waits, and what the next run takes of it.
 *
 *   group ─┬─ high: part ⇄ part ⇄ …      a group: parts that may share a run
 *          └─ low:  part ⇄ …
 *
 * Oldest first, between groups too. High runs before low, but while low waits every eighth run is
 * low's. A run that is not full yet passes over a few parts that do not fit for one that does; what
 * was passed over is the oldest of the next run.
 *
 * The next group is found by looking at each group that has something waiting: one or two as a rule,
 * and never more than requests wait.
 */

import { LinkedList } from './linked-list.ts';
import type { Part, Priority } from './queued-request.ts';

export interface BatchPolicy {
  /** Rows of a run at most; a request of more rows is split. */
  readonly maxBatch: number;
  /** How long a run that is not full may wait for company, in milliseconds; 0: not at all. */
  readonly maxDelayMs: number;
  /** False: each request runs alone and whole, because rows depend on their company. */
  readonly acrossRequests: boolean;
  /**
   * An instance is given its next run, when that is a full one, before it has ended the one it is at, as
   * long as a full run takes no more than so many milliseconds. Absent: never.
   */
  readonly aheadMs?: number | undefined;
}

/** While low waits, so many runs of high come between two of low. */
export const highRunsBetween = 7;
/** So many parts that do not fit are passed over to fill a run. */
const mostPassedOver = 16;

class Group<P, R> {
  readonly key: string | number;
  readonly high = new LinkedList<Part<P, R>>();
  readonly low = new LinkedList<Part<P, R>>();
  rows = 0;
  /** Until then it may wait for company. */
  readyAt = Number.POSITIVE_INFINITY;
  /** Its place among the active groups. */
  index = -1;

  constructor(key: string | number) {
    this.key = key;
  }
}

function older<P, R>(a: Part<P, R> | undefined, b: Part<P, R> | undefined): Part<P, R> | undefined {
  if (!a || !b) return a ?? b;
  return b.request.order < a.request.order ? b : a;
}

export class WaitingRoom<P, R> {
  policy: BatchPolicy;
  requests = 0;
  bytes = 0;
  /** Rows that wait, by priority. */
  readonly rows: Record<Priority, number> = { high: 0, low: 0 };
  private readonly groups = new Map<string | number, Group<P, R>>();
  private readonly active: Group<P, R>[] = [];
  private highRuns = 0;

  constructor(policy: BatchPolicy) {
    this.policy = policy;
  }

  /** `first`: ahead of its group, as one that ran already. */
  add(part: Part<P, R>, first: boolean): void {
    const { request } = part;
    const group = this.groups.get(request.group) ?? this.addGroup(request.group);
    const list = group[request.priority];
    if (first) list.prepend(part);
    else list.append(part);
    group.rows += part.rows;
    this.rows[request.priority] += part.rows;
    group.readyAt = Math.min(group.readyAt, this.readyAtOf(part));
    if (request.waitingParts === 0) {
      this.requests += 1;
      this.bytes += request.bytes;
    }
    request.waitingParts += 1;
  }

  /** Does nothing when it does not wait. */
  remove(part: Part<P, R>): void {
    if (!part.list) return;
    const { request } = part;
    const group = this.groups.get(request.group) as Group<P, R>;
    part.list.remove(part);
    group.rows -= part.rows;
    this.rows[request.priority] -= part.rows;
    request.waitingParts -= 1;
    if (request.waitingParts === 0) {
      this.requests -= 1;
      this.bytes -= request.bytes;
    }
    if (group.rows === 0) this.removeGroup(group);
  }

  /** The part that the next run starts with; undefined when nothing waits but for company. */
  findNext(now: number): Part<P, R> | undefined {
    let high: Part<P, R> | undefined;
    let low: Part<P, R> | undefined;
    for (const group of this.active) {
      if (group.readyAt > now && group.rows < this.policy.maxBatch) continue;
      high = older(high, group.high.head);
      low = older(low, group.low.head);
    }
    if (!high || !low) return high ?? low;
    return this.highRuns < highRunsBetween ? high : low;
  }

  /** Takes `lead` and what may run with it. */
  take(lead: Part<P, R>, now: number): Part<P, R>[] {
    const { priority } = lead.request;
    const group = this.groups.get(lead.request.group) as Group<P, R>;
    const parts = [lead];
    this.remove(lead);
    if (!lead.alone && this.policy.acrossRequests) {
      const rows = this.fill(parts, lead.rows, group[priority], now);
      this.fill(parts, rows, group[priority === 'high' ? 'low' : 'high'], now);
    }
    this.highRuns = priority === 'high' && this.rows.low > 0 ? this.highRuns + 1 : 0;
    return parts;
  }

  /** When the next group stops waiting for company; Infinity when none waits. */
  get nextReadyAt(): number {
    let earliest = Number.POSITIVE_INFINITY;
    for (const { readyAt } of this.active) earliest = Math.min(earliest, readyAt);
    return earliest;
  }

  /** Everything that waits. */
  all(): Part<P, R>[] {
    const parts: Part<P, R>[] = [];
    for (const { high, low } of this.active)
      for (const list of [high, low])
        for (let part = list.head; part; part = part.next) parts.push(part);
    return parts;
  }

  /** Adds parts of `list` that fit. Returns the rows that the run has then. */
  private fill(
    parts: Part<P, R>[],
    rowsBefore: number,
    list: LinkedList<Part<P, R>>,
    now: number,
  ): number {
    const { maxBatch } = this.policy;
    let rows = rowsBefore;
    let passedOver = 0;
    for (let part = list.head; part && rows < maxBatch && passedOver < mostPassedOver; ) {
      const { next } = part;
      if (part.alone || rows + part.rows > maxBatch || part.request.deadline <= now) {
        passedOver += 1;
      } else {
        this.remove(part);
        parts.push(part);
        rows += part.rows;
      }
      part = next;
    }
    return rows;
  }

  /** Never past half of the time that is left to it: the other half is for running. */
  private readyAtOf({ alone, request }: Part<P, R>): number {
    const { maxDelayMs, acrossRequests } = this.policy;
    if (maxDelayMs === 0 || alone || !acrossRequests) return Number.NEGATIVE_INFINITY;
    const { submittedAt, deadline } = request;
    return submittedAt + Math.min(maxDelayMs, (deadline - submittedAt) / 2);
  }

  private addGroup(key: string | number): Group<P, R> {
    const group = new Group<P, R>(key);
    group.index = this.active.length;
    this.groups.set(key, group);
    this.active.push(group);
    return group;
  }

  private removeGroup(group: Group<P, R>): void {
    const last = this.active.pop() as Group<P, R>;
    if (last !== group) {
      last.index = group.index;
      this.active[group.index] = last;
    }
    this.groups.delete(group.key);
  }
}
