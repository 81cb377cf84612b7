/** Random arrivals, sizes, cancellations, deadlines, deaths and errors, over real tensors. */

import { describe, expect, test } from 'vitest';
import { createRandom } from '../../test/models/random.ts';
import { ServingError } from '../errors.ts';
import { bytesOfChunks } from '../tensor/chunked-tensor.ts';
import type { TensorPayload, Tensors } from './batch.ts';
import { createTensorBatch, describeRows, joinOutputs } from './batch.ts';
import { createManualClock } from './clock.fixture.ts';
import type { BatchPart, Ticket } from './queued-request.ts';
import { settle } from './scheduler.fixture.ts';
import { createScheduler } from './scheduler.ts';
import type { BatchPolicy } from './waiting-room.ts';

const maxBatch = 6;
/** Rows of this request's kind kill the instance that runs them, or make the run fail. */
type Kind = 'good' | 'deadly' | 'bad';

interface Sent {
  readonly id: number;
  readonly kind: Kind;
  readonly rows: number;
  readonly width: number;
  readonly deadline: number | undefined;
  readonly alone: boolean;
  readonly ticket: Ticket<Tensors>;
  cancelled: boolean;
  outcomes: (Tensors | Error)[];
}

/** A row is the id of its request, its number, and zeros. */
function rowsOf(id: number, rows: number, width: number): Tensors {
  const values = new Int32Array(rows * width);
  for (let row = 0; row < rows; row += 1) values.set([id, row], row * width);
  const data = new Uint8Array(values.buffer);
  return [{ index: 0, dtype: 'INT32', shape: [rows, width], chunks: [data] }];
}

function valuesOf([tensor]: Tensors): Int32Array {
  const { buffer, byteOffset, byteLength } = bytesOfChunks(tensor?.chunks ?? []);
  return new Int32Array(buffer as ArrayBuffer, byteOffset, byteLength / 4);
}

/** The model: each value twice. */
function compute(inputs: Tensors): Tensors {
  const doubled = valuesOf(inputs).map((value) => value * 2);
  return inputs.map((tensor) => ({ ...tensor, chunks: [new Uint8Array(doubled.buffer)] }));
}

function createWorld(seed: number, policy: Omit<BatchPolicy, 'maxBatch'>) {
  const random = createRandom(seed);
  const below = (n: number): number => Math.floor(random() * n);
  const clock = createManualClock();
  const sent: Sent[] = [];
  const live = new Set<number>();
  const pending: { instance: number; end(): void; die(begun?: boolean): void }[] = [];
  /** How often an instance died while it ran rows of this request; those that had not begun apart. */
  const deaths = new Map<number, number>();
  const innocentDeaths = new Map<number, number>();
  const violations: string[] = [];
  let nextInstance = 0;

  const sentOf = (part: BatchPart<TensorPayload>): Sent =>
    sent[valuesOf(part.payload.inputs)[0] as number] as Sent;

  function checkRun(
    instance: number,
    parts: readonly BatchPart<TensorPayload>[],
    rows: number,
  ): void {
    const requests = parts.map(sentOf);
    const complain = (text: string): void => void violations.push(text);
    // What is given ahead may meet an instance whose death is not told yet.
    if (!live.has(instance) && !policy.aheadMs) complain(`instance ${instance} is dead`);
    if (parts.length > 1 && rows > maxBatch) complain(`a run of ${rows} rows`);
    if (parts.length > 1 && !policy.acrossRequests) complain('company although forbidden');
    if (new Set(requests.map(({ width }) => width)).size > 1) complain('groups were mixed');
    for (const { id, outcomes, cancelled, deadline = 1e9, alone } of requests) {
      if (outcomes.length > 0) complain(`request ${id} runs after it was answered`);
      if (cancelled) complain(`request ${id} runs after it was cancelled`);
      if (deadline <= clock.now()) complain(`request ${id} runs after its deadline`);
      if (alone && parts.length > 1) complain(`request ${id} has company`);
    }
  }

  const scheduler = createScheduler<number, TensorPayload, Tensors>({
    model: 'test',
    limits: { maxRequests: 30, maxBytes: 4000 },
    policy: { maxBatch, ...policy },
    clock,
    runBatch(instance, { parts, rows }) {
      checkRun(instance, parts, rows);
      const batch = createTensorBatch('test', parts);
      const { promise, resolve, reject } = Promise.withResolvers<readonly Tensors[]>();
      const leave = (): void => void pending.splice(pending.indexOf(run), 1);
      const run = {
        instance,
        die(begun = true) {
          leave();
          live.delete(instance);
          // What it was given ahead dies with it.
          pending.find((other) => other.instance === instance)?.die(begun);
          const counts = begun ? deaths : innocentDeaths;
          for (const { id } of new Set(parts.map(sentOf)))
            counts.set(id, (counts.get(id) ?? 0) + 1);
          const details = { model: 'test', how: 'killed', neverStarted: !begun };
          reject(new ServingError('RUNNER_DIED', details));
        },
        end() {
          const kinds = parts.map((part) => sentOf(part).kind);
          if (kinds.includes('deadly')) return run.die();
          leave();
          if (kinds.includes('bad')) return reject(new Error('bad input'));
          return resolve(batch.split(compute(batch.inputs)));
        },
      };
      pending.push(run);
      if (!live.has(instance)) run.die(false);
      return promise;
    },
    join: (results) => joinOutputs('test', results),
  });

  function submit(): void {
    const id = sent.length;
    const rows = 1 + below(random() < 0.2 ? 20 : 4);
    const width = 2 + below(2);
    const kind: Kind = (['bad', 'deadly'] as const)[below(60)] ?? 'good';
    const deadline = random() < 0.4 ? clock.now() + 1 + below(400) : undefined;
    const alone = random() < 0.1;
    const inputs = rowsOf(id, rows, width);
    const request = {
      payload: { inputs },
      rows,
      bytes: rows * width * 4,
      group: describeRows(inputs),
      priority: random() < 0.3 ? 'low' : 'high',
      alone,
      deadline,
    } as const;
    const facts = { id, kind, rows, width, deadline, alone };
    // The run may start before submit returns, so the request is known before.
    const ticket: Ticket<Tensors> = { answer: Promise.resolve([]), cancel() {} };
    const entry: Sent = { ...facts, ticket, cancelled: false, outcomes: [] };
    sent.push(entry);
    try {
      const { answer, cancel } = bind(scheduler.submit(request));
      Object.assign(ticket, { answer, cancel });
      answer.then(
        (outputs) => entry.outcomes.push(outputs),
        (error: Error) => entry.outcomes.push(error),
      );
    } catch (error) {
      entry.outcomes.push(error as Error);
    }
  }

  const bind = (ticket: Ticket<Tensors>): Ticket<Tensors> => ({
    answer: ticket.answer,
    cancel: (reason) => ticket.cancel(reason),
  });

  function cancel(): void {
    const entry = sent[Math.max(0, sent.length - 1 - below(20))];
    if (!entry || entry.outcomes.length > 0) return;
    entry.cancelled = true;
    entry.ticket.cancel(new Error('gone'));
  }

  function addInstance(): void {
    live.add(nextInstance);
    scheduler.addInstance(nextInstance++);
  }

  const pick = (): (typeof pending)[number] | undefined => pending[below(pending.length)];
  const actions = [submit, submit, submit, () => pick()?.end(), () => pick()?.end()];
  function step(): void {
    const chance = random();
    if (chance < 0.01) pick()?.die();
    else if (chance < 0.02) for (const run of [...pending]) run.die(false);
    else if (chance < 0.06) cancel();
    else if (chance < 0.16) clock.advance(below(30));
    else if (chance < 0.22 && live.size < 3) addInstance();
    else actions[below(actions.length)]?.();
  }

  return {
    scheduler,
    clock,
    sent,
    pending,
    deaths,
    innocentDeaths,
    violations,
    live,
    random,
    step,
    addInstance,
  };
}

