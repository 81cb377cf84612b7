/** The pool with puppets for threads: they answer when a test says so. */

import { EventEmitter } from 'node:events';
import { describe, expect, test } from 'vitest';
import type { NewJob, PictureWorker, WaitingLimits } from './picture-threads.ts';
import { createPictureThreads } from './picture-threads.ts';
import { geometryOf } from './pictures.fixture.ts';
import type { Picture, ReadJob } from './thread-messages.ts';

const picture: Picture = { width: 1, height: 1, channels: 1, data: new Uint8Array(1) };
const header = { format: 'PNG', width: 1, height: 1 } as never;

function jobOf(where: string, bytes = 10): NewJob {
  return { bytes: new Uint8Array(bytes), header, geometry: geometryOf(), where };
}

type Puppet = PictureWorker & EventEmitter & { readonly jobs: ReadJob[] };

function createPuppet(): Puppet {
  const jobs: ReadJob[] = [];
  const nothing = (): void => {};
  return Object.assign(new EventEmitter(), {
    jobs,
    postMessage: (job: ReadJob) => void jobs.push(job),
    ref: nothing,
    unref: nothing,
    terminate: async () => 0,
  }) as never;
}

/** One thread with its two jobs at once; what it got, by name. */
function createStage(waiting?: WaitingLimits) {
  const puppets: Puppet[] = [];
  const pool = createPictureThreads({
    count: 1,
    waiting,
    startWorker: () => {
      const puppet = createPuppet();
      puppets.push(puppet);
      return puppet;
    },
  });
  const thread = () => puppets[0] as Puppet;
  return {
    pool,
    puppets,
    /** Runs a job whose outcome a test looks at when it wants to. */
    run(where: string, owner?: object, signal?: AbortSignal, bytes?: number) {
      const outcome = pool.run(jobOf(where, bytes), signal, owner);
      outcome.catch(() => {});
      return outcome;
    },
    started: () => puppets.flatMap(({ jobs }) => jobs).map(({ where }) => where),
    /** Answers the oldest jobs, one by one, until none is left. */
    answerAll() {
      for (let at = 0; at < thread().jobs.length; at += 1) {
        thread().emit('message', { id: thread().jobs[at]?.id, picture });
      }
    },
  };
}

const [large, small, third] = [{}, {}, {}];

describe('requests take turns', () => {
  test('one with many pictures holds another up by one picture at most', async () => {
    const { run, started, answerAll } = createStage();
    for (let i = 1; i <= 6; i += 1) void run(`large ${i}`, large);
    const two = [run('small 1', small), run('small 2', small)];
    void run('third', third);
    expect(started()).toEqual(['large 1', 'large 2']);
    answerAll();
    await Promise.all(two);
    expect(started().slice(2)).toEqual([
      'large 3',
      'small 1',
      'third',
      'large 4',
      'small 2',
      'large 5',
      'large 6',
    ]);
  });

  test('jobs without an owner come in their order', () => {
    const { run, started, answerAll } = createStage();
    for (const name of ['1', '2', '3', '4', '5']) void run(name);
    answerAll();
    expect(started()).toEqual(['1', '2', '3', '4', '5']);
  });

  test('a request that is cancelled costs no turn', async () => {
    const { run, started, answerAll } = createStage();
    const gone = new AbortController();
    for (let i = 1; i <= 4; i += 1) void run(`large ${i}`, large);
    const dropped = [1, 2].map((i) => run(`gone ${i}`, small, gone.signal));
    void run('third', third);
    gone.abort(new Error('the client is gone'));
    for (const one of dropped) await expect(one).rejects.toThrow('the client is gone');
    answerAll();
    expect(started().slice(2)).toEqual(['large 3', 'third', 'large 4']);
  });
});

describe('what waits is bounded', () => {
  test('in pictures; those that run do not count', async () => {
    const { run, answerAll } = createStage({ pictures: 2, bytes: 1000 });
    const first = [run('1'), run('2'), run('3'), run('4')];
    await expect(run('5')).rejects.toMatchObject({
      code: 'DECODE_QUEUE_FULL',
      details: { limit: '2 pictures, 1000 bytes', retryAfterSeconds: 1 },
    });
    answerAll();
    await Promise.all(first);
    const later = run('6');
    answerAll();
    await later;
  });

  test('in bytes, but one alone may be larger', async () => {
    const { run } = createStage({ pictures: 100, bytes: 50 });
    for (const name of ['1', '2']) void run(name);
    void run('larger than the limit', {}, undefined, 60);
    await expect(run('one more')).rejects.toMatchObject({ code: 'DECODE_QUEUE_FULL' });
  });

  test('what was cancelled makes room at once', async () => {
    const { run, answerAll } = createStage({ pictures: 1, bytes: 20 });
    for (const name of ['1', '2']) void run(name);
    const gone = new AbortController();
    void run('gone', small, gone.signal, 20);
    gone.abort();
    const next = run('next', third, undefined, 20);
    answerAll();
    expect(await next).toBe(picture);
  });
});

test('a thread that dies fails what it had, and what waits goes to a new one', async () => {
  const { run, puppets, started, pool } = createStage();
  const [first, second, third] = [run('1'), run('2'), run('3')];
  puppets[0]?.emit('error', new Error('out of memory'));
  await expect(first).rejects.toThrow('out of memory');
  await expect(second).rejects.toThrow('out of memory');
  expect([puppets.length, started()]).toEqual([2, ['1', '2', '3']]);
  await pool.close();
  puppets[1]?.emit('exit');
  await expect(third).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
});

test('the bytes of a job are copied when its turn comes, and not before', async () => {
  const { pool, puppets } = createStage();
  const job = jobOf('1');
  void pool.run(job, undefined);
  const sent = puppets[0]?.jobs[0]?.bytes;
  expect(sent).toEqual(job.bytes);
  expect(sent?.buffer).not.toBe(job.bytes.buffer);
});
