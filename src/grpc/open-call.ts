/**
 * One call from its first header to the end of its stream: who asks, what it holds in memory, what was
 * answered.
 */

import type { Metadata } from '@grpc/grpc-js';
import { messageOf, ServingError } from '../errors.ts';
import type { Hold } from '../serving/byte-budget.ts';
import type { InferenceAnswer } from '../serving/inference-types.ts';
import type { OpenLife } from '../serving/request-life.ts';
import type { Log } from '../telemetry/log.ts';
import type { GatedCall } from './call-gate.ts';

export interface OpenCallParts {
  readonly path: string;
  readonly metadata: Metadata;
  readonly requestId: string;
  readonly traceparent: string | undefined;
  /** When its headers came and when the client stops waiting, in milliseconds of the clock. */
  readonly acceptedAt: number;
  readonly deadline: number;
  readonly hold: Hold;
  readonly log: Log;
}

export class OpenCall implements GatedCall {
  readonly parts: OpenCallParts;
  /** Lengths of messages, as they came, that nobody took yet. */
  readonly arrived: number[] = [];
  /** Why it got no answer. */
  refusal: ServingError | undefined = undefined;
  /** How its protocol words an error; absent: as the catalogue does. */
  wording: ((error: ServingError) => string) | undefined = undefined;
  answered: Pick<InferenceAnswer, 'model' | 'version' | 'timings'> | undefined = undefined;
  /** Messages that were sent back. */
  answers = 0;
  /** The client sends no more. */
  halfClosed = false;
  ended = false;
  private readonly lives = new Set<OpenLife>();

  constructor(parts: OpenCallParts) {
    this.parts = parts;
  }

  get owed(): boolean {
    if (this.ended) return false;
    // The message of a unary call may wait for its turn to be read.
    return this.lives.size > 0 || (this.halfClosed && this.answers === 0 && !this.refusal);
  }

  /** What every line of the log about it begins with. */
  get identity(): object {
    const { requestId, traceparent } = this.parts;
    return traceparent === undefined ? { requestId } : { requestId, traceparent };
  }

  /**
   * Takes the next message, which has so many bytes now that it is decompressed; returns how much of the
   * budget it holds. Throws BODY_MEMORY_FULL.
   */
  takeMessage(bytes: number): number {
    const came = this.arrived.shift() ?? 0;
    const more = Math.max(0, bytes - came);
    if (more > 0) this.parts.hold.grow(more);
    return came + more;
  }

  /** Its work ends when the call does; returns what ends that. */
  watch(life: OpenLife): () => void {
    this.lives.add(life);
    return () => this.lives.delete(life);
  }

  /** The stream is closed, answered or not; `reasonOf` says why work that still goes on ends. */
  close(reasonOf: () => ServingError): void {
    this.ended = true;
    this.parts.hold.release();
    // An error costs more than all else that is done for a small call.
    if (this.lives.size === 0) return;
    const reason = reasonOf();
    for (const life of this.lives) life.end(reason);
    this.lives.clear();
  }

  /** Keeps why it gets no answer; what is none of our errors is logged whole. */
  fail(error: unknown): ServingError {
    const { log, requestId, path } = this.parts;
    if (!(error instanceof ServingError)) {
      const text = error instanceof Error ? error.stack : messageOf(error);
      log.error({ ...this.identity, method: path, error: text }, 'unexpected error');
    }
    const known =
      error instanceof ServingError ? error : new ServingError('INTERNAL', { requestId });
    this.refusal = known;
    return known;
  }
}
