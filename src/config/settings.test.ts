import { describe, expect, test } from 'vitest';
import type { ServingError } from '../errors.ts';
import type { RawSettings, SettingsSources } from './settings.ts';
import {
  completeSettings,
  meantVariable,
  modelControlOf,
  optionOf,
  settingNames,
  settingsFromEnvironment,
  variableOf,
} from './settings.ts';
import { parseSettingsFile } from './settings-file.ts';

const none: SettingsSources = { commandLine: {}, environment: {}, file: {} };

function problemsOf(sources: Partial<SettingsSources>): readonly string[] {
  try {
    completeSettings({ ...none, ...sources });
  } catch (error) {
    expect(error).toMatchObject({ code: 'SETTINGS_INVALID' });
    return (error as ServingError<'SETTINGS_INVALID'>).details.problems;
  }
  return [];
}

function fromFile(text: string): Partial<SettingsSources> {
  const { raw, problems } = parseSettingsFile(text, 'server.yaml');
  return { file: raw, fileName: 'server.yaml', problems };
}

test('without any source everything has its default, frozen', () => {
  const settings = completeSettings(none);
  expect(settings).toMatchObject({ path: 'models', host: '127.0.0.1', port: 8080, url: true });
  expect(Object.isFrozen(settings)).toBe(true);
});

test('the command line wins over the environment, the environment over the file', () => {
  const commandLine: RawSettings = { port: '1' };
  const environment = settingsFromEnvironment({ MODELSHIP_PORT: '2', MODELSHIP_HOST: 'b' });
  const file: RawSettings = { port: 3, host: 'c', logLevel: 'debug' };
  expect(completeSettings({ commandLine, environment, file })).toMatchObject({
    port: 1,
    host: 'b',
    logLevel: 'debug',
  });
});

test('every setting has a name of its own in each source', () => {
  const names = settingNames.flatMap((name) => [optionOf(name), variableOf(name)]);
  expect(new Set(names).size).toBe(2 * settingNames.length);
  expect([optionOf('urlAllowPrivate'), variableOf('urlAllowPrivate')]).toEqual([
    '--url-allow-private',
    'MODELSHIP_URL_ALLOW_PRIVATE',
  ]);
});

test('an empty variable counts as not set', () => {
  expect(settingsFromEnvironment({ MODELSHIP_PORT: '', PORT: '1' })).toEqual({});
});

test('all problems of all sources are reported at once, each with its place', () => {
  const problems = problemsOf({
    commandLine: { port: '99999', instances: '0' },
    environment: settingsFromEnvironment({
      MODELSHIP_MAX_BODY: 'much',
      MODELSHIP_STRICT_READY: 'maybe',
    }),
    ...fromFile('logLevel: loud\nprot: 80\nhost: [a]\n'),
  });
  expect(problems.toSorted()).toEqual([
    '--instances: expected a whole number from 1 to 1024, got "0"',
    '--port: expected a whole number from 0 to 65535, got "99999"',
    'MODELSHIP_MAX_BODY: expected a size such as 64MB, got "much"',
    'MODELSHIP_STRICT_READY: expected true or false, got "maybe"',
    'server.yaml line 2: unknown key "prot"; did you mean "port"?',
    "server.yaml: host: expected a text, got [ 'a' ]",
    'server.yaml: logLevel: expected debug, info, warn, error or silent, got "loud"',
  ]);
});

describe('a number is a number or its digits, never', () => {
  test.each([null, true, '', '  ', '1e3', '0x50', '1.5', 1.5, Number.NaN, [8080], {}, 'port'])(
    '%j',
    (port) => {
      expect(problemsOf({ file: { port } })).toHaveLength(1);
    },
  );
});

test.each([8080, '8080', ' 8080 '])('%j is a port', (port) => {
  expect(completeSettings({ ...none, file: { port } }).port).toBe(8080);
});

test.each([
  ['true', true],
  ['1', true],
  [true, true],
  ['false', false],
  ['0', false],
  [false, false],
])('%j is the flag %j', (strictReady, expected) => {
  expect(completeSettings({ ...none, file: { strictReady } }).strictReady).toBe(expected);
});

test.each([
  ['a, b,,', ['a', 'b']],
  [
    ['a', 'b'],
    ['a', 'b'],
  ],
])('%j are hosts', (urlAllowPrivate, hosts) => {
  expect(completeSettings({ ...none, file: { urlAllowPrivate } }).urlAllowPrivate).toEqual(hosts);
});

test('sizes have units and an end', () => {
  expect(completeSettings({ ...none, file: { maxBody: '1.5MB' } }).maxBody).toBe(1_572_864);
  for (const maxBody of [0, -1, 0.5, `${'9'.repeat(400)}GB`, null]) {
    expect(problemsOf({ file: { maxBody } })).toHaveLength(1);
  }
});

describe('a config file', () => {
  test('may be YAML or JSON', () => {
    expect(fromFile('port: 1\n').file).toEqual({ port: 1 });
    expect(fromFile('{"port": 1}').file).toEqual({ port: 1 });
    expect(fromFile('').file).toEqual({});
  });

  test.each([
    ['a list', '- a', ['server.yaml line 1: expected an object (key: value), got a list']],
    ['broken YAML', 'port: [', ['server.yaml line 1: ']],
    ['an alias of nothing', 'port: *x', ['server.yaml line 1: there is no anchor &x above']],
    ['__proto__', '__proto__: {port: 1}', ['server.yaml line 1: unknown key "__proto__"']],
  ])('with %s is a problem, not a crash', (_, text, problems) => {
    const { problems: found = [] } = fromFile(text);
    expect(found.map((problem, i) => problem.slice(0, problems[i]?.length))).toEqual(problems);
  });

  test('with an endless value is a problem, not a crash', () => {
    expect(problemsOf(fromFile('host: &a [*a]'))).toEqual([
      expect.stringContaining('server.yaml: host:'),
    ]);
  });
});

test.each([
  [{}, 'none'],
  [{ watch: true }, 'poll'],
  [{ modelControl: 'explicit' }, 'explicit'],
  [{ watch: true, modelControl: 'poll' }, 'poll'],
] as const)('who may change the models: %j is %s', (commandLine, expected) => {
  const settings = completeSettings({ commandLine, environment: {}, file: {} });
  expect(modelControlOf(settings)).toBe(expected);
});

test('--watch together with another mode is a problem', () => {
  const commandLine = { watch: true, modelControl: 'explicit' };
  expect(() => completeSettings({ commandLine, environment: {}, file: {} })).toThrow(
    '--watch means --model-control poll, got --model-control explicit as well',
  );
});

test.each([
  ['MODELSHIP_CACHEDIR', 'MODELSHIP_CACHE_DIR'],
  ['MODELSHIP_PROT', 'MODELSHIP_PORT'],
  ['MODELSHIP_SOMETHING', undefined],
])('the variable that %s may be meant to be: %s', (name, meant) => {
  expect(meantVariable(name)).toBe(meant);
});
