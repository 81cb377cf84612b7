/** The time that a call for a prediction has, and that its client is gone: one deadline, one end. */

import type { Clock } from '../batching/clock.ts';
import type { Priority } from '../batching/queued-request.ts';
import { ServingError } from '../errors.ts';
import type { InferenceService } from '../serving/inference-service.ts';
import type { Sticky } from '../serving/model-registry.ts';
import type { OpenLife } from '../serving/request-life.ts';
import { createRequestLives } from '../serving/request-life.ts';
import type { ServedVersion } from '../serving/served-version.ts';
import { stickyValueOf } from '../serving/sticky-value.ts';
import { textOf } from './call-intake.ts';
import type { OpenCall } from './open-call.ts';

const priorityKey = 'x-request-priority';

/** What a request for a prediction means. */
export interface LifeAsk {
  readonly model: string;
  readonly version: string | undefined;
  /** When it was accepted; absent: with its call. */
  readonly acceptedAt?: number | undefined;
  /** The request's own time limit and priority, where its protocol has them. */
  readonly limitMs?: number | undefined;
  readonly priority?: Priority | undefined;
}

export interface CallLives {
  /**
   * Runs `work` within the time of the request, which ends early when its client goes, on the version that it
   * means: held from here, the first moment that it is known, until `work` is over. Throws what `acquire`
   * throws, REQUEST_MALFORMED and what `work` does.
   */
  run<T>(
    call: OpenCall,
    ask: LifeAsk,
    work: (life: OpenLife, served: ServedVersion) => Promise<T>,
  ): Promise<T>;
  now(): number;
}

/** Throws REQUEST_MALFORMED. */
function priorityOf({ parts }: OpenCall): Priority | undefined {
  const text = textOf(parts.metadata, priorityKey);
  if (text === undefined || text === 'high' || text === 'low') return text;
  throw new ServingError('REQUEST_MALFORMED', {
    problem: `the metadata ${priorityKey} is neither "high" nor "low"`,
  });
}

/** Metadata stands for headers. */
function keyOf({ parts }: OpenCall, sticky: Sticky): string | undefined {
  const name = 'header' in sticky ? sticky.header.toLowerCase() : 'cookie';
  return stickyValueOf({ [name]: textOf(parts.metadata, name) }, sticky);
}

export interface CallLivesOptions {
  readonly service: Pick<InferenceService, 'acquire'>;
  readonly timeoutMs: number;
  readonly clock: Clock;
}

export function createCallLives({ service, timeoutMs, clock }: CallLivesOptions): CallLives {
  const lives = createRequestLives(clock);

  function limitOf(
    { timeLimitMs }: ServedVersion,
    call: OpenCall,
    acceptedAt: number,
    ask: LifeAsk,
  ): number {
    const untilDeadline = call.parts.deadline - acceptedAt;
    return Math.min(timeoutMs, timeLimitMs, untilDeadline, ask.limitMs ?? timeoutMs);
  }

  return {
    now: () => clock.now(),
    async run(call, ask, work) {
      const { model, acceptedAt = call.parts.acceptedAt } = ask;
      const priority = priorityOf(call) ?? ask.priority;
      const served = service.acquire(model, ask.version, (sticky) => keyOf(call, sticky));
      const limitMs = limitOf(served, call, acceptedAt, ask);
      const life = lives.open({ model, acceptedAt, limitMs, priority });
      const forget = call.watch(life);
      try {
        return await work(life, served);
      } finally {
        forget();
        life.close();
        served.release();
      }
    },
  };
}
