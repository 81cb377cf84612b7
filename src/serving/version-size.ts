/** How much of the disk and of the memory a version takes, in bytes. */

import { stat } from 'node:fs/promises';
import type { ReadVersion } from '../repository/read-model.ts';
import { readProcessMemory } from '../telemetry/runner-memory.ts';
import type { ServedVersion } from './served-version.ts';

/** The model file with its external data; null when one of them is gone. */
export async function sizeOnDisk({ file, signature }: ReadVersion): Promise<number | null> {
  const files = signature?.files ?? (file ? [file] : []);
  try {
    const sizes = await Promise.all(files.map(async (path) => (await stat(path)).size));
    return sizes.length === 0 ? null : sizes.reduce((total, size) => total + size, 0);
  } catch {
    return null;
  }
}

/**
 * What its runners have in RAM; pages that they share are counted once each. Null where none serves, and
 * on platforms without /proc.
 */
export async function memoryOf({
  runners,
}: Pick<ServedVersion, 'runners'>): Promise<number | null> {
  const all = await Promise.all(runners.map(({ pid }) => readProcessMemory(pid)));
  const known = all.filter((memory) => memory !== undefined);
  return known.length === 0
    ? null
    : known.reduce((total, { residentBytes }) => total + residentBytes, 0);
}
