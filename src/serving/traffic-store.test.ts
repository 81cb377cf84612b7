import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { temporaryFolder } from '../../test/models/run.ts';
import { parseModelYaml } from '../config/model-yaml.ts';
import type { ModelHead } from '../repository/read-model.ts';
import { openStateFolder } from './state-folder.ts';
import type { TrafficStore } from './traffic-store.ts';
import { createTrafficStore } from './traffic-store.ts';

let root: string;
const problems: string[] = [];

beforeEach(() => {
  const temporary = temporaryFolder();
  root = temporary.path;
  problems.length = 0;
  return () => temporary[Symbol.dispose]();
});

const head: ModelHead = {
  name: 'm',
  folder: '/models/m',
  config: parseModelYaml('versions: {labels: {stable: 1}, sticky: {header: x-user}}', 'model.yaml'),
  samples: [],
  found: ['1', '2'],
};
const everything = (): boolean => true;

const open = (): TrafficStore =>
  createTrafficStore({
    folder: openStateFolder(join(root, 'state'), (file, problem) =>
      problems.push(`${file} ${problem}`),
    ),
    now: () => new Date('2026-01-02T03:04:05Z'),
  });

test('without a change model.yaml holds, and nothing is written', () => {
  expect(open().rulesOf(head)).toBeUndefined();
  expect(readdirSync(join(root, 'state'))).toEqual([]);
});

test('a change is there for the next server, with its history', () => {
  const store = open();
  store.change(head, { kind: 'promote', version: '2' }, everything);
  expect(readdirSync(join(root, 'state'))).toEqual(['m.json']);
  const next = open();
  expect(next.rulesOf(head)).toMatchObject({
    source: 'run time',
    since: '2026-01-02T03:04:05.000Z',
    labels: { stable: '2', previous: '1' },
    sticky: { header: 'x-user' },
  });
  next.change(head, { kind: 'rollback' }, everything);
  expect(next.rulesOf(head)).toBeUndefined();
  expect(open().rulesOf(head)).toBeUndefined();
  expect(readdirSync(join(root, 'state'))).toEqual([]);
});

test('the same change twice is one, and one rollback undoes it', () => {
  const store = open();
  for (let i = 0; i < 2; i += 1) store.change(head, { kind: 'promote', version: '2' }, everything);
  store.change(head, { kind: 'rollback' }, everything);
  expect(store.rulesOf(head)).toBeUndefined();
});

test('copies go on while a canary gets a part of the traffic', () => {
  const store = open();
  const shadow = { to: '2', percent: 10, tolerance: 0.001 };
  store.change(head, { kind: 'set', shadow }, everything);
  store.change(head, { kind: 'promote', version: '2', percent: 25 }, everything);
  expect(store.rulesOf(head)?.shadow).toEqual(shadow);
  store.change(head, { kind: 'promote' }, everything);
  expect(store.rulesOf(head)?.shadow).toBeUndefined();
});

test('a reset forgets all changes', () => {
  const store = open();
  store.change(head, { kind: 'promote', version: '2' }, everything);
  store.change(head, { kind: 'set', traffic: { stable: 50, previous: 50 } }, everything);
  store.change(head, { kind: 'reset' }, everything);
  expect(store.rulesOf(head)).toBeUndefined();
});

test('the history has an end', () => {
  const store = open();
  for (let i = 0; i < 30; i += 1)
    store.change(head, { kind: 'set', traffic: { 1: i, 2: 100 - i } }, everything);
  const { before } = JSON.parse(readFileSync(join(root, 'state/m.json'), 'utf8'));
  expect(before).toHaveLength(10);
});

test.each([
  ['', 'Unexpected end of JSON input'],
  ['{"now": 1}', 'now'],
  [
    '{"now": {"labels": {"a": "x"}, "traffic": {}}, "since": "2026-01-02T03:04:05Z", "before": []}',
    'labels',
  ],
])('a file that says %j is told of and left, and model.yaml holds', (text, problem) => {
  mkdirSync(join(root, 'state'));
  writeFileSync(join(root, 'state/m.json'), text);
  expect(open().rulesOf(head)).toBeUndefined();
  expect(problems[0]).toContain(problem);
  expect(readFileSync(join(root, 'state/m.json'), 'utf8')).toBe(text);
});

test('what a killed write left behind is not read', () => {
  mkdirSync(join(root, 'state'));
  writeFileSync(join(root, 'state/m.json.123.tmp'), '{"now"');
  expect(open().rulesOf(head)).toBeUndefined();
  expect(problems).toEqual([]);
});

test('a change that cannot be kept is refused and does not hold', () => {
  const store = open();
  // A folder where the file should be cannot be renamed over, whoever we are.
  mkdirSync(join(root, 'state/m.json/x'), { recursive: true });
  expect(() => store.change(head, { kind: 'promote', version: '2' }, everything)).toThrow(
    'they cannot be kept in',
  );
  expect(store.rulesOf(head)).toBeUndefined();
});

test('a folder that cannot be made is a wrong setting', () => {
  writeFileSync(join(root, 'file'), '');
  expect(() => openStateFolder(join(root, 'file/state'), () => {})).toThrow('--state-dir');
});
