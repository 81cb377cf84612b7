/**
 * The first runner process, started before anything else is even read: it takes as long to come up as
 * the command line, the settings and the models take to be read, and the two need each other only then.
 */

import type { ChildProcess } from 'node:child_process';
import { hasEnded, spawnRunner } from '../runner/runner-process.ts';
import { cacheFolder, runnerEnvironment } from './places.ts';

let early: ChildProcess | undefined;

export function startEarlyRunner(): void {
  early = spawnRunner(runnerEnvironment(cacheFolder(process.env.MODELSHIP_CACHE_DIR)));
  // It is then not taken, and the one that is started instead reports what is wrong.
  early.once('error', () => {});
}

/** The early process, once; undefined when there is none or it is gone already. */
export function takeEarlyRunner(): ChildProcess | undefined {
  const taken = early?.pid !== undefined && !hasEnded(early) ? early : undefined;
  early = undefined;
  return taken;
}

/** Ends the early process when nothing took it. */
export function dropEarlyRunner(): void {
  early?.kill('SIGKILL');
  early = undefined;
}
