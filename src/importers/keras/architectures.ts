/**
 * The networks of keras.applications as Keras describes them, for files that hold weights only. They were
 * written by scripts/architectures.py and lie packed in architectures/, as `name@version.json.gz`; what
 * becomes of their marks is in architecture-model.ts.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import type { Architecture } from '../importer.ts';
import { UnsupportedModelError } from '../problems.ts';
import type { JsonObject } from './config.ts';

const folder = fileURLToPath(new URL('./architectures/', import.meta.url));
const ending = '.json.gz';

/** Height, width and channels; null where a size is open. */
export type PictureShape = readonly [number | null, number | null, number];

/** `top`: the classifier; without it the last layer, as it is or pooled. */
export type Head = 'top' | 'none' | 'avg' | 'max';

export interface KnownArchitecture {
  readonly name: string;
  readonly version: string;
  /** Values that only files of this version have, where the names of their layers do not tell. */
  readonly expects?: ExpectedValues | undefined;
  /** The version whose files look the same; this one has to be named. */
  readonly like?: string | undefined;
  /** In what it is another network than that. */
  readonly differs?: string | undefined;
  /** Of the pictures that it takes when its constructor is told nothing. */
  readonly shape: PictureShape;
  /** The least height and width. */
  readonly smallest: number;
  /** Whether the sizes may be open without the top. */
  readonly isOpen: boolean;
  /** Where pictures of other channels than these have another network. */
  readonly channels?: number | undefined;
  /** Whether its first convolution leaves the borders out. */
  readonly hasValidStem?: boolean | undefined;
  /** The layer of the top whose weights depend on the size of the picture. */
  readonly flatten?: FlattenedLayer | undefined;
  /** By alpha, the numbers that depend on it. */
  readonly widths?: Readonly<Record<string, readonly number[]>> | undefined;
  /** As model.to_json() gives it, with the layers that all heads share, and marks. */
  readonly model: JsonObject;
  readonly heads: Readonly<Record<Head, HeadLayers>>;
}

export interface ExpectedValues {
  readonly layer: string;
  readonly weight: string;
  readonly values: readonly number[];
}

/** It takes channels · ⌊height / stride⌋ · ⌊width / stride⌋ values. */
export interface FlattenedLayer {
  readonly layer: string;
  readonly channels: number;
  readonly stride: number;
}

export interface HeadLayers {
  readonly layers: readonly JsonObject[];
  /** As `output_layers` of the configuration. */
  readonly output: readonly (string | number | readonly (string | number)[])[];
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
export function findArchitectures({
  name,
  version,
}: Pick<Architecture, 'name' | 'version'>): KnownArchitecture[] {
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
