/**
 * What comes in that never becomes a request of a route: bytes that are no HTTP, headers without end,
 * a path that cannot be decoded. It gets the same body as every other error.
 */

import type { Socket } from 'node:net';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { messageOf, ServingError } from '../errors.ts';
import { toErrorAnswer } from './error-answer.ts';

// Not imported: as an ES module node:http evaluates the whole of undici (docs/decisions/start-up.md).
const { STATUS_CODES } = process.getBuiltinModule('node:http');

interface ParserError extends Error {
  readonly code?: string;
  /** What the parser says in words: "Invalid method encountered". */
  readonly reason?: string;
}

function problemOf(error: ParserError): { readonly status: number; readonly problem: string } {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return { status: 431, problem: 'its headers are too long' };
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return { status: 408, problem: 'it did not arrive within the time limit' };
    default:
      return { status: 400, problem: error.reason ?? messageOf(error) };
  }
}

/** Answers on the bare socket and closes it: nothing that follows on it can be trusted. */
export function refuseBrokenHttp(error: ParserError, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  if (!socket.writable) {
    socket.destroy(error);
    return;
  }
  const { status, problem } = problemOf(error);
  const { headers, body } = toErrorAnswer(new ServingError('REQUEST_MALFORMED', { problem }));
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}

/** What the router refuses before there is a route: a path that is not UTF-8, or too long a name in it. */
export function refuseBadPath(
  error: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const problem =
    error.code === 'FST_ERR_MAX_PARAM_LENGTH'
      ? 'a name in its path is too long'
      : `its path ${JSON.stringify(request.url.slice(0, 200))} cannot be decoded`;
  const { status, headers, body } = toErrorAnswer(
    new ServingError('REQUEST_MALFORMED', { problem }),
    request.url,
  );
  reply.code(status).headers(headers).send(Buffer.from(body));
}
