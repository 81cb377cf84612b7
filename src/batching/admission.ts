/** Who may wait: room in the queue, and a deadline that the current wait leaves within reach. */

import { ServingError } from '../errors.ts';
import type { InstanceSlots } from './instance-slots.ts';
import type { BatchRequest, Priority } from './queued-request.ts';
import type { Load, WaitEstimate } from './wait-estimate.ts';
import type { WaitingRoom } from './waiting-room.ts';

export interface QueueLimits {
  /** Requests and bytes that wait at most; what runs does not count. */
  readonly maxRequests: number;
  readonly maxBytes: number;
}

/** What admission has to know of a request. */
export type Applicant = Pick<BatchRequest<unknown>, 'rows' | 'bytes' | 'deadline' | 'priority'>;

export interface AdmissionOptions {
  readonly model: string;
  readonly limits: QueueLimits;
  readonly room: Pick<WaitingRoom<unknown, unknown>, 'requests' | 'bytes' | 'rows'>;
  readonly slots: Pick<InstanceSlots<unknown>, 'anyFree' | 'count' | 'rowsRunning'>;
  readonly estimate: WaitEstimate;
}

export interface Admission {
  /** Throws QUEUE_FULL, DEADLINE_UNREACHABLE or DEADLINE_EXCEEDED. `now`: milliseconds of the clock. */
  check(applicant: Applicant, now: number): void;
  /** Milliseconds until a newcomer would run; undefined when nothing is known. */
  waitMs(priority: Priority): number | undefined;
}

export function createAdmission(options: AdmissionOptions): Admission {
  const { model, limits, room, slots, estimate } = options;

  function loadFor(priority: Priority = 'high'): Load {
    const rowsAhead = room.rows.high + (priority === 'low' ? room.rows.low : 0);
    return { rowsAhead, rowsRunning: slots.rowsRunning, instances: slots.count };
  }

  function full(limit: string, { priority }: Applicant): ServingError<'QUEUE_FULL'> {
    const retryAfterSeconds = estimate.retryAfterSeconds(loadFor(priority));
    return new ServingError('QUEUE_FULL', { model, limit, retryAfterSeconds });
  }

  /** An answer that would come too late is refused instead. */
  function checkReachable({ rows, deadline, priority }: Applicant, now: number): void {
    if (deadline === undefined) return;
    const load = loadFor(priority);
    const waitMs = estimate.waitMs(load);
    if (waitMs === undefined) return;
    const neededMs = waitMs + rows * (estimate.msPerRow ?? 0);
    if (now + neededMs <= deadline) return;
    throw new ServingError('DEADLINE_UNREACHABLE', {
      model,
      neededMs: Math.ceil(neededMs),
      leftMs: Math.floor(deadline - now),
      retryAfterSeconds: estimate.retryAfterSeconds(load),
    });
  }

  return {
    check(applicant, now) {
      const { bytes, deadline } = applicant;
      if (deadline !== undefined && deadline <= now)
        throw new ServingError('DEADLINE_EXCEEDED', { model, afterMs: 0 });
      if (slots.anyFree && room.requests === 0) return;
      if (room.requests >= limits.maxRequests)
        throw full(`${limits.maxRequests} requests`, applicant);
      // One request larger than the limit may wait alone, so that it is answered at all.
      if (room.requests > 0 && room.bytes + bytes > limits.maxBytes)
        throw full(`${limits.maxBytes} bytes`, applicant);
      // A free instance runs whatever the estimate says, which is how a stale one is corrected.
      if (!slots.anyFree) checkReachable(applicant, now);
    },
    waitMs: (priority) => estimate.waitMs(loadFor(priority)),
  };
}
