/** The memory of another process, as Linux tells it. */

import { readFile } from 'node:fs/promises';

export interface ProcessMemory {
  /** Pages in RAM, shared ones included. */
  readonly residentBytes: number;
  /** Those that are of no file: the process's own. */
  readonly anonymousBytes: number;
}

function bytesOf(status: string, name: string): number | undefined {
  // In kB and not in pages, whose size differs between machines (statm has pages).
  const [, kilobytes] = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status) ?? [];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}

/** Undefined when the process is gone, or the platform has no /proc. */
export async function readProcessMemory(pid: number): Promise<ProcessMemory | undefined> {
  try {
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    const residentBytes = bytesOf(status, 'VmRSS');
    const anonymousBytes = bytesOf(status, 'RssAnon');
    if (residentBytes === undefined || anonymousBytes === undefined) return undefined;
    return { residentBytes, anonymousBytes };
  } catch {
    return undefined;
  }
}
