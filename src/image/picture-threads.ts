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
const entry = new URL(`./picture-thread${import.meta.url.slice(-3)}`, import.meta.url);

export type NewJob = Omit<ReadJob, 'id'>;

export interface PictureThreads {
  run(job: NewJob, signal: AbortSignal | undefined): Promise<Picture>;
  /** Starts the first thread now, so that the first picture does not wait for its code. */
  warmUp(): void;
  close(): Promise<void>;
}

interface Waiting {
  readonly job: NewJob;
  readonly resolve: (picture: Picture) => void;
  readonly reject: (error: unknown) => void;
  /** Set when the caller has gone: a waiting job is dropped, a running one finishes unheard. */
  gone: boolean;
}

interface Thread {
  readonly worker: Worker;
  readonly running: Map<number, Waiting>;
}

export function createPictureThreads(count: number): PictureThreads {
  const threads: Thread[] = [];
  const queue: Waiting[] = [];
  let nextId = 1;
  let closed = false;

  function startThread(): Thread {
    const thread: Thread = {
      worker: new Worker(entry, { execArgv: [], env: threadEnvironment(), name: 'picture' }),
      running: new Map(),
    };
    thread.worker.unref();
    thread.worker.on('message', (reply: ReadReply) => finish(thread, reply));
    thread.worker.on('error', (error) => bury(thread, error));
    thread.worker.on('exit', () => bury(thread, new Error('a picture thread ended')));
    threads.push(thread);
    return thread;
  }

  function finish(thread: Thread, reply: ReadReply): void {
    const waiting = thread.running.get(reply.id);
    thread.running.delete(reply.id);
    if (thread.running.size === 0) thread.worker.unref();
    if (waiting) settle(waiting, reply);
    dispatch();
  }

  function bury(thread: Thread, error: unknown): void {
    const at = threads.indexOf(thread);
    if (at >= 0) threads.splice(at, 1);
    for (const waiting of thread.running.values()) waiting.reject(error);
    thread.running.clear();
    dispatch();
  }

  function dispatch(): void {
    while (queue.length > 0) {
      const thread = closed ? undefined : freeThread();
      if (!thread) return;
      const waiting = queue.shift() as Waiting;
      if (!waiting.gone) send(thread, waiting);
    }
  }

  function freeThread(): Thread | undefined {
    const least = threads.toSorted((a, b) => a.running.size - b.running.size)[0];
    if (least && least.running.size === 0) return least;
    if (threads.length < count) return startThread();
    return least && least.running.size < jobsPerThread ? least : undefined;
  }

  function send(thread: Thread, waiting: Waiting): void {
    const id = nextId++;
    if (thread.running.size === 0) thread.worker.ref();
    thread.running.set(id, waiting);
    thread.worker.postMessage({ ...waiting.job, id }, [waiting.job.bytes.buffer]);
  }

  return {
    run: (job, signal) =>
      new Promise((resolve, reject) => {
        if (closed) throw new ServingError('SHUTTING_DOWN', {});
        const waiting: Waiting = { job, resolve, reject, gone: false };
        signal?.throwIfAborted();
        rejectOnAbort(waiting, signal);
        queue.push(waiting);
        dispatch();
      }),
    warmUp() {
      if (!closed && threads.length === 0) startThread();
    },
    async close() {
      closed = true;
      for (const waiting of queue.splice(0)) waiting.reject(new ServingError('SHUTTING_DOWN', {}));
      await Promise.all(threads.map(({ worker }) => worker.terminate()));
    },
  };
}

/** A thread has the compiled code of earlier starts only when its environment says where. */
function threadEnvironment(): Record<string, string> {
  const folder = getCompileCacheDir();
  return folder ? { NODE_COMPILE_CACHE: dirname(folder) } : {};
}

function settle(waiting: Waiting, reply: ReadReply): void {
  if ('picture' in reply) waiting.resolve(reply.picture);
  else if ('error' in reply) waiting.reject(fromPlain(reply.error));
  else waiting.reject(new Error(`a picture thread failed: ${reply.bug}`));
}

function rejectOnAbort(waiting: Waiting, signal: AbortSignal | undefined): void {
  signal?.addEventListener(
    'abort',
    () => {
      waiting.gone = true;
      waiting.reject(signal.reason);
    },
    { once: true },
  );
}
