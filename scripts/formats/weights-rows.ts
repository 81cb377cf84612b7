/** What was measured of files of weights only: one line of JSON for each network and way to make it. */

import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Architecture } from '../../src/importers/importer.ts';

export interface WeightsRow {
  readonly name: string;
  /** What weights_only.py calls it: top, none, avg, max, minimalistic, imagenet. */
  readonly case: string;
  readonly versions: { readonly keras: string; readonly tensorflow: string };
  readonly parameters: number;
  /** What the import was told. */
  readonly architecture: Architecture;
  /** What it found. */
  readonly network?: string | undefined;
  /** Largest difference from Keras' answer, in its standard deviations. */
  readonly error?: number | undefined;
  /** Whether the file of Keras 3's layout became the same graph, byte for byte. */
  readonly sameGraph?: boolean;
  readonly refused?: string;
}

const file = join(import.meta.dirname, 'weights.jsonl');

const isSame = (a: WeightsRow, b: WeightsRow): boolean => a.name === b.name && a.case === b.case;

/** What was measured last of each network and way to make it. */
export function readWeightsRows(): WeightsRow[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
  const rows = lines.map((line) => JSON.parse(line) as WeightsRow);
  return rows.filter((row, i) => !rows.slice(i + 1).some((later) => isSame(row, later)));
}

export function appendWeightsRow(row: WeightsRow): void {
  appendFileSync(file, `${JSON.stringify(row)}\n`);
}
