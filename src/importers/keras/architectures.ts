/**
 * The networks of keras.applications as Keras describes them, for files that hold weights only. They were
 * written by scripts/architectures.py and lie packed in architectures/, as `name@version.json.gz`.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import type { Architecture } from '../importer.ts';
import { UnsupportedModelError } from '../problems.ts';
import type { Json } from './config.ts';

const folder = fileURLToPath(new URL('./architectures/', import.meta.url));
const ending = '.json.gz';

export interface KnownArchitecture {
  readonly name: string;
  readonly version: string;
  /** Values that only files of this version have, where the names of their layers do not tell. */
  readonly expects?: ExpectedValues | undefined;
  /** As model.to_json() gives it. */
  readonly model: Json;
}

export interface ExpectedValues {
  readonly layer: string;
  readonly weight: string;
  readonly values: readonly number[];
}

/** All there are, as `name@version`. */
export function architectureNames(): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(ending))
    .map((name) => name.slice(0, -ending.length))
    .sort();
}

export function readArchitecture(id: string): KnownArchitecture {
  const text = gunzipSync(readFileSync(`${folder}${id}${ending}`)).toString();
  const known = JSON.parse(text) as Omit<KnownArchitecture, 'name'>;
  return { ...known, name: id.split('@')[0] as string };
}

/**
 * All versions of an architecture. Throws UnsupportedModelError for a name that is none, and where it
 * names a version that there is not.
 */
export function findArchitectures({ name, version }: Architecture): KnownArchitecture[] {
  const all = architectureNames();
  const found = all.filter((id) => id.split('@')[0] === name.toLowerCase());
  const isKnown =
    version === undefined ? found.length > 0 : found.some((id) => id.split('@')[1] === version);
  if (isKnown) return found.map(readArchitecture);
  const choices = found.length > 0 ? found : [...new Set(all.map((id) => id.split('@')[0]))];
  throw new UnsupportedModelError(
    'model.yaml',
    `the architecture ${[name, version].filter(Boolean).join(', version ')} is not known`,
    `known: ${choices.map((id) => id?.replace('@', ', version ')).join('; ')}`,
  );
}
