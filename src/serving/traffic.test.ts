import { describe, expect, test } from 'vitest';
import { parseModelYaml } from '../config/model-yaml.ts';
import type { TrafficRules } from './traffic.ts';
import {
  labelsOfVersion,
  pickVersion,
  pointOfKey,
  rulesFromYaml,
  shareOfVersion,
  versionOf,
} from './traffic.ts';

const rulesOf = (text: string): TrafficRules =>
  rulesFromYaml(parseModelYaml(`versions: ${text}`, 'model.yaml').versions);

const split = rulesOf('{labels: {stable: 1, canary: 2}, traffic: {stable: 90, canary: 10}}');
const everything = (): boolean => true;

test('a label means its version, a number itself, and an unknown label nothing', () => {
  expect(
    ['stable', 'canary', '7', 'nope', 'constructor'].map((name) => versionOf(split, name)),
  ).toEqual(['1', '2', '7', undefined, undefined]);
});

test.each([
  [0, '1'],
  [0.5, '1'],
  [0.8999, '1'],
  [0.9, '2'],
  [0.9999, '2'],
])('the point %d of 90 and 10 is version %s', (point, version) => {
  expect(pickVersion(split, point, everything)).toBe(version);
});

test('the share of a version that does not serve goes to the others', () => {
  expect(pickVersion(split, 0.1, (version) => version === '2')).toBe('2');
  expect(shareOfVersion(split, '2', (version) => version === '2')).toBe(100);
  expect(pickVersion(split, 0.1, () => false)).toBeUndefined();
});

test('a share of 0 gets nothing, also where nothing else serves', () => {
  const rules = rulesOf('{labels: {a: 1, b: 2}, traffic: {a: 100, b: 0}}');
  expect(pickVersion(rules, 0.99999, everything)).toBe('1');
  expect(pickVersion(rules, 0.5, (version) => version === '2')).toBeUndefined();
});

test('without shares there is nothing to pick', () => {
  expect(pickVersion(rulesOf('{labels: {stable: 1}}'), 0.5, everything)).toBeUndefined();
});

test('labels and shares of a version are told, two targets of one version together', () => {
  const rules = rulesOf('{labels: {a: 1, b: 1, c: 2}, traffic: {a: 20, b: 30, c: 50}}');
  expect(labelsOfVersion(rules, '1')).toEqual(['a', 'b']);
  expect(['1', '2', '3'].map((version) => shareOfVersion(rules, version, everything))).toEqual([
    50, 50, 0,
  ]);
});

describe('a sticky value', () => {
  const keys = Array.from({ length: 10_000 }, (_, i) => `digits\0user-${i}`);
  const versions = (rules: TrafficRules): (string | undefined)[] =>
    keys.map((key) => pickVersion(rules, pointOfKey(key), everything));

  test('gets its share of the values within half a percent', () => {
    const share = versions(split).filter((version) => version === '2').length / keys.length;
    expect(Math.abs(share - 0.1)).toBeLessThan(0.01);
  });

  test('moves only one way when the share of a canary grows', () => {
    const more = versions(
      rulesOf('{labels: {stable: 1, canary: 2}, traffic: {stable: 70, canary: 30}}'),
    );
    expect(versions(split).filter((version, i) => version === '2' && more[i] !== '2')).toEqual([]);
  });

  test('gives the same point always', () => {
    expect(pointOfKey('digits\0user-1')).toBe(pointOfKey('digits\0user-1'));
    expect(pointOfKey('digits\0user-1')).not.toBe(pointOfKey('faces\0user-1'));
  });
});

describe('what model.yaml says of traffic is refused with its line:', () => {
  test.each([
    [
      '{labels: {stable: 1}, traffic: {stable: 90}}',
      'versions.traffic: the shares must add up to 100, got 90',
    ],
    [
      '{labels: {stable: 1}, traffic: {stable: 90, canary: 10}}',
      'there is no label "canary"; labels: stable',
    ],
    ['{labels: {"1": 2}}', 'expected a label that starts with a letter'],
    ['{labels: {a: 0}}', 'versions.labels.a'],
    ['{traffic: {1: 50, 2: 60}}', 'got 110'],
    ['{traffic: {1: -1, 2: 101}}', 'versions.traffic'],
    ['{shadow: {to: canary}}', 'there is no label "canary"; labels: none'],
    ['{sticky: {header: "a b"}}', 'versions.sticky'],
    ['{sticky: user}', 'expected {header: name} or {cookie: name}'],
  ])('%s', (text, problem) => {
    expect(() => rulesOf(text)).toThrow(problem);
  });

  test('thirds add up', () => {
    expect(rulesOf('{traffic: {1: 33.334, 2: 33.333, 3: 33.333}}').shares).toHaveLength(3);
  });
});
