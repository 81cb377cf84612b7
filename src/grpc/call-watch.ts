/**
 * What one call may cost while its client does nothing: the memory of messages on their way, and time to
 * send them and to take the answer. The rates are those of HTTP (serving/stall-meter.ts).
 */

import type { ServerHttp2Stream } from 'node:http2';
import type { Clock } from '../batching/clock.ts';
import { ServingError } from '../errors.ts';
import type { Meter } from '../serving/stall-meter.ts';
import { isStalled, startMeter } from '../serving/stall-meter.ts';
import { MessageFrames } from './message-frames.ts';
import type { OpenCall } from './open-call.ts';

export interface WatchedParts {
  readonly call: OpenCall;
  readonly stream: ServerHttp2Stream;
  /** The client may send several messages, with pauses as long as it likes between them. */
  readonly requestStream: boolean;
  /** Answers the call before its request has come whole. */
  readonly refuse: (error: ServingError) => void;
}

interface Sending {
  readonly since: number;
  readonly bytes: number;
  readonly answers: number;
}

/** Who takes an answer more slowly, over all of it, does not want it. */
const leastBytesPerMs = 1.024;

class Watched {
  readonly parts: WatchedParts;
  readonly frames = new MessageFrames();
  received = 0;
  receiving: Meter | undefined;
  private sending: Sending | undefined = undefined;

  constructor(parts: WatchedParts, now: number) {
    this.parts = parts;
    // A request that never comes holds its place as well as one that stops half-way.
    this.receiving = parts.requestStream ? undefined : startMeter(now);
  }

  receive(chunk: Buffer, now: number): void {
    const { call, requestStream, refuse } = this.parts;
    if (call.refusal) return;
    this.received += chunk.length;
    this.frames.advance(chunk, (bytes) => void call.arrived.push(bytes));
    const { pending, expected } = this.frames;
    if (pending > 0) this.receiving ??= startMeter(now, this.received);
    else if (requestStream) this.receiving = undefined;
    try {
      call.parts.hold.grow(chunk.length, pending === 0 ? 0 : expected);
    } catch (error) {
      refuse(error as ServingError);
    }
  }

  /** Bytes of the same answer wait for longer than it may take to send them. */
  isStuck(now: number, limitMs: number): boolean {
    const { stream, call } = this.parts;
    const bytes = stream.writableLength;
    const { answers } = call;
    if (bytes === 0) this.sending = undefined;
    else if (this.sending?.answers !== answers) this.sending = { since: now, bytes, answers };
    if (!this.sending) return false;
    return now - this.sending.since > Math.max(limitMs, this.sending.bytes / leastBytesPerMs);
  }
}

export interface CallWatch {
  /** Watches a call until the returned function is called. */
  add(parts: WatchedParts): () => void;
  /** Messages that have not come whole within `limitMs` are refused, and answers are taken as soon. */
  hurry(limitMs: number): void;
  stop(): void;
}

const looksPerWindow = 4;
const [shortestLookMs, longestLookMs] = [10, 5000];

export function createCallWatch(clock: Clock, givenMs: number): CallWatch {
  const all = new Set<Watched>();
  let stallMs = givenMs;
  let hurried = Number.POSITIVE_INFINITY;
  let cancelLook = (): void => {};

  function check(one: Watched, now: number): void {
    const { call, stream, refuse } = one.parts;
    const answered = call.refusal !== undefined || stream.writableEnded;
    if (one.isStuck(now, stallMs)) stream.destroy();
    // The client has its answer and keeps its side open.
    else if (answered && now >= hurried) stream.destroy();
    else if (call.refusal) stream.close();
    else if (!one.receiving) return;
    else if (now >= hurried) refuse(new ServingError('SHUTTING_DOWN', {}));
    else if (isStalled(one.receiving, one.received, now, stallMs))
      refuse(new ServingError('BODY_TOO_SLOW', { afterMs: stallMs }));
  }

  function look(): void {
    const now = clock.now();
    for (const one of all) check(one, now);
    lookLater();
  }

  function lookLater(): void {
    cancelLook();
    const soon = Math.min(longestLookMs, Math.max(shortestLookMs, stallMs / looksPerWindow));
    cancelLook = clock.schedule(soon, look);
  }

  lookLater();
  return {
    add(parts) {
      const { stream, call } = parts;
      const one = new Watched(parts, clock.now());
      all.add(one);
      stream.on('data', (chunk: Buffer) => one.receive(chunk, clock.now()));
      stream.once('end', () => {
        call.halfClosed = true;
        one.receiving = undefined;
      });
      return () => all.delete(one);
    },
    hurry(limitMs) {
      stallMs = Math.min(stallMs, limitMs);
      hurried = clock.now() + limitMs;
      lookLater();
    },
    stop: () => cancelLook(),
  };
}
