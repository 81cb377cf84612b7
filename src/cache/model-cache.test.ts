import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../test/models/run.ts';
import type { ModelCache } from './model-cache.ts';
import { openModelCache } from './model-cache.ts';

let folder: string;

beforeEach(() => {
  const temporary = temporaryFolder();
  folder = temporary.path;
  return () => temporary[Symbol.dispose]();
});

const open = async (maxBytes = 1e9): Promise<ModelCache> =>
  (await openModelCache(join(folder, 'cache'), maxBytes)) as ModelCache;

function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe('a key', () => {
  test('is that of the contents, wherever the file lies', async () => {
    const cache = await open();
    const [a, b, c] = [write('a', 'same'), write('b', 'same'), write('c', 'other')];
    const keys = await Promise.all([a, b, c].map((path) => cache.keyOf([path], [])));
    expect(keys[0]).toBe(keys[1]);
    expect(keys[2]).not.toBe(keys[0]);
  });

  test('depends on every file, their order and what else is given', async () => {
    const cache = await open();
    const [a, b] = [write('a', 'A'), write('b', 'B')];
    const keys = await Promise.all([
      cache.keyOf([a], []),
      cache.keyOf([a, b], []),
      cache.keyOf([b, a], []),
      cache.keyOf([a], ['1.30.0']),
      cache.keyOf([a], ['1.30.1']),
    ]);
    expect(new Set(keys).size).toBe(5);
    expect(keys.every((key) => /^[0-9a-f]{32}$/.test(key))).toBe(true);
  });

  test('changes with the file, also when its length and time stay the same', async () => {
    const cache = await open();
    const path = write('a', 'one');
    utimesSync(path, 1000, 1000);
    const before = await cache.keyOf([path], []);
    write('a', 'two');
    utimesSync(path, 1000, 1000);
    expect(await cache.keyOf([path], [])).not.toBe(before);
  });

  test('is the same after a restart, and when it is asked for many times at once', async () => {
    const path = write('a', 'x'.repeat(1 << 20));
    const keys = await Promise.all(
      Array.from({ length: 20 }, async () => (await open()).keyOf([path], [])),
    );
    expect(new Set(keys).size).toBe(1);
  });

  test('is found again when the remembered hash is damaged', async () => {
    const path = write('a', 'text');
    const before = await (await open()).keyOf([path], []);
    const hashes = join(folder, 'cache', 'hashes');
    for (const name of readdirSync(hashes)) writeFileSync(join(hashes, name), '{"stamp"');
    expect(await (await open()).keyOf([path], [])).toBe(before);
  });

  test('of a file that is not there cannot be made', async () => {
    const cache = await open();
    await expect(cache.keyOf([join(folder, 'nope')], [])).rejects.toThrow('ENOENT');
  });
});

describe('the size', () => {
  /** A copy of that many bytes, last used at that time. */
  function addCopy(cache: ModelCache, key: string, bytes: number, usedAt: number): string {
    const { folder: place } = cache.placeOf(key);
    mkdirSync(place);
    writeFileSync(join(place, 'model.onnx'), Buffer.alloc(bytes));
    utimesSync(place, usedAt, usedAt);
    return place;
  }

  test('is kept by removing what was used longest ago', async () => {
    const cache = await open(250);
    const places = ['a', 'b', 'c', 'd'].map((key, i) => addCopy(cache, key, 100, 1000 + i));
    await cache.touch('a');
    expect(places.map((place) => existsSync(place))).toEqual([true, false, false, true]);
  });

  test('never costs the copy that is in use, however large', async () => {
    const cache = await open(250);
    const [large, small] = [
      addCopy(cache, 'large', 1000, 1000),
      addCopy(cache, 'small', 100, 2000),
    ];
    await cache.touch('large');
    expect([existsSync(large), existsSync(small)]).toEqual([true, false]);
  });

  test('never costs a copy that is held, by this process or another', async () => {
    const [cache, other] = [await open(150), await open(150)];
    const places = ['a', 'b'].map((key, i) => addCopy(cache, key, 100, 1000 + i));
    const release = await other.hold('a');
    await cache.touch('b');
    expect(places.map((place) => existsSync(place))).toEqual([true, true]);
    release();
    utimesSync(places[0] as string, 1000, 1000);
    await cache.touch('b');
    expect(places.map((place) => existsSync(place))).toEqual([false, true]);
  });

  test('lets go of a copy whose holder was killed half an hour ago', async () => {
    const [cache, killed] = [await open(150), await open(150)];
    const places = ['a', 'b'].map((key, i) => addCopy(cache, key, 100, 1000 + i));
    await killed.hold('a');
    const [lease] = readdirSync(places[0] as string).filter((name) => name.startsWith('.in-use-'));
    const age = (minutes: number): void => {
      const then = new Date(Date.now() - minutes * 60_000);
      utimesSync(join(places[0] as string, lease as string), then, then);
      utimesSync(places[0] as string, 1000, 1000);
    };
    age(29);
    await cache.touch('b');
    expect(existsSync(places[0] as string)).toBe(true);
    age(31);
    await cache.touch('b');
    expect(existsSync(places[0] as string)).toBe(false);
  });

  test('never costs a copy that is being made', async () => {
    const cache = await open(150);
    const { building } = cache.placeOf('new');
    mkdirSync(building);
    writeFileSync(join(building, 'model.onnx'), Buffer.alloc(1000));
    const place = addCopy(cache, 'old', 100, 1000);
    await cache.touch('other');
    expect([existsSync(building), existsSync(place)]).toEqual([true, false]);
  });

  test('of a key that has no copy yet is no problem', async () => {
    const cache = await open();
    await cache.touch('none');
    expect(existsSync(cache.placeOf('none').folder)).toBe(false);
  });
});

