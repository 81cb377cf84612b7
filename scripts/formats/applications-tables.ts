/** What was measured of keras.applications, as the tables of docs/formats.md. */

import type { Format, Row, Size } from './rows.ts';
import { formats, networks } from './rows.ts';

/** In standard deviations of the answer. */
const bound = 1e-4;

const exponent = (value: number | undefined): string =>
  value === undefined ? '' : value.toExponential(1);

const whole = (value: number | undefined): string => (value === undefined ? '' : value.toFixed(0));

/** Over the bound, and no nearer to the answer in double precision than the framework. */
export const isMistaken = ({ error, oursToDouble, theirsToDouble }: Row): boolean =>
  (error ?? 0) > bound &&
  (oursToDouble ?? Number.POSITIVE_INFINITY) > (theirsToDouble ?? Number.NEGATIVE_INFINITY);

function errorCell(row: Row | undefined): string {
  if (!row) return 'not run';
  if (row.refused !== undefined) return `refused: ${row.refused}`;
  const mark = row.notReloaded === undefined ? '' : ' ¹';
  return `${(row.error ?? 0) > bound ? `**${exponent(row.error)}**` : exponent(row.error)}${mark}`;
}

function line(name: string, rows: ReadonlyMap<Format, Row>): string {
  const [keras, exported] = [rows.get('keras'), rows.get('export')];
  const measured = keras ?? exported;
  const farthest = [...rows.values()].toSorted(
    (a, b) => (b.oursToDouble ?? 0) - (a.oursToDouble ?? 0),
  )[0];
  const cells = [
    name,
    measured?.parameters === undefined ? '' : (measured.parameters / 1e6).toFixed(1),
    whole(measured?.pixels),
    ...formats.map((format) => errorCell(rows.get(format))),
    exponent(farthest?.oursToDouble),
    exponent(farthest?.theirsToDouble),
    formats.map((format) => whole(rows.get(format)?.convertMs) || '–').join(' · '),
    [keras, exported].map((row) => row?.runMs?.toFixed(1) ?? '–').join(' · '),
    [keras, exported].map((row) => row?.transposes ?? '–').join(' · '),
  ];
  return `| ${cells.join(' | ')} |`;
}

const rowsOf = (all: readonly Row[], name: string, size: Size): Map<Format, Row> =>
  new Map(
    all
      .filter((row) => row.name === name && row.size === size)
      .map((row) => [row.format, row] as const),
  );

/** All networks at small size, and at full size those that were measured. */
export function applicationsTable(all: readonly Row[], size: Size): string {
  const shown = networks.filter((name) => size === 'small' || rowsOf(all, name, size).size > 0);
  return `| network | parameters, M | pixels | .keras | .h5 | export() | ours to FP64 | theirs to FP64 | conversion, ms | run, ms | transposes |
|---|---|---|---|---|---|---|---|---|---|---|
${shown.map((name) => line(name, rowsOf(all, name, size))).join('\n')}`;
}

/** How many of the networks are converted in each format, and are within the bound. */
export function applicationsCount(all: readonly Row[], size: Size): string {
  return formats
    .map((format) => {
      const rows = all.filter((row) => row.size === size && row.format === format);
      const within = rows.filter(({ error = Number.POSITIVE_INFINITY }) => error <= bound);
      return `${within.length} of ${networks.length} through \`${format === 'export' ? 'export()' : `.${format}`}\``;
    })
    .join(', ');
}
