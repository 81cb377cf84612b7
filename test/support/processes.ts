/** The processes of the machine, as /proc lists them. */

import { readdirSync, readFileSync } from 'node:fs';
import { waitUntil } from './wait-until.ts';

interface ProcessRow {
  readonly pid: number;
  readonly parent: number;
  /** Z: dead, and not yet collected by its parent. */
  readonly state: string;
}

/** The fields of its stat behind its name, which may hold anything; none when it is gone. */
function statOf(pid: string | number): string[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}

function readRow(pid: string): ProcessRow[] {
  const [state, parent] = statOf(pid);
  return state === undefined ? [] : [{ pid: Number(pid), parent: Number(parent), state }];
}

function living(): ProcessRow[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap(readRow)
    .filter(({ state }) => state !== 'Z' && state !== 'X');
}

/** Its command line, or the title that it gave itself; empty when it is gone. */
function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

/** All child processes. */
export function childrenOf(server: number): number[] {
  return living()
    .filter(({ parent }) => parent === server)
    .map(({ pid }) => pid);
}

/** The runners of a server: child processes of their own name. */
export function runnersOf(server: number): number[] {
  return living()
    .filter(({ parent }) => parent === server)
    .filter(({ pid }) => /modelship runner|processes\/runner\.js/.test(commandOf(pid)))
    .map(({ pid }) => pid)
    .sort((a, b) => a - b);
}

/** The process that converts a model for a server now; undefined when none does. */
export function converterOf(server: number): number | undefined {
  return childrenOf(server).find((pid) => /processes\/converter\.js/.test(commandOf(pid)));
}

export async function waitUntilGone(pids: readonly number[], limitMs?: number): Promise<void> {
  const areGone = (): boolean => {
    const all = living().map(({ pid }) => pid);
    return pids.every((pid) => !all.includes(pid));
  };
  await waitUntil(`processes ${pids.join(', ')} are gone`, areGone, limitMs);
}

/** Sends a signal to each that is still there. */
export function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // Ended meanwhile.
    }
  }
}

/** Hundredths of a second that a process has worked; 0 when it is gone. */
export function cpuTicksOf(pid: number): number {
  const fields = statOf(pid);
  return Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
}

/** Undefined when it is gone. */
export function nicenessOf(pid: number): number | undefined {
  const field = statOf(pid)[16];
  return field === undefined ? undefined : Number(field);
}
