/**
 * What the process of a conversion may do: read its own code and the files of the model, write into the folder of
 * the result. No network, no process, no thread, no add-on.
 */

import { statusFile } from './convert-model.ts';
import { codeFolder } from './one-shot-process.ts';

/**
 * Options of Node for a conversion of these files into `folder`.
 *
 * The model's folder is not among them. Node 24 refuses to read a folder that it allows when the name of another
 * allowed path begins with the folder's and goes on (`gan`, `gan-cache/...`): where its tree of paths has a
 * fork, it forgets that the shorter one is allowed too. It does not for files.
 */
export function conversionPermissions(files: readonly string[], folder: string): string[] {
  return [
    '--permission',
    ...[codeFolder, statusFile, ...files, folder].map((allowed) => `--allow-fs-read=${allowed}`),
    `--allow-fs-write=${folder}`,
  ];
}
