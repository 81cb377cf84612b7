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
export type Applicant = Pick<
  BatchRequest<unknown>,
  'rows' | 'bytes' | 'deadline' | 'acceptedAt' | 'priority' | 'admitted'
>;

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
  /** Counts it as waiting until the returned function is called. */
  reserve(applicant: Applicant): () => void;
  /** Milliseconds until a newcomer would run; undefined when nothing is known. */
  waitMs(priority: Priority): number | undefined;
}

export function createAdmission(options: AdmissionOptions): Admission {
  const { model, limits, room, slots, estimate } = options;

  // What was reserved and is not in the queue yet.
  const reserved = { requests: 0, bytes: 0, rows: { high: 0, low: 0 } };

  function loadFor(priority: Priority = 'high'): Load {
    const waiting = (one: Priority): number => room.rows[one] + reserved.rows[one];
    const rowsAhead = waiting('high') + (priority === 'low' ? waiting('low') : 0);
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
      const { bytes, deadline, acceptedAt = now, admitted = false } = applicant;
      if (deadline !== undefined && deadline <= now) {
        const afterMs = Math.max(0, Math.round(deadline - acceptedAt));
        throw new ServingError('DEADLINE_EXCEEDED', { model, afterMs });
      }
      const requests = room.requests + reserved.requests;
      if (admitted || (slots.anyFree && requests === 0)) return;
      if (requests >= limits.maxRequests) throw full(`${limits.maxRequests} requests`, applicant);
      // One request larger than the limit may wait alone, so that it is answered at all.
      if (requests > 0 && room.bytes + reserved.bytes + bytes > limits.maxBytes)
        throw full(`${limits.maxBytes} bytes`, applicant);
      // A free instance runs whatever the estimate says, which is how a stale one is corrected.
      if (!slots.anyFree) checkReachable(applicant, now);
    },
    reserve({ rows, bytes, priority = 'high' }) {
      const change = (sign: 1 | -1): void => {
        reserved.requests += sign;
        reserved.bytes += sign * bytes;
        reserved.rows[priority] += sign * rows;
      };
      change(1);
      let held = true;
      return () => {
        if (held) change(-1);
        held = false;
      };
    },
    waitMs: (priority) => estimate.waitMs(loadFor(priority)),
  };
}
