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
  /** As model.to_json() gives it. */
  readonly model: Json;
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
  const { version, model } = JSON.parse(text) as { version: string; model: Json };
  return { name: id.split('@')[0] as string, version, model };
}

/** Throws UnsupportedModelError for a name that is none, and for one of several versions without one. */
export function findArchitecture({ name, version }: Architecture): KnownArchitecture {
  const all = architectureNames();
  const found = all.filter((id) => id.split('@')[0] === name.toLowerCase());
  const wanted = version === undefined ? found : found.filter((id) => id.split('@')[1] === version);
  const [only] = wanted;
  if (only !== undefined && wanted.length === 1) return readArchitecture(only);
  const choices = found.length > 0 ? found : [...new Set(all.map((id) => id.split('@')[0]))];
  const what =
    only === undefined ? 'is not known' : 'has several versions, which answer differently';
  throw new UnsupportedModelError(
    'model.yaml',
    `the architecture ${[name, version].filter(Boolean).join(', version ')} ${what}`,
    `known: ${choices.map((id) => id?.replace('@', ', version ')).join('; ')}`,
  );
}
