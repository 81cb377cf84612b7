/**
 * The time that a request has and whether anybody still waits for it, from accept to answer, whatever
 * the transport: one deadline, one end.
 *
 * A request ends early when its time is over or its client is gone. Whatever is being done for it then
 * stops: a place in the queue by its ticket, a fetch or a decode by its signal. The signal is made only
 * when something asks for it, because one costs more than everything else that the queue does for a
 * request (docs/decisions/scheduler.md); all deadlines together have one timer.
 */

import type { Clock } from '../batching/clock.ts';
import type { Expiring } from '../batching/deadline-wheel.ts';
import { DeadlineWheel } from '../batching/deadline-wheel.ts';
import type { LinkedList } from '../batching/linked-list.ts';
import type { Priority } from '../batching/queued-request.ts';
import { ServingError } from '../errors.ts';

/** Something that stops when its request ends early, such as the scheduler's ticket. */
export interface Cancellable {
  cancel(reason: Error): void;
}

export interface RequestLife {
  /** When it was accepted and when its answer is due, in milliseconds of the clock. */
  readonly acceptedAt: number;
  readonly deadline: number;
  readonly priority: Priority;
  /** Aborts with DEADLINE_EXCEEDED or REQUEST_CANCELLED. */
  readonly signal: AbortSignal;
  /** Throws why it ended early, when it did. */
  throwIfEnded(): void;
  /** Cancels `work` when the request ends early, or at once when it did already. */
  attach(work: Cancellable): void;
  /** A part of the request, which ends with it and can be ended alone. */
  fork(): OpenLife;
}

/** What a request asks for in its body, when its life has begun already. */
export interface LifeChange {
  /** From its acceptance on; a longer time than it has is not given. */
  readonly timeoutMs?: number | undefined;
  readonly priority?: Priority | undefined;
}

/** What the one who opened it holds. */
export interface OpenLife extends RequestLife {
  /** Before anything is done for it. */
  change(asked: LifeChange): void;
  /** Stops everything that is being done for it; does nothing after the first time or after `close`. */
  end(reason: Error): void;
  /** The request is answered: its deadline means nothing any more. */
  close(): void;
}

export interface LifeOptions {
  /** Named in the message when time is over. */
  readonly model: string;
  readonly acceptedAt: number;
  readonly limitMs: number;
  readonly priority?: Priority | undefined;
}

class Life implements OpenLife, Expiring<Life> {
  readonly acceptedAt: number;
  deadline: number;
  priority: Priority;
  private readonly model: string;
  next: Life | undefined = undefined;
  previous: Life | undefined = undefined;
  list: LinkedList<Life> | undefined = undefined;
  private readonly wheel: DeadlineWheel<Life>;
  private work: Cancellable[] = [];
  private controller: AbortController | undefined = undefined;
  private reason: Error | undefined = undefined;
  private closed = false;

  constructor(wheel: DeadlineWheel<Life>, options: LifeOptions) {
    this.wheel = wheel;
    this.model = options.model;
    this.acceptedAt = options.acceptedAt;
    this.deadline = options.acceptedAt + options.limitMs;
    this.priority = options.priority ?? 'high';
  }

  get signal(): AbortSignal {
    if (!this.controller) {
      this.controller = new AbortController();
      if (this.reason) this.controller.abort(this.reason);
    }
    return this.controller.signal;
  }

  throwIfEnded(): void {
    if (this.reason) throw this.reason;
  }

  change({ timeoutMs, priority = this.priority }: LifeChange): void {
    this.priority = priority;
    const deadline = this.acceptedAt + (timeoutMs ?? Number.POSITIVE_INFINITY);
    if (this.closed || deadline >= this.deadline) return;
    this.wheel.remove(this);
    this.deadline = deadline;
    this.wheel.add(this);
  }

  attach(work: Cancellable): void {
    if (this.reason) work.cancel(this.reason);
    else this.work.push(work);
  }

  fork(): OpenLife {
    const { model, acceptedAt, deadline, priority } = this;
    const limitMs = deadline - acceptedAt;
    const part = new Life(this.wheel, { model, acceptedAt, limitMs, priority });
    this.attach({ cancel: (reason) => part.end(reason) });
    return part;
  }

  /** Its time is over. */
  expire(): void {
    const afterMs = Math.round(this.deadline - this.acceptedAt);
    this.end(new ServingError('DEADLINE_EXCEEDED', { model: this.model, afterMs }));
  }

  end(reason: Error): void {
    if (this.reason || this.closed) return;
    this.reason = reason;
    const { work } = this;
    this.close();
    this.controller?.abort(reason);
    for (const one of work) one.cancel(reason);
  }

  close(): void {
    this.closed = true;
    this.wheel.remove(this);
    this.work = [];
  }
}

export interface RequestLives {
  open(options: LifeOptions): OpenLife;
}

export function createRequestLives(clock: Clock): RequestLives {
  const wheel = new DeadlineWheel<Life>(clock, (life) => life.expire());
  return {
    open(options) {
      const life = new Life(wheel, options);
      wheel.add(life);
      return life;
    },
  };
}
