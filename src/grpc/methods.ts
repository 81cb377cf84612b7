/**
 * Methods as this server has them: they take the bytes of a message and give the bytes of an answer, and
 * throw errors of the catalogue. Here they become what grpc-js wants.
 *
 * grpc-js is given messages as bytes, not a deserialiser: what a deserialiser throws would be INTERNAL.
 */

import type {
  Server,
  ServerDuplexStream,
  ServerUnaryCall,
  ServerWritableStream,
  sendUnaryData,
} from '@grpc/grpc-js';
import type { CallIntake } from './call-intake.ts';
import { identify } from './call-report.ts';
import type { OpenCall } from './open-call.ts';
import type { Failure } from './status.ts';
import { toFailure } from './status.ts';

/** One message in, one out. */
export type UnaryMethod = (message: Buffer, call: OpenCall) => Buffer | Promise<Buffer>;

export type ByteStream = ServerDuplexStream<Buffer, Buffer>;
/** Answers the messages of a stream; what it throws ends the stream. */
export type StreamMethod = (stream: ByteStream, call: OpenCall) => void;
export type ByteSink = ServerWritableStream<Buffer, Buffer>;
/** One message in, many out. */
export type ServerStreamMethod = (sink: ByteSink, call: OpenCall) => void;

export interface Service {
  /** Such as `grpc.health.v1.Health`. */
  readonly name: string;
  /** Methods whose calls a shutdown waits for. */
  readonly work?: readonly string[];
  readonly unary?: Readonly<Record<string, UnaryMethod>>;
  readonly serverStreams?: Readonly<Record<string, ServerStreamMethod>>;
  readonly streams?: Readonly<Record<string, StreamMethod>>;
}

const asTheyAre = (bytes: Buffer): Buffer => bytes;

export const pathOf = (service: string, method: string): string => `/${service}/${method}`;

export function workPathsOf(services: readonly Service[]): Set<string> {
  return new Set(services.flatMap(({ name, work = [] }) => work.map((one) => pathOf(name, one))));
}

/** Ends a stream with an error. */
export function failStream(
  stream: { emit(event: 'error', error: Failure): boolean },
  call: OpenCall,
  error: unknown,
): void {
  stream.emit('error', failureOf(call, error));
}

/** What the client is told of an error. */
function failureOf(call: OpenCall, error: unknown): Failure {
  const known = call.fail(error);
  const failure = toFailure(known, call.wording?.(known));
  identify(call, failure.metadata);
  return failure;
}

async function answerUnary(
  method: UnaryMethod,
  call: OpenCall,
  message: Buffer,
  done: sendUnaryData<Buffer>,
): Promise<void> {
  let answer: Buffer;
  try {
    call.takeMessage(message.byteLength);
    answer = await method(message, call);
  } catch (error) {
    done(failureOf(call, error));
    return;
  }
  call.answers += 1;
  done(null, answer);
}

function register(server: Server, calls: CallIntake, { name, ...methods }: Service): void {
  for (const [key, method] of Object.entries(methods.unary ?? {})) {
    const answer = (
      { metadata, request }: ServerUnaryCall<Buffer, Buffer>,
      done: sendUnaryData<Buffer>,
    ): void => {
      const call = calls.of(metadata);
      // Refused while its message was already whole.
      if (!call.refusal) void answerUnary(method, call, request, done);
    };
    server.register(pathOf(name, key), answer, asTheyAre, asTheyAre, 'unary');
  }
  for (const [key, method] of Object.entries(methods.serverStreams ?? {})) {
    const answer = (sink: ByteSink): void => {
      const call = calls.of(sink.metadata);
      if (call.refusal) return;
      try {
        call.takeMessage(sink.request.byteLength);
        method(sink, call);
      } catch (error) {
        failStream(sink, call, error);
      }
    };
    server.register(pathOf(name, key), answer, asTheyAre, asTheyAre, 'serverStream');
  }
  for (const [key, method] of Object.entries(methods.streams ?? {})) {
    const answer = (stream: ByteStream): void => method(stream, calls.of(stream.metadata));
    server.register(pathOf(name, key), answer, asTheyAre, asTheyAre, 'bidi');
  }
}

export function registerServices(
  server: Server,
  calls: CallIntake,
  services: readonly Service[],
): void {
  for (const service of services) register(server, calls, service);
}
