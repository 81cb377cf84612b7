/**
 * Every call from its first header to the end of its stream: its identity, the memory that its messages
 * hold, which calls a shutdown waits for.
 *
 * It is an interceptor of grpc-js, and looks at the HTTP/2 stream of the call beside it, which grpc-js keeps
 * to itself: nothing else shows a message before it is whole, and a message may have 64 MB. A test fails
 * when that stream is no longer there.
 */

import type { ServerHttp2Stream } from 'node:http2';
import type {
  Metadata,
  ServerInterceptingCallInterface,
  ServerMethodDefinition,
} from '@grpc/grpc-js';
import { ServerInterceptingCall } from '@grpc/grpc-js';
import type { Clock } from '../batching/clock.ts';
import { ServingError } from '../errors.ts';
import type { ByteBudget } from '../serving/byte-budget.ts';
import type { Log } from '../telemetry/log.ts';
import { requestIdFrom } from '../telemetry/request-id.ts';
import { traceParentFrom } from '../telemetry/trace-parent.ts';
import type { CallGate } from './call-gate.ts';
import type { CallReport } from './call-report.ts';
import { identify } from './call-report.ts';
import type { CallWatch } from './call-watch.ts';
import { OpenCall } from './open-call.ts';
import { toFailure } from './status.ts';

const { randomUUID } = process.getBuiltinModule('node:crypto');

export interface CallIntakeOptions {
  readonly budget: ByteBudget;
  readonly gate: CallGate;
  readonly watch: CallWatch;
  readonly report: CallReport;
  readonly clock: Clock;
  readonly log: Log;
  /** Calls of these paths are work: a shutdown waits for them. */
  readonly workPaths: ReadonlySet<string>;
}

/** A client counts its deadline from before its request came here, and may be the first to end the call. */
const clientAheadMs = 50;

type Method = Pick<ServerMethodDefinition<unknown, unknown>, 'path' | 'requestStream'>;

export interface CallIntake {
  intercept(method: Method, call: ServerInterceptingCallInterface): ServerInterceptingCall;
  /** The call whose handler was given this metadata. */
  of(metadata: Metadata): OpenCall;
}

function streamOf(call: ServerInterceptingCallInterface): ServerHttp2Stream {
  const { stream } = call as { readonly stream?: ServerHttp2Stream };
  if (!stream) throw new Error('grpc-js does not show the stream of a call any more');
  return stream;
}

/** A text of the metadata; undefined when it is not there. */
export function textOf(metadata: Metadata, name: string): string | undefined {
  const [value] = metadata.get(name);
  return typeof value === 'string' ? value : undefined;
}

export function createCallIntake(options: CallIntakeOptions): CallIntake {
  const { budget, gate, watch, report, clock, log, workPaths } = options;
  const calls = new WeakMap<Metadata, OpenCall>();

  /** `deadline`: in milliseconds of the date, as grpc-js has it. */
  function open(path: string, metadata: Metadata, deadline: number): OpenCall {
    const acceptedAt = clock.now();
    const call = new OpenCall({
      path,
      metadata,
      log,
      requestId: requestIdFrom(textOf(metadata, 'x-request-id'), randomUUID),
      traceparent: traceParentFrom(textOf(metadata, 'traceparent')),
      acceptedAt,
      deadline: acceptedAt + (deadline - Date.now()),
      hold: budget.open(),
    });
    calls.set(metadata, call);
    return call;
  }

  /** Why nobody waits any more, for work that still goes on. */
  function reasonOfEnd({ parts }: OpenCall): ServingError {
    if (clock.now() < parts.deadline - clientAheadMs)
      return new ServingError('REQUEST_CANCELLED', {});
    const afterMs = Math.round(parts.deadline - parts.acceptedAt);
    return new ServingError('DEADLINE_EXCEEDED', { model: 'asked', afterMs });
  }

  function intercept(
    { path, requestStream }: Method,
    base: ServerInterceptingCallInterface,
  ): ServerInterceptingCall {
    const stream = streamOf(base);
    let call: OpenCall | undefined;

    const refuse = (error: ServingError): void => {
      call?.fail(error);
      call?.parts.hold.release();
      const failure = toFailure(error);
      if (call) identify(call, failure.metadata);
      intercepting.sendStatus(failure);
    };

    /** False when it is refused. */
    function begin(metadata: Metadata): boolean {
      const opened = open(path, metadata, Number(base.getDeadline()));
      call = opened;
      let leave = (): void => {};
      const forget = watch.add({ call: opened, stream, requestStream, refuse });
      stream.once('close', () => {
        forget();
        opened.close(() => reasonOfEnd(opened));
        leave();
        report.tell(opened, stream);
      });
      try {
        if (workPaths.has(path)) leave = gate.enter(opened);
      } catch (error) {
        refuse(error as ServingError);
      }
      return opened.refusal === undefined;
    }

    const intercepting = new ServerInterceptingCall(base, {
      start(next) {
        next({
          onReceiveMetadata(metadata, pass) {
            if (begin(metadata)) pass(metadata);
          },
        });
      },
      sendMetadata(metadata, next) {
        if (call) identify(call, metadata);
        next(metadata);
      },
    });
    return intercepting;
  }

  return { intercept, of: (metadata) => calls.get(metadata) as OpenCall };
}
