/**
 * What is said of every call: its id and its trace back to the caller, one line of the log at debug, one
 * count of the metrics.
 */

import type { ServerHttp2Stream } from 'node:http2';
import type { Metadata } from '@grpc/grpc-js';
import { status as codes } from '@grpc/grpc-js';
import type { Clock } from '../batching/clock.ts';
import type { ErrorCode } from '../errors.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { OpenCall } from './open-call.ts';

export interface CallReportOptions {
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'countGrpc'>;
  readonly clock: Clock;
}

export interface CallReport {
  /** Its stream is closed. */
  tell(call: OpenCall, stream: ServerHttp2Stream): void;
}

/** Puts the call's id and trace into what goes back. */
export function identify({ parts }: OpenCall, metadata: Metadata): void {
  metadata.set('x-request-id', parts.requestId);
  if (parts.traceparent !== undefined) metadata.set('traceparent', parts.traceparent);
}

/** Of calls that grpc-js ended by itself: a message that is too long, time over, bad compression. */
const codesOfLibrary: Readonly<Record<number, ErrorCode | 'OK'>> = {
  [codes.OK]: 'OK',
  [codes.CANCELLED]: 'REQUEST_CANCELLED',
  [codes.DEADLINE_EXCEEDED]: 'DEADLINE_EXCEEDED',
  [codes.RESOURCE_EXHAUSTED]: 'BODY_TOO_LARGE',
  [codes.UNIMPLEMENTED]: 'REQUEST_MALFORMED',
  [codes.INTERNAL]: 'BODY_ENCODING_INVALID',
};

/** What the client was told; a call that ended without a status was left by its client. */
function sentStatus(stream: ServerHttp2Stream): number {
  const sent = stream.sentTrailers?.['grpc-status'] ?? stream.sentHeaders?.['grpc-status'];
  return sent === undefined ? codes.CANCELLED : Number(sent);
}

const rounded = (milliseconds: number): number => Math.round(milliseconds * 1000) / 1000;

export function createCallReport({ log, metrics, clock }: CallReportOptions): CallReport {
  // The level does not change while the server runs.
  const tells = log.isLevelEnabled('debug');

  function lineOf(call: OpenCall, status: string): object {
    const { parts, refusal, answered, identity } = call;
    return {
      ...identity,
      method: parts.path,
      status,
      ms: rounded(clock.now() - parts.acceptedAt),
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

  return {
    tell(call, stream) {
      const status = sentStatus(stream);
      const name = codes[status] ?? 'UNKNOWN';
      const code = call.refusal?.code ?? codesOfLibrary[status] ?? 'INTERNAL';
      metrics.countGrpc(call.parts.path, name, code);
      if (tells) log.debug(lineOf(call, name), 'call');
    },
  };
}
