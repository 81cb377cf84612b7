/**
 * What is said of every request: its id and its trace back to the caller, one line of the log at debug,
 * one count of the metrics.
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ServingError } from '../errors.ts';
import type { Timings } from '../serving/inference-types.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { traceParentFrom } from '../telemetry/trace-parent.ts';

/** What a prediction was answered with, as far as the log tells. */
interface Answered {
  readonly model: string;
  readonly version: string;
  readonly timings: Timings;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The caller's own, when it sent a valid one. */
    traceparent: string | undefined;
    /** Why it got no answer. */
    refusal: ServingError | undefined;
    answered: Answered | undefined;
  }
}

/** What every line of the log about a request begins with. */
export function identityOf({ id, traceparent }: FastifyRequest): object {
  return traceparent === undefined ? { requestId: id } : { requestId: id, traceparent };
}

const rounded = (milliseconds: number): number => Math.round(milliseconds * 1000) / 1000;

function lineOf(request: FastifyRequest, reply: FastifyReply): object {
  const { method, url, refusal, answered } = request;
  return {
    ...identityOf(request),
    method,
    url: url.slice(0, 200),
    status: reply.statusCode,
    ms: rounded(reply.elapsedTime),
    ...(refusal ? { code: refusal.code, error: refusal.message } : {}),
    ...(answered
      ? {
          model: answered.model,
          version: answered.version,
          queueMs: rounded(answered.timings.queueMs),
          runMs: rounded(answered.timings.runMs),
        }
      : {}),
  };
}

export function registerRequestLog(
  app: FastifyInstance,
  { log, metrics }: { readonly log: Log; readonly metrics: Metrics },
): void {
  app.decorateRequest('traceparent', undefined);
  app.decorateRequest('refusal', undefined);
  app.decorateRequest('answered', undefined);
  // The level does not change while the server runs.
  const tells = log.isLevelEnabled('debug');

  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id);
    const { traceparent } = request.headers;
    if (traceparent !== undefined) {
      request.traceparent = traceParentFrom(traceparent);
      if (request.traceparent !== undefined) reply.header('traceparent', request.traceparent);
    }
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    const { refusal } = request;
    const route = request.is404 ? '' : (request.routeOptions.url ?? '');
    metrics.countHttp(route, reply.statusCode, refusal?.code ?? 'OK');
    if (tells) log.debug(lineOf(request, reply), 'request');
    done();
  });
}
