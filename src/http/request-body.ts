/**
 * The body of one request on its way in: read as its memory is granted, counted, and dropped when the
 * request is refused meanwhile.
 */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { ServingError } from '../errors.ts';
import type { ByteBudget, Hold } from '../serving/byte-budget.ts';

/** Smaller pieces are copied together: each of them, however short, would cost some 300 bytes beside it. */
const smallPiece = 4096;
const slabBytes = 16_384;
/** What a body may hold before anything of it came, and by how much its claim runs ahead of what came. */
const firstClaim = 65_536;
const claimAhead = 4;

export type BodyDone = (error: Error | null, body?: Buffer) => void;

export interface BodyOptions {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly budget: ByteBudget;
  /** The longest body, in bytes. */
  readonly limit: number;
}

/** Content-Length, or undefined for a body in chunks. */
function declaredLength({ headers }: IncomingMessage): number | undefined {
  const text = headers['content-length'];
  return text === undefined ? undefined : Number(text);
}

/**
 * How many bytes of memory a byte of the body costs while it is worked on: text is kept beside what is
 * read from it (base64 and its bytes, digits and their numbers); binary forms are read in place.
 */
function weightOf({ headers }: IncomingMessage): number {
  if (headers['inference-header-content-length'] !== undefined) return 1;
  const type = headers['content-type'] ?? '';
  return /^(image\/|multipart\/|application\/octet-stream|binary\/)/i.test(type) ? 1 : 3;
}

export class RequestBody {
  readonly hold: Hold;
  /** Bytes that have come. */
  received = 0;
  /** Bytes of memory that one of its bytes is counted for. */
  readonly weight: number;
  private readonly options: BodyOptions;
  private readonly declared: number | undefined;
  /** The most that it may be counted for. */
  private readonly most: number;
  private parts: Buffer[] = [];
  /** Where all of it goes once it may have its whole length. */
  private whole: Buffer | undefined;
  private slab: Buffer | undefined;
  private slabFrom = 0;
  private slabUsed = 0;
  private done: BodyDone | undefined;

  constructor(options: BodyOptions) {
    const { request, budget } = options;
    this.options = options;
    this.hold = budget.open();
    this.declared = declaredLength(request);
    this.weight = weightOf(request);
    this.most = Math.min(budget.largest, this.weight * (this.declared ?? options.limit));
  }

  /** True from `read` on until all of it has come or it was given up. */
  get receiving(): boolean {
    return this.done !== undefined;
  }

  /** Reads it; `done` is called once, with REQUEST_CANCELLED when the client goes, unless `fail` was. */
  read(done: BodyDone): void {
    const { request, response, budget, limit } = this.options;
    this.done = done;
    try {
      if ((this.declared ?? 0) > limit)
        throw new ServingError('BODY_TOO_LARGE', { limitBytes: limit });
      if (this.declared !== undefined) budget.checkRoom(this.most);
      this.claim();
    } catch (error) {
      this.fail(error as Error);
      return;
    }
    // The server leaves this to us, so that a body that is refused is not sent.
    if (request.headers.expect !== undefined && request.httpVersion === '1.1')
      response.writeContinue();
    request.on('data', this.onData).on('end', this.onEnd).on('error', this.onError);
  }

  /** Refuses it, when it is still being received: what came is dropped, the rest is not kept. */
  fail(error: Error): void {
    const { done } = this;
    this.drop();
    done?.(error);
  }

  /** Like `fail`, by someone who answers himself. */
  drop(): void {
    const { request } = this.options;
    this.done = undefined;
    this.parts = [];
    this.slab = undefined;
    this.whole = undefined;
    // What still comes goes nowhere; a late error has a listener as before.
    if (request.listenerCount('data') > 0)
      request.off('data', this.onData).off('end', this.onEnd).resume();
    this.hold.release();
  }

  private readonly onData = (piece: Buffer): void => {
    this.received += piece.length;
    try {
      if (this.received > this.options.limit)
        throw new ServingError('BODY_TOO_LARGE', { limitBytes: this.options.limit });
      this.claim();
    } catch (error) {
      this.fail(error as Error);
      return;
    }
    this.keep(piece);
  };

  private readonly onEnd = (): void => {
    const { done, hold, received } = this;
    const body = this.takeBody();
    this.done = undefined;
    hold.shrink(hold.bytes - Math.min(hold.bytes, this.weight * received));
    done?.(null, body);
  };

  private readonly onError = (): void => this.fail(new ServingError('REQUEST_CANCELLED', {}));

  /** Holds room for what came and for some of what is announced: the more came, the more is believed. */
  private claim(): void {
    const { hold, weight, received, declared } = this;
    const ahead = declared === undefined ? received : claimAhead * received;
    const wanted = Math.min(this.most, weight * (firstClaim + ahead));
    if (wanted > hold.bytes) hold.grow(wanted - hold.bytes, declared === undefined ? 0 : this.most);
  }

  private keep(piece: Buffer): void {
    const { declared, whole } = this;
    if (whole) piece.copy(whole, this.received - piece.length);
    else if (piece.length < smallPiece && piece.length !== declared) this.copy(piece);
    else this.append(piece);
    // All of its memory is claimed: from now on each piece is copied once, and is garbage at once.
    if (
      !whole &&
      declared !== undefined &&
      this.received < declared &&
      this.hold.bytes >= this.most
    )
      this.whole = this.gather(declared);
  }

  /** What came so far, at the beginning of a buffer of so many bytes. */
  private gather(length: number): Buffer {
    const whole = Buffer.allocUnsafeSlow(length);
    this.closeSlab();
    let at = 0;
    for (const part of this.parts) at += part.copy(whole, at);
    this.parts = [];
    return whole;
  }

  private takeBody(): Buffer {
    const [first, second] = this.parts;
    this.closeSlab();
    const body =
      this.whole ?? (first && !second && !this.slab ? first : this.gather(this.received));
    this.whole = undefined;
    this.parts = [];
    return body;
  }

  private append(piece: Buffer): void {
    this.closeSlab();
    this.parts.push(piece);
  }

  private copy(piece: Buffer): void {
    if (!this.slab || this.slabUsed + piece.length > this.slab.length) {
      this.closeSlab();
      this.slab = Buffer.allocUnsafeSlow(slabBytes);
      this.slabFrom = 0;
      this.slabUsed = 0;
    }
    this.slabUsed += piece.copy(this.slab, this.slabUsed);
  }

  /** What lies in the slab becomes a part of its own; the rest of the slab is used further. */
  private closeSlab(): void {
    if (!this.slab || this.slabUsed === this.slabFrom) return;
    this.parts.push(this.slab.subarray(this.slabFrom, this.slabUsed));
    this.slabFrom = this.slabUsed;
  }
}
