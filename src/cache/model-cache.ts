/**
 * Content-keyed folders of optimised model copies, below the user's cache folder.
 *
 * A folder is written whole under a temporary name and then renamed. When the cache folder cannot be
 * written there is no cache, which is only slower. The size is limited: the folders that were used
 * longest ago go first, but none that is held. What a killed process left half-written goes after an hour.
 *
 * What lies here is loaded as a model, so nobody else may be able to put it there: the folders belong to
 * this user and only this user can write them, or there is no cache.
 */

import { createReadStream } from 'node:fs';
import {
  access,
  constants,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { messageOf } from '../errors.ts';
import { createLeases } from './leases.ts';

// Not imported: as an ES module node:crypto evaluates Web Crypto too (docs/decisions/start-up.md).
const { createHash } = process.getBuiltinModule('node:crypto');

export interface ModelCache {
  /** Key of these files' contents together with what else the copy depends on. */
  keyOf(files: readonly string[], dependsOn: readonly string[]): Promise<string>;
  /** Where the copy of that key is, or will be once it is renamed from a name below `building`. */
  placeOf(key: string): { folder: string; building: string };
  /** Marks a key as used now and removes the oldest beyond the limit. */
  touch(key: string): Promise<void>;
  /** Keeps the copy of a key, by whichever process it would be removed, until what it gives is called. */
  hold(key: string): Promise<() => void>;
}

interface HashMemo {
  readonly stamp: string;
  readonly hash: string;
}

async function hashContents(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

const shortHash = (text: string): string =>
  createHash('sha256').update(text).digest('hex').slice(0, 32);

/** The optimised graph uses the instructions of this processor. */
async function processorFlags(): Promise<string> {
  try {
    const text = await readFile('/proc/cpuinfo', 'utf8');
    return /^(?:flags|Features)\s*:.*$/m.exec(text)?.[0] ?? '';
  } catch {
    return cpus()[0]?.model ?? '';
  }
}

async function sizeOfFolder(folder: string): Promise<number> {
  const names = await readdir(folder).catch(() => []);
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(folder, name)).then(
        (entry) => entry.size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((total, size) => total + size, 0);
}

/**
 * Makes the folder and those above it. Not by mkdir's own `recursive`, which never ends where a file
 * system says ENOENT to every new name, as /proc does.
 */
async function makeFolder(folder: string): Promise<void> {
  const make = (): Promise<string | undefined> =>
    mkdir(folder, { mode: 0o700 }).then(
      () => undefined,
      ({ code }: NodeJS.ErrnoException) => code,
    );
  if ((await make()) === 'ENOENT' && dirname(folder) !== folder) {
    await makeFolder(dirname(folder));
    await make();
  }
}

/** Makes a folder of our own, or throws why it is none. */
async function makeOwnFolder(folder: string): Promise<void> {
  await makeFolder(folder);
  await access(folder, constants.W_OK);
  const { uid, mode } = await stat(folder);
  if (uid !== (process.getuid?.() ?? uid)) throw new Error(`${folder} belongs to another user`);
  if (mode & 0o022) throw new Error(`${folder} can be written by other users (chmod go-w)`);
}

const abandonedAfterMs = 3_600_000;

/**
 * Opens the cache, or returns undefined when the folder cannot be made or written, or not by this user
 * alone; `onUnusable` is told why.
 */
export async function openModelCache(
  folder: string,
  maxBytes: number,
  onUnusable: (problem: string) => void = () => {},
): Promise<ModelCache | undefined> {
  const models = join(folder, 'models');
  const hashes = join(folder, 'hashes');
  const leases = createLeases();
  try {
    await makeOwnFolder(models);
    await makeOwnFolder(hashes);
  } catch (error) {
    onUnusable(messageOf(error));
    return undefined;
  }

  /** Reading a large file at every start costs more than loading it: its stat stands for it. */
  async function hashOf(path: string): Promise<string> {
    const { size, ino, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    const stamp = [size, ino, mtimeNs, ctimeNs].join('-');
    const memoPath = join(hashes, shortHash(path));
    try {
      const memo = JSON.parse(await readFile(memoPath, 'utf8')) as HashMemo;
      if (memo.stamp === stamp) return memo.hash;
    } catch {
      // No memo yet.
    }
    const hash = await hashContents(path);
    const temporary = `${memoPath}.${process.pid}`;
    await writeFile(temporary, JSON.stringify({ stamp, hash } satisfies HashMemo))
      .then(() => rename(temporary, memoPath))
      .catch(() => {});
    return hash;
  }

  async function evict(keep: string): Promise<void> {
    const names = await readdir(models);
    const entries = await Promise.all(
      names.map(async (name) => {
        const usedAt = await stat(join(models, name)).then(
          (entry) => entry.mtimeMs,
          () => 0,
        );
        return { name, usedAt, size: await sizeOfFolder(join(models, name)) };
      }),
    );
    let total = 0;
    for (const { name, size, usedAt } of entries.sort((a, b) => b.usedAt - a.usedAt)) {
      // One that is being made is not to be taken from whoever makes it.
      const isHalf = name.startsWith('.');
      total += size;
      const isSpare = isHalf
        ? Date.now() - usedAt > abandonedAfterMs
        : total > maxBytes && name !== keep;
      if (isSpare && !(await leases.isHeld(join(models, name))))
        await rm(join(models, name), { recursive: true, force: true });
    }
  }

  return {
    async keyOf(files, dependsOn) {
      const parts = await Promise.all(files.map(hashOf));
      return shortHash([...parts, ...dependsOn, await processorFlags(), process.arch].join('\n'));
    },
    placeOf(key) {
      const unique = `${process.pid}-${process.hrtime.bigint()}`;
      return { folder: join(models, key), building: join(models, `.${key}-${unique}`) };
    },
    async touch(key) {
      const now = new Date();
      await utimes(join(models, key), now, now).catch(() => {});
      await evict(key).catch(() => {});
    },
    hold: (key) => leases.hold(join(models, key)),
  };
}
