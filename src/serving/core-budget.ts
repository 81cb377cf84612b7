/**
 * Shares the machine's cores among the models: instances × threads of all together is at most the
 * cores, unless told otherwise. One thread an instance gives the most throughput (no thread pool, no
 * spinning), several instances the isolation; threads are used where instances alone would not fill
 * the machine.
 */

export interface CoreRequest {
  readonly instances?: number | undefined;
  readonly threads?: number | undefined;
}

export interface CoreShare {
  readonly instances: number;
  readonly threads: number;
}

/** An instance costs memory: beyond this many, further cores become threads. */
const mostInstances = 4;

/** `versions`: how many model versions serve side by side; `cores`: what the process may use. */
export function shareCores(cores: number, versions: number, request: CoreRequest): CoreShare {
  const share = Math.max(1, Math.floor(cores / Math.max(1, versions)));
  const { instances, threads } = request;
  if (instances && threads) return { instances, threads };
  if (instances) return { instances, threads: Math.max(1, Math.floor(share / instances)) };
  if (threads) return { instances: Math.max(1, Math.floor(share / threads)), threads };
  const count = Math.min(share, mostInstances);
  return { instances: count, threads: Math.max(1, Math.floor(share / count)) };
}
