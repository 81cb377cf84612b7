/**
 * Leases of copies in the cache: who uses a copy says so with a file in its folder, which is renewed while
 * the use lasts, so that no process that shares the cache removes it. What a killed process left runs out.
 */

import { rmSync } from 'node:fs';
import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const { randomUUID } = process.getBuiltinModule('node:crypto');

export interface Leases {
  /** Holds a folder, as often as it is called; gives what ends that once. A folder that is not there yet may be held. */
  hold(folder: string): Promise<() => void>;
  /** By this process or another. */
  isHeld(folder: string): Promise<boolean>;
}

const prefix = '.in-use-';
const renewEveryMs = 600_000;
const runsOutAfterMs = 3 * renewEveryMs;

/** `now`: milliseconds since 1970. */
export function createLeases(now: () => number = Date.now): Leases {
  const ownName = `${prefix}${randomUUID()}`;
  const counts = new Map<string, number>();
  let renewing: NodeJS.Timeout | undefined;

  /** Writing sets the time of the file, which is what counts. */
  const write = (folder: string): Promise<void> =>
    writeFile(join(folder, ownName), '').catch(() => {});

  function renew(): void {
    for (const folder of counts.keys()) void write(folder);
  }

  function release(folder: string): void {
    const left = (counts.get(folder) ?? 0) - 1;
    if (left > 0) {
      counts.set(folder, left);
      return;
    }
    counts.delete(folder);
    rmSync(join(folder, ownName), { force: true });
    if (counts.size > 0) return;
    clearInterval(renewing);
    renewing = undefined;
  }

  async function isFresh(path: string): Promise<boolean> {
    const changed = await stat(path).then(
      ({ mtimeMs }) => mtimeMs,
      () => 0,
    );
    return now() - changed < runsOutAfterMs;
  }

  return {
    async hold(folder) {
      counts.set(folder, (counts.get(folder) ?? 0) + 1);
      renewing ??= setInterval(renew, renewEveryMs).unref();
      await write(folder);
      let held = true;
      return () => {
        if (held) release(folder);
        held = false;
      };
    },
    async isHeld(folder) {
      if (counts.has(folder)) return true;
      const names = await readdir(folder).catch(() => []);
      const fresh = names
        .filter((name) => name.startsWith(prefix))
        .map((name) => isFresh(join(folder, name)));
      return (await Promise.all(fresh)).includes(true);
    },
  };
}
