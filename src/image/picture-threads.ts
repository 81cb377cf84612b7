/**
 * The pool of picture threads: started at the first job, unreferenced while they have none.
 *
 * Owns: which thread gets which job, how many are under way and wait, what happens when a thread dies.
 * Does not own: what a job is. A thread decodes in libuv's pool while it scales another picture, so
 * each gets up to two jobs at once. The others wait here, and their bytes stay where they are; the
 * owners of jobs, which are requests, take turns, so that one with many large pictures holds up nobody.
 */

import { getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { fromPlain, ServingError } from '../errors.ts';
import { createFairQueue } from './fair-queue.ts';
import type { Picture, ReadJob, ReadReply } from './thread-messages.ts';

const jobsPerThread = 2;
/** Pixels lie outside the heap; a small young generation lets their buffers go sooner. */
const resourceLimits = { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 64 };
const entry = new URL(`./picture-thread${import.meta.url.slice(-3)}`, import.meta.url);

/** A job for a thread, which gets a copy of the bytes when its turn comes. */
export interface NewJob extends Omit<ReadJob, 'id' | 'bytes'> {
  readonly bytes: Uint8Array;
}

/** What may wait for a thread. */
export interface WaitingLimits {
  readonly pictures: number;
  /** Of encoded pictures; one alone may be larger. */
  readonly bytes: number;
}

/** What the pool needs of a worker thread. */
export type PictureWorker = Pick<Worker, 'on' | 'postMessage' | 'ref' | 'unref' | 'terminate'>;

export interface PictureThreadsOptions {
  /** Threads at most; a second one starts only while the first is busy. */
  readonly count: number;
  readonly waiting?: WaitingLimits | undefined;
  /** Instead of real threads, in tests. */
  readonly startWorker?: () => PictureWorker;
}

export interface PictureThreads {
  /**
   * `owner` is the request that the job is for; by itself it is one of its own. Throws DECODE_QUEUE_FULL
   * at once, SHUTTING_DOWN, and the reason of `signal`.
   */
  run(job: NewJob, signal: AbortSignal | undefined, owner?: object): Promise<Picture>;
  /** Starts the first thread now, so that the first picture does not wait for its code. */
  warmUp(): void;
  close(): Promise<void>;
}

/** A job and whom to tell. */
interface Task {
  readonly job: NewJob;
  readonly owner: object;
  readonly settle: (outcome: Outcome) => void;
}

type Outcome = { readonly picture: Picture } | { readonly reason: unknown };

interface Thread {
  readonly worker: PictureWorker;
  readonly running: Map<number, Task>;
}

const noLimits: WaitingLimits = { pictures: Infinity, bytes: Infinity };
const longestRetrySeconds = 30;

export function createPictureThreads(options: PictureThreadsOptions): PictureThreads {
  const { count, waiting = noLimits, startWorker = startRealWorker } = options;
  const threads: Thread[] = [];
  const queue = createFairQueue<Task>();
  let waitingBytes = 0;
  /** Milliseconds from one finished job to the next while all are busy, averaged over some ten. */
  let pace = 0;
  let finishedAt = 0;
  let nextId = 1;
  let closed = false;

  function startThread(): Thread {
    const worker = startWorker();
    const thread: Thread = { worker, running: new Map() };
    worker.unref();
    worker.on('message', (reply: ReadReply) => finish(thread, reply));
    worker.on('error', (error) => bury(thread, error));
    worker.on('exit', () => bury(thread, new Error('a picture thread ended')));
    threads.push(thread);
    return thread;
  }

  function finish(thread: Thread, reply: ReadReply): void {
    const task = thread.running.get(reply.id);
    thread.running.delete(reply.id);
    notePace();
    if (thread.running.size === 0) thread.worker.unref();
    task?.settle(outcomeOf(reply));
    dispatch();
  }

  /** What it had fails; what waits goes to the others or to a new one. */
  function bury(thread: Thread, error: unknown): void {
    const at = threads.indexOf(thread);
    if (at >= 0) threads.splice(at, 1);
    const reason = closed ? new ServingError('SHUTTING_DOWN', {}) : error;
    for (const task of thread.running.values()) task.settle({ reason });
    thread.running.clear();
    dispatch();
  }

  function notePace(): void {
    const now = performance.now();
    if (queue.size > 0) pace += (now - finishedAt - pace) / 10;
    finishedAt = now;
  }

  function dispatch(): void {
    while (queue.size > 0) {
      const thread = closed ? undefined : freeThread();
      const task = thread && queue.take();
      if (!task) return;
      waitingBytes -= task.job.bytes.byteLength;
      send(thread, task);
    }
  }

  function wait(task: Task): void {
    const { byteLength } = task.job.bytes;
    const full = queue.size >= waiting.pictures || waitingBytes + byteLength > waiting.bytes;
    if (full && queue.size > 0) {
      const seconds = Math.ceil((queue.size * pace) / 1000);
      const limit = `${waiting.pictures} pictures, ${waiting.bytes} bytes`;
      const retryAfterSeconds = Math.min(longestRetrySeconds, Math.max(1, seconds));
      throw new ServingError('DECODE_QUEUE_FULL', { limit, retryAfterSeconds });
    }
    queue.add(task.owner, task);
    waitingBytes += byteLength;
  }

  /** The caller has gone: it waits no longer; when it runs it finishes unheard. */
  function leave(task: Task): void {
    const before = queue.size;
    queue.remove(task.owner, task);
    if (queue.size < before) waitingBytes -= task.job.bytes.byteLength;
  }

  function freeThread(): Thread | undefined {
    const least = threads.toSorted((a, b) => a.running.size - b.running.size)[0];
    if (least?.running.size === 0) return least;
    if (threads.length < count) return startThread();
    return least && least.running.size < jobsPerThread ? least : undefined;
  }

  function send(thread: Thread, task: Task): void {
    const id = nextId++;
    if (thread.running.size === 0) thread.worker.ref();
    thread.running.set(id, task);
    // Of its own buffer, so that it can be transferred: the original is part of a request's body.
    const bytes = new Uint8Array(task.job.bytes);
    thread.worker.postMessage({ ...task.job, bytes, id }, [bytes.buffer]);
  }

  return {
    async run(job, signal, owner = job) {
      if (closed) throw new ServingError('SHUTTING_DOWN', {});
      signal?.throwIfAborted();
      const { promise, resolve, reject } = Promise.withResolvers<Picture>();
      const end = (): void => {
        leave(task);
        reject(signal?.reason);
      };
      const task: Task = {
        job,
        owner,
        settle(outcome) {
          signal?.removeEventListener('abort', end);
          if ('picture' in outcome) resolve(outcome.picture);
          else reject(outcome.reason);
        },
      };
      wait(task);
      signal?.addEventListener('abort', end, { once: true });
      dispatch();
      return promise;
    },
    warmUp() {
      if (!closed && threads.length === 0) startThread();
    },
    async close() {
      closed = true;
      const reason = new ServingError('SHUTTING_DOWN', {});
      for (const task of queue.drain()) task.settle({ reason });
      waitingBytes = 0;
      await Promise.all(threads.map(({ worker }) => worker.terminate()));
    },
  };
}

/** A thread has the compiled code of earlier starts only when its environment says where. */
function threadEnvironment(): Record<string, string> {
  const folder = getCompileCacheDir();
  return folder ? { NODE_COMPILE_CACHE: dirname(folder) } : {};
}

function startRealWorker(): PictureWorker {
  return new Worker(entry, {
    execArgv: [],
    env: threadEnvironment(),
    name: 'picture',
    resourceLimits,
  });
}

function outcomeOf(reply: ReadReply): Outcome {
  if ('picture' in reply) return { picture: reply.picture };
  if ('error' in reply) return { reason: fromPlain(reply.error) };
  return { reason: new Error(`a picture thread failed: ${reply.bug}`) };
}
