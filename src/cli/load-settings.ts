/**
 * Gathers the settings of a command from its options, the environment and the config file.
 */

import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { RawSettings, Settings, SettingsSources } from '../config/settings.ts';
import { completeSettings, settingsFromEnvironment } from '../config/settings.ts';
import { parseSettingsFile } from '../config/settings-file.ts';
import { messageOf } from '../errors.ts';

function readConfigFile(
  path: string | undefined,
): Pick<SettingsSources, 'file' | 'fileName' | 'problems'> {
  if (!path) return { file: {} };
  try {
    const { raw, problems } = parseSettingsFile(readFileSync(path, 'utf8'), path);
    return { file: raw, fileName: path, problems };
  } catch (error) {
    return { file: {}, problems: [`--config: ${path} cannot be read (${messageOf(error)})`] };
  }
}

/** Throws SETTINGS_INVALID with every problem of all three sources. */
export function loadSettings(commandLine: RawSettings & { readonly config?: unknown }): Settings {
  const { config, ...options } = commandLine;
  const path = config ?? process.env.MODELSHIP_CONFIG;
  return completeSettings({
    commandLine: options,
    environment: settingsFromEnvironment(process.env),
    ...readConfigFile(typeof path === 'string' && path !== '' ? path : undefined),
  });
}

/** The user's cache folder, as the platform has it. */
export function cacheFolder({ cacheDir }: Settings): string {
  if (cacheDir) return cacheDir;
  const base =
    process.env.XDG_CACHE_HOME ||
    (process.platform === 'darwin'
      ? join(homedir(), 'Library', 'Caches')
      : join(homedir(), '.cache'));
  return join(base, 'modelship');
}

/** The whole environment of a runner: nothing secret of the server's own reaches it. */
export function runnerEnvironment(cache: string): Record<string, string> {
  const environment: Record<string, string> = {
    NODE_COMPILE_CACHE: join(cache, 'code'),
    MALLOC_ARENA_MAX: '2',
  };
  for (const name of ['PATH', 'LANG', 'TMPDIR', 'TZ', 'LD_LIBRARY_PATH', 'DYLD_LIBRARY_PATH']) {
    const value = process.env[name];
    if (value !== undefined) environment[name] = value;
  }
  return environment;
}
