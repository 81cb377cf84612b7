/**
 * What belongs to one HTTP request: its id, its deadline and the signal that its client is gone.
 */

import type { FastifyReply, FastifyRequest } from 'fastify';
import { ServingError } from '../errors.ts';
import type { RequestDeadline } from '../serving/request-deadline.ts';
import { startDeadline } from '../serving/request-deadline.ts';

const timeoutHeader = 'x-request-timeout-ms';

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

/** Runs `work` under the request's deadline; the signal aborts when time is over or the client is gone. */
export async function withDeadline<T>(
  request: FastifyRequest,
  reply: FastifyReply,
  options: { readonly timeoutMs: number; readonly model: string },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline: RequestDeadline = startDeadline(
    timeoutOf(request, options.timeoutMs),
    options.model,
  );
  const onClose = (): void => {
    if (!reply.raw.writableFinished) deadline.cancel();
  };
  reply.raw.once('close', onClose);
  try {
    return await work(deadline.signal);
  } finally {
    reply.raw.removeListener('close', onClose);
    deadline.clear();
  }
}

/** A request id of the caller's is kept when it is short and harmless to print. */
export function requestIdFrom(
  header: string | string[] | undefined,
  fallback: () => string,
): string {
  return typeof header === 'string' && /^[\w.:/+=-]{1,128}$/.test(header) ? header : fallback();
}
