/**
 * Brings requests and instances together: a free instance takes what waits, up to `maxBatch` rows, and
 * an empty queue runs at once (docs/decisions/scheduler.md).
 *
 * Owns admission, the queue, retries and the settling of each request, exactly once.
 * Does not own what a row is (batch.ts merges and splits tensors), the processes, or restarts.
 */

import { ServingError } from '../errors.ts';
import type { Applicant, QueueLimits } from './admission.ts';
import { createAdmission } from './admission.ts';
import type { Clock } from './clock.ts';
import { DeadlineWheel } from './deadline-wheel.ts';
import type { FailurePolicy } from './failure-policy.ts';
import { defaultFailurePolicy } from './failure-policy.ts';
import type { InstanceSlot } from './instance-slots.ts';
import { InstanceSlots } from './instance-slots.ts';
import type { BatchPart, BatchRequest, Part, Priority, Ticket } from './queued-request.ts';
import { QueuedRequest } from './queued-request.ts';
import { WaitEstimate } from './wait-estimate.ts';
import type { BatchPolicy } from './waiting-room.ts';
import { WaitingRoom } from './waiting-room.ts';

/** What one run computes. */
export interface Batch<Payload> {
  readonly parts: readonly BatchPart<Payload>[];
  readonly rows: number;
  /** It ran before, and the instance died: whether it had begun matters when this one dies too. */
  readonly again: boolean;
}

export interface SchedulerOptions<Instance, Payload, Result> {
  /** How messages name what is served. */
  readonly model: string;
  readonly limits: QueueLimits;
  readonly policy: BatchPolicy;
  readonly clock: Clock;
  /** Runs once; gives one result for each part, in their order. */
  readonly runBatch: (instance: Instance, batch: Batch<Payload>) => Promise<readonly Result[]>;
  /** The result of a request from those of its parts, in the order of their rows. */
  readonly join: (results: readonly Result[]) => Result;
  /** A part runs once more. */
  readonly onRetry?: (() => void) | undefined;
  /** Absent: `defaultFailurePolicy`. */
  readonly failurePolicy?: FailurePolicy | undefined;
}

export interface Scheduler<Instance, Payload, Result> {
  /**
   * Queues a request, or runs it at once. Throws QUEUE_FULL, DEADLINE_UNREACHABLE, DEADLINE_EXCEEDED
   * or the reason of `close`; the answer fails with these or with what `runBatch` threw.
   */
  submit(request: BatchRequest<Payload>): Ticket<Result>;
  /**
   * Room for a request whose payload has still to be made, counted as if it waited already. Throws as
   * `submit` would now. Returns what gives the room back, which may be called more than once.
   */
  reserve(applicant: Applicant): () => void;
  addInstance(instance: Instance): void;
  /** The instance takes no more work; what it is running settles on its own. */
  removeInstance(instance: Instance): void;
  /** From the next run on; what was split stays split. */
  setPolicy(policy: BatchPolicy): void;
  /** What waits fails with `reason`; what is running settles on its own. */
  refuseWaiting(reason: Error): void;
  /** The same, and what comes later fails too. */
  close(reason: Error): void;
  /** How long a request would wait now, in milliseconds; undefined before the first run. */
  estimateWaitMs(priority?: Priority): number | undefined;
  /** Requests with a part that waits. */
  readonly waiting: number;
  readonly waitingBytes: number;
  /** Parts that are running, given up or not. */
  readonly running: number;
}

