/**
 * A request in the scheduler, and the parts in which it runs: one, or several when it has more rows
 * than a run takes.
 */

import type { Expiring } from './deadline-wheel.ts';
import type { Linked, LinkedList } from './linked-list.ts';

/** 'high' runs before 'low'; 'low' gets at least one run in eight (waiting-room.ts). */
export type Priority = 'high' | 'low';

export interface BatchRequest<Payload> {
  readonly payload: Payload;
  /** At least 1. */
  readonly rows: number;
  /** What it holds in memory while it waits. */
  readonly bytes: number;
  /** Rows of different groups never share a run: version, signature, wanted outputs, row shape. */
  readonly group: string | number;
  /** Absent: 'high'. */
  readonly priority?: Priority | undefined;
  /** Milliseconds of the scheduler's clock; absent: never. */
  readonly deadline?: number | undefined;
  /** When its caller began to count the time of `deadline`; absent: now. For the message. */
  readonly acceptedAt?: number | undefined;
  /** Room was reserved for it: its limits are not checked again. */
  readonly admitted?: boolean | undefined;
  /** Shares no run with another request. */
  readonly alone?: boolean | undefined;
}

/** What a request's caller holds. */
export interface Ticket<Result> {
  /** Settles once: with the result, or with the reason of the failure. */
  readonly answer: Promise<Result>;
  /** Gives up: a part that waits never runs, and the answer fails with `reason` at once. */
  cancel(reason: Error): void;
}

/** Rows of one request that run together: `rows` rows from row `fromRow` on. */
export interface BatchPart<Payload> {
  readonly payload: Payload;
  readonly fromRow: number;
  readonly rows: number;
  /** True when it is all of its request. */
  readonly whole: boolean;
  /** When its request came, in milliseconds of the clock. */
  readonly submittedAt: number;
}

export class Part<Payload, Result> implements BatchPart<Payload>, Linked<Part<Payload, Result>> {
  readonly request: QueuedRequest<Payload, Result>;
  readonly fromRow: number;
  readonly rows: number;
  alone: boolean;
  /** Instances that died while they ran it. */
  deaths = 0;
  /** Instances that had it and died before they began. */
  innocentDeaths = 0;
  result: Result | undefined = undefined;
  next: Part<Payload, Result> | undefined = undefined;
  previous: Part<Payload, Result> | undefined = undefined;
  list: LinkedList<Part<Payload, Result>> | undefined = undefined;

  constructor(
    request: QueuedRequest<Payload, Result>,
    fromRow: number,
    rows: number,
    alone: boolean,
  ) {
    this.request = request;
    this.fromRow = fromRow;
    this.rows = rows;
    this.alone = alone;
  }

  get payload(): Payload {
    return this.request.payload;
  }

  get whole(): boolean {
    return this.request.parts.length === 1;
  }

  get submittedAt(): number {
    return this.request.submittedAt;
  }
}

/** Calls back when a request's caller gives up (`Ticket.cancel`). */
export type GiveUp<Payload, Result> = (
  request: QueuedRequest<Payload, Result>,
  reason: Error,
) => void;

export class QueuedRequest<Payload, Result>
  implements Ticket<Result>, Expiring<QueuedRequest<Payload, Result>>
{
  readonly payload: Payload;
  readonly bytes: number;
  readonly group: string | number;
  readonly priority: Priority;
  readonly deadline: number;
  readonly acceptedAt: number;
  readonly submittedAt: number;
  /** Place in the order of arrival. */
  readonly order: number;
  readonly parts: Part<Payload, Result>[] = [];
  readonly answer: Promise<Result>;
  resolve!: (result: Result) => void;
  reject!: (reason: Error) => void;
  settled = false;
  waitingParts = 0;
  unansweredParts = 0;
  next: QueuedRequest<Payload, Result> | undefined = undefined;
  previous: QueuedRequest<Payload, Result> | undefined = undefined;
  list: LinkedList<QueuedRequest<Payload, Result>> | undefined = undefined;
  private readonly giveUp: GiveUp<Payload, Result>;

  constructor(
    request: BatchRequest<Payload>,
    order: number,
    submittedAt: number,
    giveUp: GiveUp<Payload, Result>,
  ) {
    this.payload = request.payload;
    this.bytes = request.bytes;
    this.group = request.group;
    this.priority = request.priority ?? 'high';
    this.deadline = request.deadline ?? Number.POSITIVE_INFINITY;
    this.acceptedAt = request.acceptedAt ?? submittedAt;
    this.order = order;
    this.submittedAt = submittedAt;
    this.giveUp = giveUp;
    this.answer = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  /** Cuts it into parts of at most `mostRows` rows. */
  cut(rows: number, mostRows: number, alone: boolean): void {
    for (let row = 0; row < rows; row += mostRows) {
      this.parts.push(new Part(this, row, Math.min(mostRows, rows - row), alone));
    }
    this.unansweredParts = this.parts.length;
  }

  cancel(reason: Error): void {
    this.giveUp(this, reason);
  }
}
