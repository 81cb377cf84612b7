/**
 * Real parts that npm does not bring: browsers, databases, command-line tools.
 * A missing one is said loudly and its tests are skipped; with MODELSHIP_REQUIRE_PARTS=1 it is a failure.
 */

import { accessSync, constants } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';

/**
 * The path of a part, or undefined when it is missing.
 * @param part what people call it: `chromium`
 * @param file an absolute path, or a command to look for on PATH
 * @param advice what brings it: `apt-get install chromium`
 * @throws when it is missing and MODELSHIP_REQUIRE_PARTS=1
 */
export function requirePart(part: string, file: string, advice: string): string | undefined {
  const candidates = isAbsolute(file)
    ? [file]
    : (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, file));
  const found = candidates.find(isExecutable);
  if (found !== undefined) return found;
  skipLoudly(`${part} not found; ${advice}`);
  return undefined;
}

/**
 * Says why tests are skipped on this machine, and gives false.
 * @throws when MODELSHIP_REQUIRE_PARTS=1
 */
export function skipLoudly(line: string): false {
  if (process.env.MODELSHIP_REQUIRE_PARTS === '1') throw new Error(line);
  // Not console: vitest would fold it into the report of one test.
  process.stderr.write(`\nskipped: ${line}\n`);
  return false;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
