/**
 * Ties a load order to the content that the server read: a file that was replaced under a running server
 * must not come back as the same version with other answers when a runner is replaced.
 */

import { statSync } from 'node:fs';

/** Changes whenever the file is written or replaced. Throws when it is gone. */
export function stampOf(path: string): string {
  const { size, ino, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
  return [size, ino, mtimeNs, ctimeNs].join('-');
}

/** Throws when a file is not the one that the server read. */
export function checkUnchanged(stamps: Readonly<Record<string, string>>): void {
  for (const [path, stamp] of Object.entries(stamps)) {
    if (stampOf(path) !== stamp) {
      throw new Error(
        `${path} has changed since the server read it; a server that watches (--watch) loads the new file, another has to be restarted`,
      );
    }
  }
}
