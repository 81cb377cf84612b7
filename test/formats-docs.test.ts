/** docs/formats.md has what was measured of keras.applications, all of it, and none of it is a mistake of ours. */

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isMistaken } from '../scripts/formats/applications-tables.ts';
import { formats, networks, readRows } from '../scripts/formats/rows.ts';
import type { WeightsRow } from '../scripts/formats/weights-rows.ts';
import { readWeightsRows } from '../scripts/formats/weights-rows.ts';
import { root } from './support/modelship.ts';

const rows = readRows();

test.each([
  ['formats.md', 'make-formats-doc.ts'],
  ['formats-tensorflow.md', 'make-tensorflow-formats-doc.ts'],
])('docs/%s is what scripts/%s prints', (file, script) => {
  const printed = execFileSync(process.execPath, [join(root, 'scripts', script)], {
    encoding: 'utf8',
  });
  expect(readFileSync(join(root, 'docs', file), 'utf8')).toBe(printed);
});

test.each(networks)('%s was measured at small size, and is converted in every format', (name) => {
  const measured = rows.filter((row) => row.name === name && row.size === 'small');
  expect(measured.map(({ format }) => format).sort()).toEqual([...formats].sort());
  expect(measured.filter(({ refused }) => refused !== undefined)).toEqual([]);
});

test('no file of weights only became another network, in neither layout', () => {
  const measured = readWeightsRows().filter(({ refused }) => refused === undefined);
  expect(measured.length).toBeGreaterThan(20);
  // Random weights carry roundings to 1e-4 here and there; another network is off by a thousand times that.
  const isOff = ({ error = 1, sameGraph }: WeightsRow): boolean => error > 1e-3 || !sameGraph;
  expect(measured.filter(isOff)).toEqual([]);
});

test('what is over the bound is nearer to the answer in double precision than the framework', () => {
  expect(rows.filter(isMistaken)).toEqual([]);
});
