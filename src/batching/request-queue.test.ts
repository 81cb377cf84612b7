import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { createRandom } from '../../test/models/random.ts';
import { createRequestQueue, type RequestQueue } from './request-queue.ts';

/** Work that ends when the test says so. */
interface Job {
  readonly name: string;
  answer: Promise<string>;
  /** The instance that runs it, once it runs. */
  instance: string | undefined;
  finish(): void;
  fail(error: Error): void;
}

const unlimited = { maxRequests: 1e9, maxBytes: 1e9 };
const newSignal = (): AbortSignal => new AbortController().signal;

/** Lets everything that is settled take its effect. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function submit(
  queue: RequestQueue<string>,
  name: string,
  { bytes = 1, signal = newSignal() } = {},
): Job {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const job: Job = {
    name,
    instance: undefined,
    finish: () => resolve(`answer of ${name}`),
    fail: reject,
    answer: promise,
  };
  job.answer = queue.submit({
    bytes,
    signal,
    run(instance) {
      job.instance = instance;
      return promise;
    },
  });
  job.answer.catch(() => {});
  return job;
}

function createQueue(limits = unlimited): RequestQueue<string> {
  return createRequestQueue<string>('test', limits);
}

test('a free instance takes a request at once', () => {
  const queue = createQueue();
  queue.addInstance('a');
  const job = submit(queue, 'x');
  expect([job.instance, queue.waiting, queue.running]).toEqual(['a', 0, 1]);
});

test('what waits is taken first in, first out', async () => {
  const queue = createQueue();
  const jobs = ['1', '2', '3'].map((name) => submit(queue, name));
  queue.addInstance('a');
  const order: string[] = [];
  for (let i = 0; i < 3; i += 1) {
    const current = jobs.find((job) => job.instance && !order.includes(job.name)) as Job;
    order.push(current.name);
    current.finish();
    expect(await current.answer).toBe(`answer of ${current.name}`);
    await settle();
  }
  expect(order).toEqual(['1', '2', '3']);
});

test('two instances run two requests side by side', () => {
  const queue = createQueue();
  queue.addInstance('a');
  queue.addInstance('b');
  const jobs = ['1', '2', '3'].map((name) => submit(queue, name));
  expect(new Set(jobs.map(({ instance }) => instance))).toEqual(new Set(['a', 'b', undefined]));
  expect([queue.waiting, queue.running]).toEqual([1, 2]);
});

describe('a full queue refuses', () => {
  test('by count', async () => {
    const queue = createQueue({ maxRequests: 2, maxBytes: 100 });
    submit(queue, '1');
    submit(queue, '2');
    await expect(submit(queue, '3').answer).rejects.toMatchObject({ code: 'QUEUE_FULL' });
    expect(queue.waiting).toBe(2);
  });

  test('by bytes', async () => {
    const queue = createQueue({ maxRequests: 10, maxBytes: 100 });
    submit(queue, '1', { bytes: 60 });
    await expect(submit(queue, '2', { bytes: 41 }).answer).rejects.toThrow('100 bytes');
    submit(queue, '3', { bytes: 40 });
    expect(queue.waiting).toBe(2);
  });

  test('but takes a single request larger than its bytes, so that it is answered at all', () => {
    const queue = createQueue({ maxRequests: 10, maxBytes: 100 });
    submit(queue, '1', { bytes: 1000 });
    expect(queue.waiting).toBe(1);
  });

  test('and what runs does not count', async () => {
    const queue = createQueue({ maxRequests: 1, maxBytes: 100 });
    queue.addInstance('a');
    const first = submit(queue, '1', { bytes: 100 });
    submit(queue, '2', { bytes: 100 });
    await expect(submit(queue, '3').answer).rejects.toMatchObject({ code: 'QUEUE_FULL' });
    first.finish();
    await settle();
    submit(queue, '4');
    expect([queue.running, queue.waiting]).toEqual([1, 1]);
  });
});

describe('an aborted signal', () => {
  const gone = new Error('client gone');

  test('before submitting: never waits', async () => {
    const queue = createQueue();
    await expect(submit(queue, 'x', { signal: AbortSignal.abort(gone) }).answer).rejects.toBe(gone);
    expect(queue.waiting).toBe(0);
  });

  test('while waiting: never runs, and its room is free', async () => {
    const queue = createQueue({ maxRequests: 1, maxBytes: 10 });
    const controller = new AbortController();
    const job = submit(queue, 'x', { bytes: 10, signal: controller.signal });
    controller.abort(gone);
    await expect(job.answer).rejects.toBe(gone);
    submit(queue, 'y', { bytes: 10 });
    queue.addInstance('a');
    expect([job.instance, queue.waiting, queue.running]).toEqual([undefined, 0, 1]);
  });

  test('while running: the caller is free at once, the instance when its run ends', async () => {
    const queue = createQueue();
    queue.addInstance('a');
    const controller = new AbortController();
    const job = submit(queue, 'x', { signal: controller.signal });
    const next = submit(queue, 'y');
    controller.abort(gone);
    await expect(job.answer).rejects.toBe(gone);
    await settle();
    expect([next.instance, queue.running]).toEqual([undefined, 1]);
    job.finish();
    await settle();
    expect(next.instance).toBe('a');
  });

  test('after the answer: changes nothing', async () => {
    const queue = createQueue();
    queue.addInstance('a');
    const controller = new AbortController();
    const job = submit(queue, 'x', { signal: controller.signal });
    job.finish();
    await job.answer;
    controller.abort(gone);
    expect(await job.answer).toBe('answer of x');
  });
});

describe('a run that fails frees its instance', () => {
  test('when it rejects', async () => {
    const queue = createQueue();
    queue.addInstance('a');
    const job = submit(queue, 'x');
    job.fail(new Error('broken'));
    await expect(job.answer).rejects.toThrow('broken');
    expect(submit(queue, 'y').instance).toBe('a');
  });

  test('when it throws before it returns a promise', async () => {
    const queue = createQueue();
    queue.addInstance('a');
    const thrown = queue.submit({
      bytes: 1,
      signal: newSignal(),
      run() {
        throw new Error('at once');
      },
    });
    await expect(thrown).rejects.toThrow('at once');
    expect(submit(queue, 'y').instance).toBe('a');
  });
});

describe('an instance that is removed', () => {
  test('while it is free takes nothing', () => {
    const queue = createQueue();
    queue.addInstance('a');
    queue.removeInstance('a');
    expect(submit(queue, 'x').instance).toBeUndefined();
  });

  test('while it runs ends its run and takes nothing more', async () => {
    const queue = createQueue();
    queue.addInstance('a');
    const job = submit(queue, 'x');
    const next = submit(queue, 'y');
    queue.removeInstance('a');
    job.finish();
    expect(await job.answer).toBe('answer of x');
    await settle();
    expect([next.instance, queue.running]).toEqual([undefined, 0]);
    queue.addInstance('b');
    expect(next.instance).toBe('b');
  });
});

test('closing fails what waits and what comes later, not what runs', async () => {
  const queue = createQueue();
  queue.addInstance('a');
  const reason = new Error('unloaded');
  const controller = new AbortController();
  const [running, waiting] = [submit(queue, '1'), submit(queue, '2', controller)];
  queue.close(reason);
  await expect(waiting.answer).rejects.toBe(reason);
  await expect(submit(queue, '3').answer).rejects.toBe(reason);
  running.finish();
  expect(await running.answer).toBe('answer of 1');
  expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
});

test('ten thousand requests on one signal leave no listener and no warning behind', async () => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning);
  process.on('warning', onWarning);
  const queue = createQueue();
  const { signal } = new AbortController();
  const answers = Array.from({ length: 10_000 }, (_, i) =>
    queue.submit({ bytes: 1, signal, run: async () => i }),
  );
  queue.addInstance('a');
  expect((await Promise.all(answers)).at(-1)).toBe(9999);
  await settle();
  process.off('warning', onWarning);
  expect([getEventListeners(signal, 'abort').length, warnings]).toEqual([0, []]);
});

describe.each([1, 2, 3, 4, 5])('schedule %d', (seed) => {
  test('every request settles exactly once, with its own answer, and the queue ends empty', async () => {
    const random = createRandom(seed);
    const queue = createQueue({ maxRequests: 20, maxBytes: 200 });
    const jobs: { job: Job; controller: AbortController; outcomes: string[] }[] = [];
    const instances = new Set<string>();
    const pick = <T>(list: readonly T[]): T | undefined => list[Math.floor(random() * list.length)];

    const actions: readonly (() => void)[] = [
      () => {
        const controller = new AbortController();
        const name = String(jobs.length);
        const bytes = Math.floor(random() * 40);
        const job = submit(queue, name, { bytes, signal: controller.signal });
        const outcomes: string[] = [];
        job.answer.then(
          (answer) => outcomes.push(answer),
          (error: Error) => outcomes.push(`error: ${error.message}`),
        );
        jobs.push({ job, controller, outcomes });
      },
      () => pick(jobs)?.controller.abort(new Error('gone')),
      () => pick(jobs.filter(({ job }) => job.instance))?.job.finish(),
      () => pick(jobs.filter(({ job }) => job.instance))?.job.fail(new Error('failed')),
      () => {
        const name = `instance ${random()}`;
        if (instances.size < 4) queue.addInstance(instances.add(name) && name);
      },
      () => {
        const name = pick([...instances]);
        if (name && instances.delete(name)) queue.removeInstance(name);
      },
    ];
    const chances = [0, 0, 0, 0, 1, 2, 2, 2, 3, 4, 5];
    for (let step = 0; step < 3000; step += 1) {
      actions[pick(chances) as number]?.();
      expect(queue.waiting).toBeLessThanOrEqual(20);
      if (random() < 0.3) await settle();
    }
    queue.addInstance('the last');
    for (
      let rest = queue.waiting + queue.running + 1;
      rest > 0;
      rest = queue.waiting + queue.running
    ) {
      for (const { job } of jobs) if (job.instance) job.finish();
      await settle();
    }
    await settle();
    for (const { job, outcomes } of jobs) {
      expect(outcomes).toHaveLength(1);
      expect(outcomes[0]).toMatch(
        new RegExp(
          `^(answer of ${job.name}|error: (gone|failed|The queue of model test is full.*))$`,
        ),
      );
    }
    expect([queue.waiting, queue.running]).toEqual([0, 0]);
  });
});
