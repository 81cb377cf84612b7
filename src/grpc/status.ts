/**
 * Errors as gRPC statuses: one total map from kind to status, and what goes beside it.
 *
 * The trailing metadata carries `modelship-code` (the stable code of docs/errors.md) and, where a retry
 * has a time, `grpc-retry-pushback-ms`, by which clients with a retry policy wait.
 */

import type { ServiceError } from '@grpc/grpc-js';
import { status as codes, Metadata } from '@grpc/grpc-js';
import type { ErrorKind, ServingError } from '../errors.ts';

export const statusOfKind = {
  'invalid-argument': codes.INVALID_ARGUMENT,
  'permission-denied': codes.PERMISSION_DENIED,
  'not-found': codes.NOT_FOUND,
  'method-not-allowed': codes.UNIMPLEMENTED,
  // Not RESOURCE_EXHAUSTED, which clients try again: it never becomes smaller.
  'too-large': codes.INVALID_ARGUMENT,
  'too-slow': codes.UNAVAILABLE,
  'unsupported-media': codes.INVALID_ARGUMENT,
  'resource-exhausted': codes.RESOURCE_EXHAUSTED,
  cancelled: codes.CANCELLED,
  internal: codes.INTERNAL,
  'failed-precondition': codes.FAILED_PRECONDITION,
  aborted: codes.ABORTED,
  unimplemented: codes.UNIMPLEMENTED,
  unavailable: codes.UNAVAILABLE,
  'deadline-exceeded': codes.DEADLINE_EXCEEDED,
} as const satisfies Record<ErrorKind, number>;

/** What grpc-js takes as the end of a call. */
export type Failure = Pick<ServiceError, 'code' | 'details' | 'metadata'>;

/** grpc-js writes texts with encodeURI, which throws on half a surrogate pair, and headers are bounded. */
const longestDetails = 4000;

/** `text`: the error in other words. */
export function toFailure(error: ServingError, text = error.message): Failure {
  const metadata = new Metadata();
  metadata.set('modelship-code', error.code);
  if ('retryAfterSeconds' in error.details) {
    const milliseconds = 1000 * Number(error.details.retryAfterSeconds);
    metadata.set('grpc-retry-pushback-ms', String(milliseconds));
  }
  const details = text.slice(0, longestDetails).toWellFormed();
  return { code: statusOfKind[error.kind], details, metadata };
}
