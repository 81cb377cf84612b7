import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { temporaryFolder } from '../../test/models/run.ts';
import { parseModelYaml } from '../config/model-yaml.ts';
import type { ModelHead } from '../repository/read-model.ts';
import { openStateFolder } from './state-folder.ts';
import type { TrafficRules } from './traffic.ts';
import { versionsNamedIn } from './traffic.ts';
import type { Serving, TrafficStore } from './traffic-store.ts';
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
const everything: Serving = { serves: () => true, newest: '2' };

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

const yaml = (text: string): ModelHead => ({
  ...head,
  config: parseModelYaml(text, 'model.yaml'),
});

/** Labels and traffic in one line, or what model.yaml says. */
const told = (store: TrafficStore, of: ModelHead): string => {
  const rules = store.rulesOf(of);
  return rules ? JSON.stringify([rules.labels, rules.shares.map(Object.values)]) : 'model.yaml';
};

test('rollbacks undo promotions one by one down to what model.yaml says, then say so', () => {
  const store = open();
  const split = yaml(
    'versions: {labels: {stable: 1, canary: 2}, traffic: {stable: 90, canary: 10}}',
  );
  const seen: string[] = [told(store, split)];
  for (const change of [{ percent: 25 }, { percent: 50 }, {}, { version: '3' }]) {
    store.change(split, { kind: 'promote', ...change }, everything);
    seen.push(told(store, split));
  }
  expect(new Set(seen).size).toBe(5);
  for (const expected of seen.slice(0, -1).reverse()) {
    store.change(split, { kind: 'rollback' }, everything);
    expect(told(store, split)).toBe(expected);
  }
  expect(() => store.change(split, { kind: 'rollback' }, everything)).toThrow(
    'nothing was changed at run time, so what model.yaml says holds already',
  );
});

test('a rollback of the first promotion gives the traffic to who had it, not to what came meanwhile', () => {
  const silent = yaml('versions: {policy: all}');
  const before = { serves: () => true, newest: '1' };
  const store = open();
  store.change(silent, { kind: 'promote', version: '2' }, before);
  expect(told(store, silent)).toBe('[{"previous":"1","stable":"2"},[["stable",100]]]');
  const after = { serves: () => true, newest: '3' };
  store.change(silent, { kind: 'rollback' }, after);
  expect(told(store, silent)).toBe('[{},[["1",100]]]');
  // What is named by traffic alone is loaded too.
  expect(versionsNamedIn(store.rulesOf(silent) as TrafficRules)).toEqual(['1']);
  expect(() => store.change(silent, { kind: 'rollback' }, after)).toThrow(
    'as they were before the first change at run time; a reset',
  );
  store.change(silent, { kind: 'reset' }, after);
  expect(told(store, silent)).toBe('model.yaml');
});

test('a rollback to a version that does not serve any more is refused', () => {
  const silent = yaml('');
  const store = open();
  store.change(silent, { kind: 'promote', version: '2' }, { serves: () => true, newest: '1' });
  const without = { serves: (version: string) => version !== '1', newest: '2' };
  expect(() => store.change(silent, { kind: 'rollback' }, without)).toThrow(
    'version 1 (1) does not serve',
  );
});

test('what was reset behind its back is read when it is told to', () => {
  const store = open();
  store.change(head, { kind: 'promote', version: '2' }, everything);
  open().change(head, { kind: 'reset' }, everything);
  expect(store.rulesOf(head)).toBeDefined();
  store.refresh();
  expect(store.rulesOf(head)).toBeUndefined();
});

test('what cannot be read any more holds on, and is told of once', () => {
  const store = open();
  store.change(head, { kind: 'promote', version: '2' }, everything);
  const before = store.rulesOf(head);
  writeFileSync(join(root, 'state/m.json'), 'nonsense');
  for (let i = 0; i < 3; i += 1) store.refresh();
  expect(store.rulesOf(head)).toEqual(before);
  expect(problems).toHaveLength(1);
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
  // The first is kept: it is where the last rollback leads to.
  expect(before[0].traffic).toEqual({ 2: 100 });
  expect(before[1].traffic).toEqual({ 1: 20, 2: 80 });
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

test('a look reads the files that are there, not one for each model', () => {
  const read: string[] = [];
  const state = openStateFolder(join(root, 'state'), () => {});
  const folder = {
    ...state,
    read(model: string) {
      read.push(model);
      return state.read(model);
    },
  };
  const store = createTrafficStore({ folder, now: () => new Date() });
  const heads = ['a', 'b', 'c'].map((name) => ({ ...head, name }));
  for (const one of heads) store.rulesOf(one);
  store.change(heads[1] as typeof head, { kind: 'set', labels: { stable: '1' } }, everything);
  read.length = 0;
  store.refresh();
  expect(read).toEqual(['b']);
  state.write('b', undefined);
  store.refresh();
  expect(read).toEqual(['b']);
  expect(heads.map((one) => store.rulesOf(one))).toEqual([undefined, undefined, undefined]);
});