type World = ReturnType<typeof createWorld>;

function describeOutcome(
  { deaths, innocentDeaths }: World,
  { id, rows, width, kind, ...sent }: Sent,
): string {
  const [outcome] = sent.outcomes;
  if (sent.outcomes.length !== 1) return `${sent.outcomes.length} outcomes`;
  if (!(outcome instanceof Error)) {
    const expected = valuesOf(rowsOf(id, rows, width)).map((value) => value * 2);
    const right =
      kind === 'good' && outcome && expected.join() === valuesOf(outcome).join()
        ? 'right'
        : 'WRONG';
    return `${right} answer`;
  }
  if (outcome.message === 'gone') return sent.cancelled ? 'cancelled' : 'CANCELLED BY NOBODY';
  if (outcome.message === 'bad input') return kind === 'bad' ? 'bad input' : 'BLAMED FOR ANOTHER';
  const { code } = outcome as ServingError;
  if (code === 'RUNNER_DIED') {
    const proven = (deaths.get(id) ?? 0) >= 2 || (innocentDeaths.get(id) ?? 0) >= 16;
    return proven ? code : 'GIVEN UP TOO EARLY';
  }
  if (code === 'DEADLINE_EXCEEDED' || code === 'DEADLINE_UNREACHABLE')
    return sent.deadline === undefined ? 'EXPIRED WITHOUT DEADLINE' : code;
  return code;
}

async function finish(world: World): Promise<void> {
  const { scheduler, clock, pending, live, addInstance } = world;
  while (scheduler.waiting + scheduler.running > 0) {
    if (live.size === 0) addInstance();
    pending[0]?.end();
    clock.advance(1);
    await settle();
  }
}

const allowed = new Set([
  'right answer',
  'cancelled',
  'bad input',
  'RUNNER_DIED',
  'DEADLINE_EXCEEDED',
  'DEADLINE_UNREACHABLE',
  'QUEUE_FULL',
]);

const policies: readonly Omit<BatchPolicy, 'maxBatch'>[] = [
  { maxDelayMs: 0, acrossRequests: true },
  { maxDelayMs: 15, acrossRequests: true },
  { maxDelayMs: 0, acrossRequests: false },
  { maxDelayMs: 0, acrossRequests: true, aheadMs: 1e6 },
  { maxDelayMs: 0, acrossRequests: false, aheadMs: 1e6 },
];

describe.each(Array.from({ length: 15 }, (_, i) => i + 1))('a random life, seed %d:', (seed) => {
  test('each request is answered exactly once, with its own rows, and nothing is left', async () => {
    const world = createWorld(seed, policies[seed % policies.length] as (typeof policies)[0]);
    const { scheduler, clock, sent, violations, random, step, addInstance } = world;
    addInstance();
    for (let i = 0; i < 4000; i += 1) {
      step();
      if (random() < 0.3) await settle();
    }
    await finish(world);
    const outcomes = sent.map((one) => describeOutcome(world, one));
    expect(violations).toEqual([]);
    expect(outcomes.filter((outcome) => !allowed.has(outcome))).toEqual([]);
    expect(outcomes.filter((outcome) => outcome === 'right answer').length).toBeGreaterThan(300);
    expect([scheduler.waiting, scheduler.waitingBytes, scheduler.running]).toEqual([0, 0, 0]);
    clock.advance(60_000);
    expect(clock.timers).toEqual([]);
  });
});
