import { describe, expect, test } from 'vitest';
import { ServingError } from '../errors.ts';
import type { RegisteredModel } from './model-registry.ts';
import { createModelRegistry } from './model-registry.ts';
import type { ServedVersion } from './served-version.ts';
import { createReadyStage, createVersionStage, readModelOf } from './version.fixture.ts';

const broken = new ServingError('MODEL_FILE_INVALID', { path: 'x.onnx', problem: 'it is empty' });

async function ready(name: string, version: string): Promise<ServedVersion> {
  return (await createReadyStage({ name, version })).served;
}

function model(name: string, ...versions: ServedVersion[]): RegisteredModel {
  return {
    model: readModelOf(
      { name },
      versions.map(({ version }) => version),
    ),
    versions,
  };
}

test('the newest version that serves is meant when none is named', async () => {
  const one = await ready('a', '1');
  const two = await ready('a', '2');
  const three = createVersionStage({ version: '3', problem: broken }).served;
  const registry = createModelRegistry([model('a', one, two, three)], undefined);
  expect(registry.resolve('a', undefined)).toBe(two);
  expect(registry.resolve('a', '1')).toBe(one);
});

test('a version whose runner is being replaced still takes requests', async () => {
  const { served, runner } = await createReadyStage();
  runner.die('killed');
  await new Promise((resolve) => setImmediate(resolve));
  expect(served.state).toBe('UNAVAILABLE');
  expect(createModelRegistry([model('test', served)], undefined).resolve('test', undefined)).toBe(
    served,
  );
});

describe('what does not serve is refused with the reason:', () => {
  const failed = createVersionStage({ version: '2', problem: broken }).served;
  const loading = createVersionStage({ version: '1' }).served;
  const registry = createModelRegistry([model('a', loading, failed), model('b')], undefined);

  test.each<[string, string, string | undefined, string]>([
    [
      'a named version that failed',
      'a',
      '2',
      'Model a version 2 is not ready (FAILED: x.onnx is not a usable model',
    ],
    ['a named version that loads', 'a', '1', 'Model a version 1 is not ready (LOADING).'],
    ['no version that serves', 'a', undefined, 'Model a version 2 is not ready (FAILED'],
    ['no version at all', 'b', undefined, 'Model b version none is not ready (UNLOADED).'],
    ['an unknown version', 'a', '9', 'Model a has no version "9"; versions here: 1, 2.'],
    [
      'an unknown model',
      'c',
      undefined,
      "Request for unknown model: 'c' is not found; models here: a, b.",
    ],
    [
      'a name of every object',
      'constructor',
      undefined,
      "Request for unknown model: 'constructor' is not found",
    ],
  ])('%s', (_, name, version, message) => {
    expect(() => registry.resolve(name, version)).toThrow(message);
  });

  test('a model whose model.yaml is broken, whatever version is named', () => {
    const problem = new ServingError('MODEL_YAML_INVALID', {
      path: 'model.yaml',
      problems: ['line 1'],
    });
    const invalid = { model: { ...readModelOf({ name: 'c' }, []), problem }, versions: [] };
    const one = createModelRegistry([invalid], undefined);
    expect(() => one.resolve('c', undefined)).toThrow('model.yaml has 1 problem');
    expect(() => one.resolve('c', '1')).toThrow('model.yaml has 1 problem');
  });
});

test('a bare request means the default model, or the only one', () => {
  const [a, b] = [model('a'), model('b')];
  expect(createModelRegistry([a], undefined).defaultName()).toBe('a');
  expect(createModelRegistry([a, b], 'b').defaultName()).toBe('b');
  expect(() => createModelRegistry([a, b], undefined).defaultName()).toThrow('(a, b)');
  expect(() => createModelRegistry([], undefined).defaultName()).toThrow('no model to answer with');
});

test('ten thousand models come one after the other, in the order of their names', {
  timeout: 10_000,
}, () => {
  const registry = createModelRegistry([], undefined);
  const one = model('m');
  const nameOf = (i: number): string => `m${String((i * 7919) % 10_000).padStart(5, '0')}`;
  for (let i = 0; i < 10_000; i += 1)
    registry.set({ ...one, model: { ...one.model, name: nameOf(i) } });
  const names = registry.models.map((registered) => registered.model.name);
  expect(names).toEqual([...names].sort());
  const before = registry.models;
  for (const registered of before) registry.set({ ...registered, warnings: ['changed'] });
  expect(registry.models.every(({ warnings }) => warnings?.length === 1)).toBe(true);
  expect(before.some(({ warnings }) => warnings)).toBe(false);
});
