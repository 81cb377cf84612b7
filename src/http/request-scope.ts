/**
 * What belongs to one HTTP request: its id, its priority, its deadline from its first line on, and that its
 * client is gone.
 */

import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../batching/clock.ts';
import type { Priority } from '../batching/queued-request.ts';
import { ServingError } from '../errors.ts';
import type { InferenceService } from '../serving/inference-service.ts';
import type { Sticky } from '../serving/model-registry.ts';
import type { OpenLife } from '../serving/request-life.ts';
import { createRequestLives } from '../serving/request-life.ts';
import type { ServedVersion } from '../serving/served-version.ts';
import { stickyValueOf } from '../serving/sticky-value.ts';
import type { RequestGate } from './request-gate.ts';

const timeoutHeader = 'x-request-timeout-ms';
const priorityHeader = 'x-request-priority';

/** What a request for a prediction asks, known before its body. */
export interface RequestScope {
  readonly model: string;
  readonly version: string | undefined;
  /** The version that answers it, held until its response is closed. */
  readonly served: ServedVersion;
  readonly life: OpenLife;
}

/** The request's own time limit when it is shorter than the server's. Throws REQUEST_MALFORMED. */
export function timeoutOf(request: FastifyRequest, serverLimitMs: number): number {
  const text = request.headers[timeoutHeader];
  if (text === undefined) return serverLimitMs;
  if (typeof text !== 'string' || !/^[1-9]\d{0,8}$/.test(text)) {
    throw new ServingError('REQUEST_MALFORMED', {
      problem: 'X-Request-Timeout-Ms is not a whole number of milliseconds',
    });
  }
  return Math.min(Number(text), serverLimitMs);
}

/** Throws REQUEST_MALFORMED. */
export function priorityOf(request: FastifyRequest): Priority {
  const text = request.headers[priorityHeader];
  if (text === undefined || text === 'high') return 'high';
  if (text === 'low') return 'low';
  throw new ServingError('REQUEST_MALFORMED', {
    problem: 'X-Request-Priority is neither "high" nor "low"',
  });
}

export interface ScopeOptions {
  readonly service: InferenceService;
  readonly gate: RequestGate;
  readonly timeoutMs: number;
  readonly clock: Clock;
}

export interface RequestScopes {
  /**
   * Hook for the first line of a request: finds its model, so that a wrong name costs no body, and starts
   * its time. Calls back with SHUTTING_DOWN, REQUEST_MALFORMED and what `resolve` throws.
   */
  open(request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void): void;
  /** The scope of a request whose body has come; it answers for the request from now on. */
  take(request: FastifyRequest): RequestScope;
}

interface Opened extends RequestScope {
  taken: boolean;
}

export function createRequestScopes(options: ScopeOptions): RequestScopes {
  const { service, gate, timeoutMs, clock } = options;
  const lives = createRequestLives(clock);
  const scopes = new WeakMap<FastifyRequest, Opened>();

  function open(request: FastifyRequest, reply: FastifyReply): void {
    const acceptedAt = clock.now();
    const { raw } = reply;
    const params = request.params as { model?: string; version?: string };
    const { model = service.registry.defaultName(), version } = params;
    const keyOf = (sticky: Sticky): string | undefined => stickyValueOf(request.headers, sticky);
    const served = service.acquire(model, version, keyOf);
    let life: OpenLife;
    try {
      const limitMs = timeoutOf(request, Math.min(timeoutMs, served.timeLimitMs));
      life = lives.open({ model, acceptedAt, limitMs, priority: priorityOf(request) });
      gate.enter(raw, () => {
        served.release();
        if (!raw.writableFinished) life.end(new ServingError('REQUEST_CANCELLED', {}));
        life.close();
      });
    } catch (error) {
      served.release();
      throw error;
    }
    const scope: Opened = { model, version, served, life, taken: false };
    scopes.set(request, scope);
    // Time may be over while the body is still on its way, and then nobody else would say so.
    life.attach({
      cancel(reason) {
        if (scope.taken || raw.destroyed) return;
        reply.header('connection', 'close').send(reason);
      },
    });
  }

  return {
    open(request, reply, done) {
      try {
        open(request, reply);
        done();
      } catch (error) {
        done(error as Error);
      }
    },
    take(request) {
      const scope = scopes.get(request) as Opened;
      scope.taken = true;
      scope.life.throwIfEnded();
      return scope;
    },
  };
}
