/** What was measured of files of weights only, as the table of docs/formats.md. */

import { networks } from './rows.ts';
import type { WeightsRow } from './weights-rows.ts';

/** In standard deviations of the answer. */
const bound = 1e-4;

const cases = ['top', 'none', 'avg', 'max', 'minimalistic', 'imagenet'] as const;

const isWithin = ({ error = Number.POSITIVE_INFINITY, sameGraph }: WeightsRow): boolean =>
  error <= bound && sameGraph === true;

function cell(row: WeightsRow | undefined): string {
  if (!row) return '';
  if (row.refused !== undefined) return 'refused ²';
  const error = (row.error ?? 0).toExponential(1);
  const mark = row.sameGraph ? '' : ', another graph from .weights.h5';
  return `${(row.error ?? 0) > bound ? `**${error}**` : error}${mark}`;
}

/** All networks that were measured, one line each. */
export function weightsTable(rows: readonly WeightsRow[]): string {
  const measured = networks.filter((name) => rows.some((row) => row.name === name));
  const line = (name: string): string => {
    const found = cases.map((one) => rows.find((row) => row.name === name && row.case === one));
    return `| ${[name, ...found.map(cell)].join(' | ')} |`;
  };
  return `| network | ten classes | without top | pooling avg | pooling max | minimalistic | imagenet |
|---|---|---|---|---|---|---|
${measured.map(line).join('\n')}`;
}

/** As in "164 of 164 files of 40 networks". */
export function weightsCount(rows: readonly WeightsRow[]): string {
  const names = new Set(rows.map(({ name }) => name));
  return `${rows.filter(isWithin).length} of ${rows.length} of ${names.size} networks`;
}
