/** The cache of optimised models only ever makes a start faster: without it, or damaged, the answers are the same. */

import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { writeTestModel } from './models/test-models.ts';
import { post } from './support/http.ts';
import type { Modelship } from './support/modelship.ts';
import { binary, root, startModelship, temporaryFolder } from './support/modelship.ts';
import { dataOf } from './support/open-inference.ts';
import { readDigit } from './support/pictures.ts';

const folder = temporaryFolder();
const digits = join(root, 'models', 'digits');
const cache = join(folder.path, 'cache');
const models = join(cache, 'models');
afterAll(() => folder[Symbol.dispose]());

const start = (path = digits, dir = cache) => startModelship(path, { args: ['--cache-dir', dir] });

/** Whether each runner read the optimised copy, as the log says. */
const fromCache = ({ stderr }: Modelship): string[] =>
  [...stderr.matchAll(/"fromCache":(true|false)/g)].map(([, value = '']) => value);

async function expectAnswer(server: Modelship): Promise<void> {
  const { json } = await post(`${server.url}/predict`, readDigit('8.jpg'));
  expect(json.predictions[0].label).toBe('8');
}

const copies = (): string[] => readdirSync(models).filter((name) => !name.startsWith('.'));

describe('a cache that is filled', () => {
  const filled = join(folder.path, 'filled');

  beforeEach(async () => {
    rmSync(cache, { recursive: true, force: true });
    if (existsSync(filled)) cpSync(filled, cache, { recursive: true });
    else {
      await using first = await start();
      expect(fromCache(first)).toEqual(['false']);
      await expectAnswer(first);
      await first.stop();
      cpSync(cache, filled, { recursive: true });
    }
  });

  test('the second start reads from it, and it is for its owner alone', async () => {
    await using server = await start();
    expect(fromCache(server)).toEqual(['true']);
    expect(server.stdout).toContain('from the cache');
    await expectAnswer(server);
    expect(copies()).toHaveLength(1);
    expect(statSync(models).mode & 0o777).toBe(0o700);
  });

  const copy = (file: string): string => join(models, copies()[0] as string, file);

  test.each([
    ['an empty copy', () => truncateSync(copy('model.onnx'))],
    ['half the weights', () => truncateSync(copy('weights.bin'), 100_000)],
    ['nonsense', () => writeFileSync(copy('model.onnx'), 'x'.repeat(5000))],
  ])('%s is not used', async (_, damage) => {
    damage();
    await using server = await start();
    expect(fromCache(server)).toEqual(['false']);
    await expectAnswer(server);
    expect(copies()).toEqual([]);
  });

  test('a folder without its copy gets a whole one again', async () => {
    rmSync(copy('model.onnx'));
    {
      await using server = await start();
      expect(fromCache(server)).toEqual(['false']);
    }
    await using next = await start();
    expect(fromCache(next)).toEqual(['true']);
    await expectAnswer(next);
  });

  test('a model file that changed gets a copy of its own', async () => {
    const changing = join(folder.path, 'changing');
    const yOf = async (server: Modelship, shape: readonly number[]): Promise<unknown> => {
      const inputs = [{ name: 'x', datatype: 'FP32', shape, data: [4, 16, 36, 64] }];
      return dataOf(await post(`${server.url}/v2/models/m/infer`, { inputs })).y;
    };
    writeTestModel(changing, 'half-plus-two', 1, 'm');
    {
      await using server = await start(changing);
      expect(await yOf(server, [4])).toEqual([4, 10, 20, 34]);
    }
    writeTestModel(changing, 'not-a-number', 1, 'm');
    await using server = await start(changing);
    expect(fromCache(server)).toEqual(['false']);
    expect(await yOf(server, [1, 4])).toEqual([2, 4, 6, 8]);
    expect(copies()).toHaveLength(3);
  });
});

test('two servers that fill one cache at the same time both serve', async () => {
  rmSync(cache, { recursive: true, force: true });
  const servers = await Promise.all([start(), start()]);
  await Promise.all(servers.map(expectAnswer));
  for (const server of servers) await server[Symbol.asyncDispose]();
  expect(copies()).toHaveLength(1);
  expect(readdirSync(models).filter((name) => name.startsWith('.'))).toEqual([]);
});

test('what does not fit into its size is removed, the copy in use is not', async () => {
  rmSync(cache, { recursive: true, force: true });
  mkdirSync(join(models, 'old-one'), { recursive: true });
  writeFileSync(join(models, 'old-one', 'model.onnx'), Buffer.alloc(4096));
  await using server = await startModelship(digits, {
    args: ['--cache-dir', cache, '--cache-size', '1KB'],
  });
  await expectAnswer(server);
  await server.stop();
  await using again = await startModelship(digits, {
    args: ['--cache-dir', cache, '--cache-size', '1KB'],
  });
  expect(copies()).not.toContain('old-one');
  await expectAnswer(again);
});

test('a disk that is full: slower, and served', async () => {
  rmSync(cache, { recursive: true, force: true });
  // No file may grow beyond 40 blocks, as if there were no room for it.
  const command = ['sh', '-c', 'ulimit -f 40; trap "" XFSZ; exec "$0" "$@"', binary];
  await using server = await startModelship(digits, { args: ['--cache-dir', cache], command });
  expect(fromCache(server)).toEqual(['false']);
  await expectAnswer(server);
  expect(readdirSync(models)).toEqual([]);
});

test.each([
  [
    'is a file',
    () => writeFileSync(join(folder.path, 'file'), ''),
    () => join(folder.path, 'file'),
  ],
  ['is where nothing can be made', () => {}, () => '/proc/modelship'],
  ['is below a device', () => {}, () => '/dev/full/cache'],
])('a cache folder that %s: slower, and served', async (_, prepare, dir) => {
  prepare();
  await using server = await start(digits, dir());
  expect(fromCache(server)).toEqual(['false']);
  await expectAnswer(server);
});
