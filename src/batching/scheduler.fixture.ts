/** A scheduler whose runs end when the test says so, and whose clock stands still. */

import { ServingError } from '../errors.ts';
import type { QueueLimits } from './admission.ts';
import type { ManualClock } from './clock.fixture.ts';
import { createManualClock } from './clock.fixture.ts';
import type { BatchPart, BatchRequest, Ticket } from './queued-request.ts';
import type { Batch, Scheduler } from './scheduler.ts';
import { createScheduler } from './scheduler.ts';
import type { BatchPolicy } from './waiting-room.ts';

export interface PuppetRun {
  readonly instance: string;
  readonly parts: readonly BatchPart<string>[];
  readonly rows: number;
  /** The payloads that run. */
  readonly names: readonly string[];
  /** Answers every part with its rows: "x" as "x0", or "x0 x1" for two rows. */
  finish(): void;
  fail(error: Error): void;
  /** It ran before. */
  readonly again: boolean;
  /** The instance ends under it, or before it has begun. */
  die(when?: { readonly neverStarted: boolean }): void;
}

export interface Stage {
  readonly scheduler: Scheduler<string, string, string>;
  readonly clock: ManualClock;
  /** What is running, oldest first. */
  readonly runs: PuppetRun[];
  /** Payloads of each run that was ever started. */
  readonly history: string[][];
  submit(payload: string, request?: Partial<BatchRequest<string>>): Ticket<string>;
}

export interface StageOptions {
  readonly instances?: readonly string[];
  readonly limits?: QueueLimits;
  readonly policy?: Partial<BatchPolicy>;
}

function answerOf({ payload, fromRow, rows }: BatchPart<string>): string {
  return Array.from({ length: rows }, (_, row) => `${payload}${fromRow + row}`).join(' ');
}

function createRun(
  instance: string,
  { parts, rows, again }: Batch<string>,
  runs: PuppetRun[],
): { run: PuppetRun; outcome: Promise<readonly string[]> } {
  const { promise, resolve, reject } = Promise.withResolvers<readonly string[]>();
  const leave = (): void => void runs.splice(runs.indexOf(run), 1);
  const run: PuppetRun = {
    instance,
    parts,
    rows,
    again,
    names: parts.map(({ payload }) => payload),
    finish() {
      leave();
      resolve(parts.map(answerOf));
    },
    fail(error) {
      leave();
      reject(error);
    },
    die: (when) =>
      run.fail(new ServingError('RUNNER_DIED', { model: 'test', how: 'killed', ...when })),
  };
  runs.push(run);
  return { run, outcome: promise };
}

export function createStage(options: StageOptions = {}): Stage {
  const clock = createManualClock();
  const runs: PuppetRun[] = [];
  const history: string[][] = [];
  const scheduler = createScheduler<string, string, string>({
    model: 'test',
    limits: options.limits ?? { maxRequests: 1e9, maxBytes: 1e9 },
    policy: { maxBatch: 4, maxDelayMs: 0, acrossRequests: true, ...options.policy },
    clock,
    runBatch(instance, { parts, rows, again }) {
      const { run, outcome } = createRun(instance, { parts: [...parts], rows, again }, runs);
      history.push([...run.names]);
      return outcome;
    },
    join: (results) => results.join(' '),
  });
  for (const instance of options.instances ?? ['a']) scheduler.addInstance(instance);
  return {
    scheduler,
    clock,
    runs,
    history,
    submit(payload, request) {
      const ticket = scheduler.submit({ payload, rows: 1, bytes: 1, group: 'g', ...request });
      ticket.answer.catch(() => {});
      return ticket;
    },
  };
}

/** Lets everything that is settled take its effect. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Ends every run, and those that follow, until nothing runs. */
export async function finishAll({ runs }: Stage): Promise<void> {
  while (runs.length > 0) {
    runs[0]?.finish();
    await settle();
  }
}
