/**
 * Where things are kept on this machine. Loaded before anything else, so it imports nothing of ours.
 */

import { existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

/** The cache folder: the one given, or the user's own as the platform has it. */
export function cacheFolder(given: string | undefined): string {
  if (given) return given;
  const base =
    process.env.XDG_CACHE_HOME ||
    join(homedir(), process.platform === 'darwin' ? 'Library/Caches' : '.cache');
  return join(base, 'modelship');
}

/** Makes a folder and those above it, each once; false where that cannot be. */
export function makeFolders(folder: string): boolean {
  if (existsSync(folder)) return true;
  if (dirname(folder) === folder || !makeFolders(dirname(folder))) return false;
  try {
    mkdirSync(folder, { mode: 0o700 });
    return true;
  } catch {
    return existsSync(folder);
  }
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
    // ONNX Runtime's own: look-ups of a collector's host, a device id, a log file for each process.
    ORT_DISABLE_TELEMETRY: '1',
  };
  for (const name of ['PATH', 'LANG', 'TMPDIR', 'TZ', 'LD_LIBRARY_PATH', 'DYLD_LIBRARY_PATH']) {
    const value = process.env[name];
    if (value !== undefined) environment[name] = value;
  }
  return environment;
}
