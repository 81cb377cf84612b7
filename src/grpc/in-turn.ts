/**
 * Answers the messages of a stream in the order in which they came, some of them worked on at a time. No
 * more are read meanwhile, so that a client that sends faster than it is answered waits.
 */

import type { ByteStream } from './methods.ts';
import { failStream } from './methods.ts';
import type { OpenCall } from './open-call.ts';

export interface InTurn {
  readonly stream: ByteStream;
  readonly call: OpenCall;
  /** The most that are worked on at a time. */
  readonly most: number;
  /** What it throws ends the stream. */
  readonly answer: (message: Buffer) => Promise<Buffer>;
}

export interface TurnTaker {
  /** Reads no further, answers what was read, and then ends the stream, with an error where there is one. */
  finish(error?: unknown): void;
}

export function answerInTurn({ stream, call, most, answer }: InTurn): TurnTaker {
  let working = 0;
  let over = false;
  /** Settles when everything before is written. */
  let written: Promise<unknown> = Promise.resolve();

  function end(error?: unknown): void {
    if (over) return;
    over = true;
    stream.pause();
    if (error === undefined) stream.end();
    else failStream(stream, call, error);
  }

  function write(bytes: Buffer): Promise<void> {
    call.answers += 1;
    return new Promise((resolve) => stream.write(bytes, () => resolve()));
  }

  async function inTurn(
    before: Promise<unknown>,
    work: Promise<Buffer>,
    held: number,
  ): Promise<void> {
    try {
      await before;
      const bytes = await work;
      if (!over && !stream.destroyed) await write(bytes);
    } catch (error) {
      end(error);
    } finally {
      working -= 1;
      call.parts.hold.shrink(Math.min(held, call.parts.hold.bytes));
      if (!over && !finishing) stream.resume();
    }
  }

  let finishing = false;
  function finish(error?: unknown): void {
    if (finishing) return;
    finishing = true;
    stream.pause();
    void written.then(() => end(error));
  }

  stream.on('data', (message: Buffer) => {
    if (over || finishing) return;
    working += 1;
    if (working >= most) stream.pause();
    let held: number;
    try {
      held = call.takeMessage(message.byteLength);
    } catch (error) {
      working -= 1;
      finish(error);
      return;
    }
    const work = answer(message);
    // Heard in its turn.
    work.catch(() => {});
    written = inTurn(written, work, held);
  });
  stream.once('end', () => finish());
  stream.once('cancelled', () => {
    over = true;
  });
  return { finish };
}
