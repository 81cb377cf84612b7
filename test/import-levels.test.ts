/**
 * Imports point to a lower level (docs/architecture/01-layers.md), or along one of the few sideways
 * edges listed here. Type imports count.
 */

import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, test } from 'vitest';

const levels: Record<string, number> = {
  errors: 1,
  tensor: 2,
  telemetry: 2,
  validation: 2,
  protocol: 3,
  config: 3,
  onnx: 3,
  cache: 3,
  fetch: 3,
  repository: 4,
  pipeline: 4,
  batching: 4,
  runner: 4,
  importers: 4,
  image: 4,
  kubernetes: 4,
  client: 4,
  serving: 5,
  jobs: 5,
  http: 6,
  grpc: 6,
  queue: 6,
  loadtest: 7,
  web: 7,
  cli: 8,
  processes: 8,
  index: 8,
};

/** Sideways edges, each with its reason. */
const sideways: Record<string, string> = {
  'processes -> cli': 'the entry point of the command line starts it',
};

const root = join(import.meta.dirname, '..');
const sources = globSync('src/**/*.ts', { cwd: root });

interface Import {
  file: string;
  from: string;
  to: string;
  specifier: string;
}

function unitOf(path: string): string {
  const [, first = ''] = relative(root, path).split('/');
  return first.replace(/\.ts$/, '');
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8');
  const specifiers = text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g);
  return [...specifiers].map(([, specifier = '']) => ({
    file,
    from: unitOf(join(root, file)),
    to: specifier.startsWith('.') ? unitOf(join(root, dirname(file), specifier)) : '',
    specifier,
  }));
}

const imports = sources.flatMap(importsOf);
const isTest = (file: string): boolean => /\.(test|fixture)\.ts$/.test(file);

test('every folder of src has a level', () => {
  expect(
    sources.map((file) => unitOf(join(root, file))).filter((unit) => !(unit in levels)),
  ).toEqual([]);
});

test('imports point downwards or along a listed sideways edge', () => {
  const wrong = imports
    .filter(({ file, from, to }) => to !== '' && from !== to && !isTest(file))
    .filter(({ from, to }) => (levels[to] ?? 99) >= (levels[from] ?? 0))
    .filter(({ from, to }) => !(`${from} -> ${to}` in sideways))
    .map(({ file, specifier }) => `${file} imports ${specifier}`);
  expect(wrong).toEqual([]);
});

test('only the runner imports onnxruntime-node', () => {
  const importers = imports.filter(({ specifier }) => specifier.startsWith('onnxruntime'));
  expect(importers.filter(({ from }) => from !== 'runner').map(({ file }) => file)).toEqual([]);
});

test('only cli/ and processes/ read process.env or call process.exit', () => {
  const wrong = sources
    .filter((file) => !/^src\/(cli|processes)\//.test(file) && !isTest(file))
    .filter((file) => /\bprocess\.(env|exit)\b/.test(readFileSync(join(root, file), 'utf8')));
  expect(wrong).toEqual([]);
});

test('a message of the catalogue is used by the code, and the code uses no other', () => {
  const text = sources
    .filter((file) => file !== 'src/errors.ts' && !isTest(file))
    .map((file) => readFileSync(join(root, file), 'utf8'))
    .join('\n');
  const catalogue = readFileSync(join(root, 'src/errors.ts'), 'utf8');
  const codes = [...catalogue.matchAll(/^ {2}([A-Z][A-Z0-9_]+): \{$/gm)].map(
    ([, code = '']) => code,
  );
  expect(codes.length).toBeGreaterThan(10);
  expect(codes.filter((code) => !text.includes(`'${code}'`))).toEqual([]);
});
