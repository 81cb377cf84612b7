/**
 * The runner's side of the channel: takes load and run frames, answers with loaded, result or error.
 *
 * Runs one at a time (a run blocks the thread anyway). Does not own the process: ending it is the
 * business of the watchdog and of processes/runner.ts.
 */

import { flushCompileCache } from 'node:module';
import type { Duplex } from 'node:stream';
import { messageOf, ServingError } from '../errors.ts';
import { createFrameReader, writeFrame } from './frame-stream.ts';
import type { Frame } from './frames.ts';
import type { ModelSession } from './model-session.ts';
import { openModelSession } from './model-session.ts';
import type { LoadOrder, LoadOutcome, RunFailure } from './protocol.ts';
import { controlFrame, frameKinds, tensorFrame } from './protocol.ts';

interface Loaded {
  readonly order: LoadOrder;
  readonly model: ModelSession;
}

export function startRunnerLoop(channel: Duplex): void {
  const sessions = new Map<number, Loaded>();
  let chain: Promise<void> = Promise.resolve();

  async function load({ session, requestId, json }: Frame): Promise<void> {
    const order = JSON.parse(json) as LoadOrder;
    let outcome: LoadOutcome;
    try {
      const model = await openModelSession(order);
      sessions.set(session, { order, model });
      outcome = { ok: true, ...model.report };
    } catch (error) {
      outcome = { ok: false, error: toServingError(error, order).toPlain() };
    }
    writeFrame(channel, controlFrame(frameKinds.loaded, session, requestId, outcome));
    // A runner ends by a kill and would never write what it compiled.
    flushCompileCache();
  }

  async function run({ session, requestId, tensors, word }: Frame): Promise<void> {
    const loaded = sessions.get(session);
    try {
      if (!loaded) throw new Error(`session ${session} is not loaded`);
      const started = process.hrtime.bigint();
      const outputs = await loaded.model.run(tensors, word);
      const micros = Math.min(0xffff_ffff, Number((process.hrtime.bigint() - started) / 1000n));
      writeFrame(channel, tensorFrame(frameKinds.result, session, requestId, outputs, micros));
    } catch (error) {
      const failure: RunFailure = { error: toRunError(error, loaded?.order.model ?? '').toPlain() };
      writeFrame(channel, controlFrame(frameKinds.error, session, requestId, failure));
    }
  }

  async function handle(frame: Frame): Promise<void> {
    if (frame.kind === frameKinds.run) return run(frame);
    if (frame.kind === frameKinds.announcedRun) {
      // Written to the socket before the run begins, so it arrives even when the run ends this process.
      writeFrame(channel, controlFrame(frameKinds.started, frame.session, frame.requestId, {}));
      return run(frame);
    }
    if (frame.kind === frameKinds.load) return load(frame);
    if (frame.kind === frameKinds.ping) {
      writeFrame(channel, controlFrame(frameKinds.pong, frame.session, frame.requestId, {}));
    }
  }

  const reader = createFrameReader((frame) => {
    chain = chain.then(() => handle(frame));
  });
  channel.on('data', (chunk: Uint8Array) => reader.push(chunk));
}

function toServingError(error: unknown, { model, version }: LoadOrder): ServingError {
  if (error instanceof ServingError) return error;
  return new ServingError('MODEL_LOAD_FAILED', { model, version, problem: messageOf(error) });
}

function toRunError(error: unknown, model: string): ServingError {
  if (error instanceof ServingError) return error;
  return new ServingError('RUN_FAILED', { model, problem: messageOf(error) });
}
