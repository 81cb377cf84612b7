/**
 * The scheduler alone, with a run that does nothing, against the least that could stand in its place: an
 * array, push and shift, with a promise a request. Waves of 512 requests, runs of at most 8, two
 * instances; every request's answer is waited for. Prints the median of interleaved rounds.
 * `node bench/scheduler.ts`
 */

import { systemClock } from '../src/batching/clock.ts';
import type { BatchRequest } from '../src/batching/queued-request.ts';
import type { Batch, Scheduler } from '../src/batching/scheduler.ts';
import { createScheduler } from '../src/batching/scheduler.ts';
import { createRequestLives } from '../src/serving/request-life.ts';
import { median } from './support/server.ts';

const waves = 100;
const perWave = 512;
const maxBatch = 8;
const rounds = 15;

/** Sends one request; settles with its answer. */
type Submit = (payload: number) => Promise<number>;

function createBareLoop(): Submit {
  const queue: { payload: number; resolve: (answer: number) => void }[] = [];
  let free = 2;

  function dispatch(): void {
    while (free > 0 && queue.length > 0) {
      const batch: typeof queue = [];
      while (batch.length < maxBatch && queue.length > 0) batch.push(queue.shift() as never);
      free -= 1;
      Promise.resolve(batch.map(({ payload }) => payload)).then((results) => {
        free += 1;
        for (let i = 0; i < batch.length; i += 1) batch[i]?.resolve(results[i] as number);
        dispatch();
      });
    }
  }

  return (payload) =>
    new Promise((resolve) => {
      queue.push({ payload, resolve });
      dispatch();
    });
}

const runNothing = (_: number, { parts }: Batch<number>): Promise<number[]> =>
  Promise.resolve(parts.map(({ payload }) => payload));

function createLoaded(most = maxBatch): Scheduler<number, number, number> {
  const scheduler = createScheduler<number, number, number>({
    model: 'bench',
    limits: { maxRequests: 1e6, maxBytes: 1e12 },
    policy: { maxBatch: most, maxDelayMs: 0, acrossRequests: true },
    clock: systemClock,
    runBatch: runNothing,
    join: ([first]) => first as number,
  });
  scheduler.addInstance(1);
  scheduler.addInstance(2);
  return scheduler;
}

const plain = (payload: number): BatchRequest<number> => ({
  payload,
  rows: 1,
  bytes: 3072,
  group: 'x',
});

function submitTo(
  scheduler: Scheduler<number, number, number>,
  request: (payload: number) => BatchRequest<number>,
): Submit {
  return (payload) => scheduler.submit(request(payload)).answer;
}

const lives = createRequestLives(systemClock);
const served = createLoaded();
const variants: Record<string, Submit> = {
  'bare array and promises': createBareLoop(),
  scheduler: submitTo(createLoaded(), plain),
  'each with a deadline': submitTo(createLoaded(), (payload) => ({
    ...plain(payload),
    deadline: performance.now() + 30_000,
  })),
  'as serving does: with a life': (payload) => {
    const acceptedAt = performance.now();
    const life = lives.open({ model: 'bench', acceptedAt, limitMs: 30_000 });
    const ticket = served.submit({ ...plain(payload), deadline: life.deadline, acceptedAt });
    life.attach(ticket);
    return ticket.answer.finally(() => life.close());
  },
  'of 16 groups, every other low': submitTo(createLoaded(), (payload) => ({
    ...plain(payload),
    group: payload % 16,
    priority: payload % 2 === 0 ? 'high' : 'low',
  })),
  'runs of one': submitTo(createLoaded(1), plain),
};

/** Requests a second. */
async function measure(submit: Submit): Promise<number> {
  let answered = 0;
  const count = (): void => {
    answered += 1;
  };
  const started = performance.now();
  for (let wave = 0; wave < waves; wave += 1) {
    let last: Promise<unknown> = Promise.resolve();
    for (let i = 0; i < perWave; i += 1) last = submit(i).then(count);
    await last;
    while (answered < (wave + 1) * perWave) await Promise.resolve();
  }
  return (waves * perWave * 1000) / (performance.now() - started);
}

const measured: Record<string, number[]> = {};
for (let round = -3; round < rounds; round += 1) {
  for (const [name, submit] of Object.entries(variants)) {
    const perSecond = await measure(submit);
    if (round >= 0) measured[name] = [...(measured[name] ?? []), perSecond];
  }
}

const rate = (name: string): number => median(measured[name] ?? []);
const bare = rate('bare array and promises');
for (const name of Object.keys(variants)) {
  const perSecond = rate(name);
  const [millions, ratio] = [(perSecond / 1e6).toFixed(2), (perSecond / bare).toFixed(2)];
  const nanoseconds = (1e9 / perSecond).toFixed(0);
  console.log(`${name.padEnd(32)} ${millions} M/s  ${nanoseconds} ns  ${ratio} of bare`);
}
