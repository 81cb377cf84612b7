/**
 * The pool of picture threads: started at the first job, unreferenced while they have none.
 *
 * Owns: which thread gets which job, how many are under way, what happens when a thread dies.
 * Does not own: what a job is. A thread decodes in libuv's pool while it scales another picture, so
 * each gets up to two jobs at once; the others wait here and cost only their encoded bytes.
 */

import { getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { fromPlain, ServingError } from '../errors.ts';
import type { Picture, ReadJob, ReadReply } from './thread-messages.ts';

const jobsPerThread = 2;
/** Pixels lie outside the heap; a small young generation lets their buffers go sooner. */
const resourceLimits = { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 64 };
const entry = new URL(`./picture-thread${import.meta.url.slice(-3)}`, import.meta.url);

export type NewJob = Omit<ReadJob, 'id'>;

export interface PictureThreads {
  run(job: NewJob, signal: AbortSignal | undefined): Promise<Picture>;
  /** Starts the first thread now, so that the first picture does not wait for its code. */
  warmUp(): void;
  close(): Promise<void>;
}

/** A job and whom to tell. */
interface Task {
  readonly job: NewJob;
  readonly settle: (outcome: Outcome) => void;
  /** The caller has gone: a waiting task is dropped, a running one finishes unheard. */
  gone: boolean;
}

type Outcome = { readonly picture: Picture } | { readonly reason: unknown };

interface Thread {
  readonly worker: Worker;
  readonly running: Map<number, Task>;
}

/** @param count threads at most; a second one starts only while the first is busy */
export function createPictureThreads(count: number): PictureThreads {
  const threads: Thread[] = [];
  const queue: Task[] = [];
  let nextId = 1;
  let closed = false;

  function startThread(): Thread {
    const worker = new Worker(entry, {
      execArgv: [],
      env: threadEnvironment(),
      name: 'picture',
      resourceLimits,
    });
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

  function dispatch(): void {
    while (queue.length > 0) {
      const thread = closed ? undefined : freeThread();
      if (!thread) return;
      const task = queue.shift() as Task;
      if (!task.gone) send(thread, task);
    }
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
    thread.worker.postMessage({ ...task.job, id }, [task.job.bytes.buffer]);
  }

  return {
    async run(job, signal) {
      if (closed) throw new ServingError('SHUTTING_DOWN', {});
      signal?.throwIfAborted();
      const { task, promise } = createTask(job, signal);
      queue.push(task);
      dispatch();
      return promise;
    },
    warmUp() {
      if (!closed && threads.length === 0) startThread();
    },
    async close() {
      closed = true;
      const reason = new ServingError('SHUTTING_DOWN', {});
      for (const task of queue.splice(0)) task.settle({ reason });
      await Promise.all(threads.map(({ worker }) => worker.terminate()));
    },
  };
}

/** A thread has the compiled code of earlier starts only when its environment says where. */
function threadEnvironment(): Record<string, string> {
  const folder = getCompileCacheDir();
  return folder ? { NODE_COMPILE_CACHE: dirname(folder) } : {};
}

function createTask(
  job: NewJob,
  signal: AbortSignal | undefined,
): { task: Task; promise: Promise<Picture> } {
  const { promise, resolve, reject } = Promise.withResolvers<Picture>();
  const leave = (): void => {
    task.gone = true;
    reject(signal?.reason);
  };
  const task: Task = {
    job,
    gone: false,
    settle(outcome) {
      signal?.removeEventListener('abort', leave);
      if ('picture' in outcome) resolve(outcome.picture);
      else reject(outcome.reason);
    },
  };
  signal?.addEventListener('abort', leave, { once: true });
  return { task, promise };
}

function outcomeOf(reply: ReadReply): Outcome {
  if ('picture' in reply) return { picture: reply.picture };
  if ('error' in reply) return { reason: fromPlain(reply.error) };
  return { reason: new Error(`a picture thread failed: ${reply.bug}`) };
}
