/**
 * Errors as HTTP answers: one total map from kind to status, one shape of body.
 *
 * The body is {"success": false, "error": "<message>", "code": "<CODE>"}: `error` is what Open Inference
 * clients read, `success` what the clients of articles 000 and 004 test. Under /v2 it is as the protocol has
 * it, without `success`, and under /v1 it is TensorFlow Serving's: {"error": "<message>"}.
 */

import type { FastifyError } from 'fastify';
import type { ErrorKind } from '../errors.ts';
import { ServingError } from '../errors.ts';
import { describeRestError } from '../protocol/tensorflow-serving/error-text.ts';
import { isRestPath } from '../protocol/tensorflow-serving/rest-path.ts';

export const statusOfKind = {
  'invalid-argument': 400,
  'permission-denied': 403,
  'not-found': 404,
  'method-not-allowed': 405,
  'too-large': 413,
  'too-slow': 408,
  'unsupported-media': 415,
  'resource-exhausted': 429,
  // nginx's "client closed request": nobody reads it, but logs and metrics do.
  cancelled: 499,
  internal: 500,
  'failed-precondition': 400,
  aborted: 409,
  unimplemented: 501,
  unavailable: 503,
  'deadline-exceeded': 504,
} as const satisfies Record<ErrorKind, number>;

export function statusOf(error: ServingError): number {
  return statusOfKind[error.kind];
}

export interface ErrorAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const underOpenInference = /^\/v2(\/|\?|$)/;

function bodyOf(failure: ServingError, path: string): object {
  const { message, code } = failure;
  if (isRestPath(path)) return describeRestError(failure, path.split('?', 1)[0] ?? path);
  const body = { error: message, code };
  return underOpenInference.test(path) ? body : { success: false, ...body };
}

/** `path`: what was asked for, as far as that is known. */
export function toErrorAnswer(error: ServingError, path = ''): ErrorAnswer {
  // KServe's client reads the body only under exactly this type.
  const type = underOpenInference.test(path)
    ? 'application/json'
    : 'application/json; charset=utf-8';
  const headers: Record<string, string> = { 'content-type': type };
  if ('retryAfterSeconds' in error.details)
    headers['retry-after'] = String(error.details.retryAfterSeconds);
  if (error.code === 'METHOD_NOT_ALLOWED') {
    headers.allow = (error as ServingError<'METHOD_NOT_ALLOWED'>).details.allowed.join(', ');
  }
  if (error.code === 'CONTENT_ENCODING_UNSUPPORTED') {
    const { expected } = (error as ServingError<'CONTENT_ENCODING_UNSUPPORTED'>).details;
    headers['accept-encoding'] = expected.join(', ');
  }
  const body = JSON.stringify(bodyOf(error, path));
  return { status: statusOf(error), headers, body };
}

/** What fastify itself refuses, in our terms; undefined when it is none of those. */
export function fromFastifyError(error: FastifyError): ServingError | undefined {
  switch (error.code) {
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new ServingError('CONTENT_TYPE_UNSUPPORTED', {
        contentType: 'unreadable',
        expected: ['a valid media type'],
      });
    default:
      return error.statusCode === 400
        ? new ServingError('REQUEST_MALFORMED', { problem: error.message })
        : undefined;
  }
}