export function createScheduler<Instance, Payload, Result>(
  options: SchedulerOptions<Instance, Payload, Result>,
): Scheduler<Instance, Payload, Result> {
  type Request = QueuedRequest<Payload, Result>;
  type OnePart = Part<Payload, Result>;
  interface Run {
    readonly slot: InstanceSlot<Instance>;
    readonly parts: OnePart[];
    readonly rows: number;
    readonly again: boolean;
    readonly startedAt: number;
  }

  const { model, clock, runBatch, join } = options;
  const failurePolicy = options.failurePolicy ?? defaultFailurePolicy;
  const room = new WaitingRoom<Payload, Result>(options.policy);
  const slots = new InstanceSlots<Instance>();
  const estimate = new WaitEstimate();
  const admission = createAdmission({ model, limits: options.limits, room, slots, estimate });
  const wheel = new DeadlineWheel<Request>(clock, (request) => fail(request, expiryOf(request)));
  let arrivals = 0;
  let closed: Error | undefined;
  let companyAt = Number.POSITIVE_INFINITY;
  let cancelCompanyTimer: (() => void) | undefined;

  // Settling: each request passes one of these two once.

  function leave(request: Request): void {
    request.settled = true;
    wheel.remove(request);
  }

  function fail(request: Request, reason: Error): void {
    if (request.settled) return;
    leave(request);
    for (const part of request.parts) room.remove(part);
    request.reject(reason);
  }

  function refuseWaiting(reason: Error): void {
    for (const { request } of room.all()) fail(request, reason);
  }

  function succeed(part: OnePart, result: Result): void {
    const { request } = part;
    if (request.settled) return;
    part.result = result;
    request.unansweredParts -= 1;
    if (request.unansweredParts > 0) return;
    try {
      const { parts } = request;
      const whole = part.whole ? result : join(parts.map((one) => one.result as Result));
      leave(request);
      request.resolve(whole);
    } catch (error) {
      fail(request, error as Error);
    }
  }

  function expiryOf({ deadline, acceptedAt }: Request): ServingError<'DEADLINE_EXCEEDED'> {
    const afterMs = Math.max(0, Math.round(deadline - acceptedAt));
    return new ServingError('DEADLINE_EXCEEDED', { model, afterMs });
  }

  // Running

  function start(parts: OnePart[], now: number): void {
    let rows = 0;
    for (const part of parts) rows += part.rows;
    const again = (parts[0] as OnePart).deaths > 0;
    const run: Run = { slot: slots.take(parts.length, rows), parts, rows, again, startedAt: now };
    let outcome: Promise<readonly Result[]>;
    try {
      outcome = runBatch(run.slot.instance, run);
    } catch (error) {
      outcome = Promise.reject(error);
    }
    outcome.then(
      (results) => finish(run, results),
      (error: unknown) => handBack(run, error),
    );
  }

  function finish(run: Run, results: readonly Result[]): void {
    const { parts, rows, startedAt } = run;
    if (results.length !== parts.length) {
      const problem = `a run of ${parts.length} requests gave ${results.length} results.`;
      handBack(run, new ServingError('RUN_FAILED', { model, problem }));
      return;
    }
    const now = clock.now();
    // A run that was given ahead began when the one before it ended.
    estimate.addRun(rows, now - Math.max(startedAt, run.slot.endedAt));
    slots.giveBack(run.slot, parts.length, rows, now);
    for (let i = 0; i < parts.length; i += 1) succeed(parts[i] as OnePart, results[i] as Result);
    dispatch(now);
  }

  function handBack(run: Run, error: unknown): void {
    const death = failurePolicy.isDeath(error);
    if (death) slots.remove(run.slot.instance);
    const company = run.parts.length;
    slots.giveBack(run.slot, company, run.rows, clock.now());
    // From the last to the first, because each goes to the front.
    for (const part of run.parts.reverse()) {
      if (death) countDeath(part, failurePolicy.isInnocent(error));
      const { deaths, innocentDeaths } = part;
      const again = failurePolicy.runsAgain({ error, company, deaths, innocentDeaths });
      if (again && !closed) runAgain(part);
      else fail(part.request, (again && closed) || (error as Error));
    }
    dispatch(clock.now());
  }

  function countDeath(part: OnePart, innocent: boolean): void {
    if (innocent) part.innocentDeaths += 1;
    else part.deaths += 1;
  }

  function runAgain(part: OnePart): void {
    if (part.request.settled) return;
    options.onRetry?.();
    part.alone = true;
    room.add(part, true);
  }

  /** Full runs that are short: it would take longer to hand over the next one than to wait for this one. */
  function mayRunAhead(): boolean {
    const { maxBatch, aheadMs } = room.policy;
    if (aheadMs === undefined || !slots.anyWithoutNext) return false;
    if (room.rows.high + room.rows.low < maxBatch) return false;
    const { msPerRow } = estimate;
    return msPerRow !== undefined && msPerRow * maxBatch <= aheadMs;
  }

  function dispatch(now: number): void {
    while (room.requests > 0 && (slots.anyFree || mayRunAhead())) {
      const lead = room.findNext(now);
      if (!lead) {
        waitForCompany(now);
        break;
      }
      if (lead.request.deadline <= now) fail(lead.request, expiryOf(lead.request));
      else start(room.take(lead, now), now);
    }
  }

  function waitForCompany(now: number): void {
    const at = room.nextReadyAt;
    if (at >= companyAt) return;
    cancelCompanyTimer?.();
    companyAt = at;
    cancelCompanyTimer = clock.schedule(at - now, () => {
      companyAt = Number.POSITIVE_INFINITY;
      dispatch(clock.now());
    });
  }

  function enqueue(request: BatchRequest<Payload>, now: number): Request {
    arrivals += 1;
    const queued = new QueuedRequest<Payload, Result>(request, arrivals, now, fail);
    const { maxBatch, acrossRequests } = room.policy;
    const { rows, alone = false } = request;
    queued.cut(rows, acrossRequests ? maxBatch : rows, alone);
    for (const part of queued.parts) room.add(part, false);
    wheel.add(queued);
    return queued;
  }

  return {
    submit(request) {
      if (!(request.rows >= 1)) throw new RangeError(`a request of ${request.rows} rows`);
      const now = clock.now();
      if (closed) throw closed;
      admission.check(request, now);
      const queued = enqueue(request, now);
      dispatch(now);
      return queued;
    },
    reserve(applicant) {
      if (closed) throw closed;
      admission.check(applicant, clock.now());
      return admission.reserve(applicant);
    },
    addInstance(instance) {
      slots.add(instance);
      dispatch(clock.now());
    },
    removeInstance: (instance) => slots.remove(instance),
    setPolicy(policy) {
      room.policy = policy;
      dispatch(clock.now());
    },
    refuseWaiting,
    close(reason) {
      closed = reason;
      refuseWaiting(reason);
    },
    estimateWaitMs: (priority = 'high') => admission.waitMs(priority),
    get waiting() {
      return room.requests;
    },
    get waitingBytes() {
      return room.bytes;
    },
    get running() {
      return slots.running;
    },
  };
}
