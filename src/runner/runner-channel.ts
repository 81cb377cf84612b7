/**
 * Questions to a runner and its answers, over one byte stream.
 *
 * Owns: which answers are waited for, and that nothing else is believed. Bytes that are no frame, an
 * answer that nobody asked for, one of the wrong kind or with the wrong outputs: the runner misbehaves,
 * and everything it holds fails at once. Does not own the process: `onMisbehaviour` ends it.
 */

import type { Duplex } from 'node:stream';
import { messageOf, ServingError } from '../errors.ts';
import { createFrameReader, writeFrame } from './frame-stream.ts';
import type { Frame, FrameHeader } from './frames.ts';
import { frameKinds } from './protocol.ts';

export interface Question<T> {
  /** The kinds that answer it. */
  readonly answers: readonly number[];
  /** Makes the answer of its frame; a throw means that the runner sent nonsense. */
  readonly read: (frame: Frame) => T;
  /** The runner says `started` before it begins: its death before that is not the request's doing. */
  readonly announced?: boolean;
  /** Keeps the runner from answering anything else. */
  readonly busy: boolean;
}

export interface RunnerChannel {
  /** Throws RUNNER_DIED, or RangeError for what no frame can hold. */
  ask<T>(makeFrame: (id: number) => Frame, question: Question<T>): Promise<T>;
  /** The runner is loading or running, so that it cannot answer a ping. */
  readonly busy: boolean;
  /** Fails what is waited for and what is asked from now on. The first reason stays. */
  fail(how: string): void;
  /** Why it failed; undefined while it has not. */
  readonly failure: string | undefined;
}

export interface ChannelOptions {
  readonly model: string;
  readonly stream: Duplex;
  readonly onMisbehaviour: () => void;
}

interface Waiting extends Question<unknown> {
  started: boolean;
  resolve(answer: unknown): void;
  reject(error: Error): void;
}

const nameOfKind = new Map<number, string>(
  Object.entries(frameKinds).map(([name, kind]) => [kind, name]),
);

export function createRunnerChannel(options: ChannelOptions): RunnerChannel {
  const { model, stream } = options;
  const waiting = new Map<number, Waiting>();
  let failure: string | undefined;
  let nextId = 0;
  let busy = 0;

  function died(how: string, neverStarted: boolean): ServingError<'RUNNER_DIED'> {
    return new ServingError('RUNNER_DIED', { model, how, ...(neverStarted && { neverStarted }) });
  }

  function fail(how: string): void {
    if (failure !== undefined) return;
    failure = how;
    for (const { announced, started, reject } of waiting.values())
      reject(died(how, announced === true && !started));
    waiting.clear();
    busy = 0;
  }

  /** Before the frame's bytes are waited for, which a broken length makes many. */
  function checkHeader({ kind, requestId }: FrameHeader): void {
    const question = waiting.get(requestId);
    const expected = question?.answers.includes(kind) || (question && isStart(question, kind));
    if (expected) return;
    const name = nameOfKind.get(kind) ?? `kind ${kind}`;
    throw new RangeError(`an answer (${name}) that was not asked for`);
  }

  const isStart = ({ announced, started }: Waiting, kind: number): boolean =>
    kind === frameKinds.started && announced === true && !started;

  function take(frame: Frame): void {
    const question = waiting.get(frame.requestId) as Waiting;
    if (frame.kind === frameKinds.started) {
      question.started = true;
      return;
    }
    const answer = question.read(frame);
    waiting.delete(frame.requestId);
    if (question.busy) busy -= 1;
    question.resolve(answer);
  }

  const reader = createFrameReader(take, checkHeader);
  stream.on('data', (chunk: Uint8Array) => {
    // What follows a broken frame cannot be trusted.
    if (failure !== undefined) return;
    try {
      reader.push(chunk);
    } catch (error) {
      fail(`it sent nonsense: ${messageOf(error)}`);
      options.onMisbehaviour();
    }
  });

  return {
    ask(makeFrame, question) {
      if (failure !== undefined) return Promise.reject(died(failure, true));
      nextId = (nextId + 1) >>> 0;
      const id = nextId;
      return new Promise((resolve, reject) => {
        // First, because a frame that cannot be written (longer than 2 GiB) has no answer to wait for.
        writeFrame(stream, makeFrame(id));
        waiting.set(id, { ...question, started: false, resolve: resolve as never, reject });
        if (question.busy) busy += 1;
      });
    },
    get busy() {
      return busy > 0;
    },
    fail,
    get failure() {
      return failure;
    },
  };
}
