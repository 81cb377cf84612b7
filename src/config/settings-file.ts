/**
 * The config file of the server (YAML or JSON): the same names as in the settings table.
 */

import { z } from 'zod';
import type { RawSettings } from './settings.ts';
import { settingNames } from './settings.ts';
import { parseYaml } from './yaml-problems.ts';

const schema = z.strictObject(
  Object.fromEntries(settingNames.map((name) => [name, z.unknown().optional()])),
);

export interface ParsedSettingsFile {
  readonly raw: RawSettings;
  readonly problems: readonly string[];
}

/** Unknown keys and syntax errors come back as problems; values are checked with the other sources. */
export function parseSettingsFile(text: string, fileName: string): ParsedSettingsFile {
  const { raw, problems } = parseYaml(text, schema);
  const known = Object.entries(raw ?? {}).filter(([name]) =>
    settingNames.some((one) => one === name),
  );
  return {
    raw: Object.fromEntries(known),
    problems: problems.map((problem) => `${fileName} ${problem}`),
  };
}
