import { expect, test } from 'vitest';
import type { AskedModel } from './control-asks.ts';
import { createAsks } from './control-asks.ts';

test('a later wish overtakes an earlier one, and the same wish does not', () => {
  const asks = createAsks();
  using load = asks.begin('m', 'Loading', 'load it', 'load');
  using again = asks.begin('m', 'Loading', 'load it', 'load');
  expect([load.overtaken, load.isLatest, again.isLatest]).toEqual([undefined, false, true]);
  using other = asks.begin('n', 'Unloading', 'unload it', 'unload');
  expect([again.overtaken, other.overtaken]).toEqual([undefined, undefined]);
  using unload = asks.begin('m', 'Unloading', 'unload it', 'unload');
  expect(load.overtaken?.code).toBe('MODEL_CONTROL_OVERTAKEN');
  expect(unload.overtaken).toBeUndefined();
});

test('the last one brings back what was before the first that is not answered', () => {
  const asks = createAsks();
  const done: string[] = [];
  using first = asks.begin('m', 'Loading', 'load it', 'load 1');
  first.remember(() => done.push('before the first'));
  using second = asks.begin('m', 'Loading', 'load it', 'load 2');
  second.remember(() => done.push('before the second'));
  first.undo();
  expect(done).toEqual([]);
  second.undo();
  expect(done).toEqual(['before the first']);
});

test('nothing is kept of a model whose requests are answered', () => {
  const models = new Map<string, AskedModel>();
  const asks = createAsks(models);
  const first = asks.begin('m', 'Loading', 'load it', 'load');
  {
    using _second = asks.begin('m', 'Unloading', 'unload it', 'unload');
    using _other = asks.begin('n', 'Loading', 'load it', 'load');
    expect([...models.keys()]).toEqual(['m', 'n']);
  }
  expect([...models.keys()]).toEqual(['m']);
  expect(first.overtaken?.code).toBe('MODEL_CONTROL_OVERTAKEN');
  first[Symbol.dispose]();
  expect(models.size).toBe(0);
});
