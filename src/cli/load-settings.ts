/**
 * Gathers the settings of a command from its options, the environment and the config file.
 */

import { readFileSync } from 'node:fs';
import type { RawSettings, Settings, SettingsSources } from '../config/settings.ts';
import {
  completeSettings,
  meantVariable,
  settingsFromEnvironment,
  unknownVariables,
} from '../config/settings.ts';
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

/** One line for each variable that looks like a setting and is none. */
function warnOfUnknownVariables(): void {
  for (const name of unknownVariables(process.env)) {
    const meant = meantVariable(name);
    const advice = meant === undefined ? '' : `; did you mean ${meant}?`;
    process.stderr.write(`modelship: warning: ${name} is no setting and is ignored${advice}\n`);
  }
}

/** Throws SETTINGS_INVALID with every problem of all three sources. */
export function loadSettings(commandLine: RawSettings & { readonly config?: unknown }): Settings {
  warnOfUnknownVariables();
  const { config, ...options } = commandLine;
  const path = config ?? process.env.MODELSHIP_CONFIG;
  return completeSettings({
    commandLine: options,
    environment: settingsFromEnvironment(process.env),
    ...readConfigFile(typeof path === 'string' && path !== '' ? path : undefined),
  });
}
