/**
 * The queue of one model version: bounded in requests and bytes, first in first out; a free instance
 * takes what waits, an empty queue runs at once. Cancelled and expired requests never run.
 *
 * Knows no model: an instance is whatever `addInstance` was given, and a request is a function of it.
 */

import { ServingError } from '../errors.ts';

export interface QueueLimits {
  readonly maxRequests: number;
  readonly maxBytes: number;
}

export interface Work<Instance, Result> {
  /** What the request holds in memory while it waits. */
  readonly bytes: number;
  readonly signal: AbortSignal;
  run(instance: Instance): Promise<Result>;
}

export interface RequestQueue<Instance> {
  /** Settles with the result of `run`. Throws QUEUE_FULL, or the signal's reason. */
  submit<Result>(work: Work<Instance, Result>): Promise<Result>;
  addInstance(instance: Instance): void;
  /** The instance takes no more work; what it is running settles on its own. */
  removeInstance(instance: Instance): void;
  /** What waits fails with `reason`, and so does what comes later; what is running settles on its own. */
  close(reason: Error): void;
  readonly waiting: number;
  readonly running: number;
}

interface Entry<Instance> {
  readonly bytes: number;
  readonly start: (instance: Instance) => Promise<void>;
  readonly fail: (reason: Error) => void;
}

export function createRequestQueue<Instance>(
  model: string,
  limits: QueueLimits,
): RequestQueue<Instance> {
  const entries = new Set<Entry<Instance>>();
  const instances = new Set<Instance>();
  const free: Instance[] = [];
  let waitingBytes = 0;
  let running = 0;
  let closed: Error | undefined;

  function remove(entry: Entry<Instance>): boolean {
    if (!entries.delete(entry)) return false;
    waitingBytes -= entry.bytes;
    return true;
  }

  async function execute(entry: Entry<Instance>, instance: Instance): Promise<void> {
    running += 1;
    await entry.start(instance);
    running -= 1;
    if (instances.has(instance)) free.push(instance);
    dispatch();
  }

  function dispatch(): void {
    while (free.length > 0 && entries.size > 0) {
      const entry = entries.values().next().value as Entry<Instance>;
      remove(entry);
      void execute(entry, free.pop() as Instance);
    }
  }

  function checkRoom(bytes: number): void {
    const full = (limit: string): ServingError<'QUEUE_FULL'> =>
      new ServingError('QUEUE_FULL', { model, limit, retryAfterSeconds: 1 });
    if (entries.size >= limits.maxRequests) throw full(`${limits.maxRequests} requests`);
    if (entries.size > 0 && waitingBytes + bytes > limits.maxBytes)
      throw full(`${limits.maxBytes} bytes`);
  }

  return {
    async submit<Result>({ bytes, signal, run }: Work<Instance, Result>): Promise<Result> {
      if (closed) throw closed;
      signal.throwIfAborted();
      if (free.length === 0) checkRoom(bytes);
      return new Promise<Result>((resolve, reject) => {
        const onAbort = (): void => {
          remove(entry);
          reject(signal.reason as Error);
        };
        const entry: Entry<Instance> = {
          bytes,
          fail(reason) {
            signal.removeEventListener('abort', onAbort);
            reject(reason);
          },
          async start(instance) {
            try {
              resolve(await run(instance));
            } catch (error) {
              reject(error as Error);
            } finally {
              signal.removeEventListener('abort', onAbort);
            }
          },
        };
        signal.addEventListener('abort', onAbort, { once: true });
        entries.add(entry);
        waitingBytes += bytes;
        dispatch();
      });
    },
    addInstance(instance) {
      instances.add(instance);
      free.push(instance);
      dispatch();
    },
    removeInstance(instance) {
      instances.delete(instance);
      const position = free.indexOf(instance);
      if (position !== -1) free.splice(position, 1);
    },
    close(reason) {
      closed = reason;
      for (const entry of [...entries]) {
        remove(entry);
        entry.fail(reason);
      }
    },
    get waiting() {
      return entries.size;
    },
    get running() {
      return running;
    },
  };
}
