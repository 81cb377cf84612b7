/**
 * Where things are kept on this machine. Loaded before anything else, so it imports nothing of ours.
 */

import { homedir } from 'node:os';
import { join } from 'node:path';

/** The cache folder: the one given, or the user's own as the platform has it. */
export function cacheFolder(given: string | undefined): string {
  if (given) return given;
  const base =
    process.env.XDG_CACHE_HOME ||
    join(homedir(), process.platform === 'darwin' ? 'Library/Caches' : '.cache');
  return join(base, 'modelship');
}

/** Compiled code is kept between starts, which saves a third of them. */
export function codeFolder(cache: string): string {
  return join(cache, 'code');
}

/** The whole environment of a runner: nothing secret of the server's own reaches it. */
export function runnerEnvironment(cache: string): Record<string, string> {
  const environment: Record<string, string> = {
    NODE_COMPILE_CACHE: codeFolder(cache),
    MALLOC_ARENA_MAX: '2',
  };
  for (const name of ['PATH', 'LANG', 'TMPDIR', 'TZ', 'LD_LIBRARY_PATH', 'DYLD_LIBRARY_PATH']) {
    const value = process.env[name];
    if (value !== undefined) environment[name] = value;
  }
  return environment;
}