describe('a half-written copy', () => {
  test('has a name of its own each time, beside the finished one', async () => {
    const cache = await open();
    const [one, two] = [cache.placeOf('key'), cache.placeOf('key')];
    expect(one.folder).toBe(two.folder);
    expect(one.building).not.toBe(two.building);
    expect(join(one.building, '..')).toBe(join(one.folder, '..'));
  });

  test('that a killed process left goes after an hour, not before', async () => {
    const cache = await open();
    const [old, recent] = [cache.placeOf('old').building, cache.placeOf('recent').building];
    for (const place of [old, recent]) {
      mkdirSync(place);
      writeFileSync(join(place, 'weights.bin'), 'half');
    }
    const minutesAgo = (minutes: number): Date => new Date(Date.now() - minutes * 60_000);
    utimesSync(old, minutesAgo(61), minutesAgo(61));
    utimesSync(recent, minutesAgo(50), minutesAgo(50));
    await cache.touch('other');
    expect([existsSync(old), existsSync(recent)]).toEqual([false, true]);
  });
});

describe('a folder', () => {
  const problems: string[] = [];
  const tryOpen = (path: string): Promise<ModelCache | undefined> => {
    problems.length = 0;
    return openModelCache(path, 1e9, (problem) => problems.push(problem));
  };

  test('is made for this user alone', async () => {
    await open();
    for (const name of ['', 'models', 'hashes']) {
      expect(statSync(join(folder, 'cache', name)).mode & 0o777).toBe(0o700);
    }
  });

  test('may be made by many servers that start at once', async () => {
    for (let round = 0; round < 20; round += 1) {
      const place = join(folder, String(round), 'cache');
      const opened = await Promise.all(Array.from({ length: 10 }, () => openModelCache(place, 1)));
      expect(opened).not.toContain(undefined);
    }
  });

  test('that cannot be made is no cache', async () => {
    const file = write('file', '');
    expect(await tryOpen(join(file, 'cache'))).toBeUndefined();
    expect(problems).toEqual([expect.stringContaining('ENOTDIR')]);
  });

  test.each([0o777, 0o770, 0o707])(
    'that others can write (%o) is no cache: they could plant a model',
    async (mode) => {
      await open();
      const models = join(folder, 'cache', 'models');
      chmodSync(models, mode);
      expect(await tryOpen(join(folder, 'cache'))).toBeUndefined();
      expect(problems).toEqual([`${models} can be written by other users (chmod go-w)`]);
    },
  );

  test.runIf(process.getuid?.() === 0)('that belongs to somebody else is no cache', async () => {
    await open();
    const hashes = join(folder, 'cache', 'hashes');
    chownSync(hashes, 12345, 12345);
    expect(await tryOpen(join(folder, 'cache'))).toBeUndefined();
    expect(problems).toEqual([`${hashes} belongs to another user`]);
  });

  test('below a folder that everybody can write is a cache, as in a volume of Kubernetes', async () => {
    const shared = join(folder, 'volume');
    mkdirSync(shared);
    chmodSync(shared, 0o777);
    expect(await tryOpen(shared)).toBeDefined();
  });
});
