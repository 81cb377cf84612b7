/**
 * Links in a model's folder. Those inside of it are followed, as Kubernetes' mounted volumes have them; one that
 * leads out would make the server read any file of the machine.
 */

import { lstatSync, realpathSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { InvalidModelError } from '../problems.ts';

/**
 * Throws InvalidModelError for the first of the names under `folder` that leads out of it, or to nothing. `path` is
 * what the user named: where that is a file and a link, the folder that it leads to is the model's too.
 */
export function refuseLinksOut(path: string, folder: string, names: readonly string[]): void {
  const inside = [realpathSync(folder)];
  if (path !== folder) inside.push(dirname(realpathSync(path)));
  for (const name of names) {
    const file = join(folder, name);
    if (!lstatSync(file, { throwIfNoEntry: false })) continue;
    const target = targetOf(file);
    if (target === undefined) throw new InvalidModelError(name, 'it is a link to nothing');
    if (inside.some((one) => target.startsWith(one.endsWith(sep) ? one : one + sep))) continue;
    throw new InvalidModelError(
      name,
      `it is a link to ${target}, out of the model's folder, which is refused; copy the model with its data: cp -rL`,
    );
  }
}

function targetOf(file: string): string | undefined {
  try {
    return realpathSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
