/**
 * Asks an idle runner again and again whether it lives, and ends one that does not answer.
 *
 * A runner that runs is left alone: a run blocks its thread, and has a limit of its own.
 */

import type { RunnerProcess } from './runner-process.ts';

export interface HeartbeatOptions {
  readonly runner: Pick<RunnerProcess, 'ping' | 'busy' | 'kill'>;
  /** Milliseconds between two looks. A runner has `patience` of them to answer. */
  readonly everyMs: number;
  readonly schedule: (milliseconds: number, callback: () => void) => () => void;
}

/**
 * Looks in vain before a runner is ended, three intervals after its last answer at most. More than one, because a server that was itself stopped finds
 * its timers due before it has read the answers that came meanwhile.
 */
const patience = 2;

/** Starts looking; returns a function that ends it. */
export function watchHeartbeat({ runner, everyMs, schedule }: HeartbeatOptions): () => void {
  let asked = false;
  let inVain = 0;
  let cancel = schedule(everyMs, look);

  function ask(): void {
    asked = true;
    inVain = 0;
    const answered = (): void => {
      asked = false;
    };
    // Its death is told to everybody by `ended`.
    runner.ping().then(answered, answered);
  }

  function look(): void {
    if (runner.busy) inVain = 0;
    else if (!asked) ask();
    else inVain += 1;
    if (inVain >= patience) runner.kill(`it did not answer for ${patience * everyMs} ms`, 'hung');
    else cancel = schedule(everyMs, look);
  }

  return () => cancel();
}
