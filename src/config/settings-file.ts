/**
 * The config file of the server (YAML or JSON): the same names as in the settings table.
 */

import { z } from 'zod';
import type { RawSettings } from './settings.ts';
import { settingNames } from './settings.ts';
import { parseYaml } from './yaml-problems.ts';

const known = Object.fromEntries(settingNames.map((name) => [name, z.unknown().optional()]));
const schema = z.strictObject(known);
const knownPart = z.object(known);

export interface ParsedSettingsFile {
  readonly raw: RawSettings;
  readonly problems: readonly string[];
}

/** Unknown keys and syntax errors come back as problems; values are checked with the other sources. */
export function parseSettingsFile(text: string, fileName: string): ParsedSettingsFile {
  const { problems } = parseYaml(text, schema);
  // An unknown key must not hide what is wrong with the others.
  const { value } = parseYaml(text, knownPart);
  return {
    raw: (value ?? {}) as RawSettings,
    problems: problems.map((problem) => `${fileName} ${problem}`),
  };
}
