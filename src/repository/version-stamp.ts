/**
 * What tells one content of a version from another without reading it: names, sizes, inodes and times of
 * change of its files.
 *
 * The time of change (ctime) and not of modification: `cp -p` and `rsync -a` set the latter back.
 */

import type { BigIntStats } from 'node:fs';
import { readdirSync, statSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import type { FoundModel, FoundVersion } from './find-models.ts';
import { isOfWholeModel } from './folder-entries.ts';
import { formatOfFile } from './model-files.ts';

// Not imported: as an ES module node:crypto evaluates Web Crypto too (docs/decisions/start-up.md).
const { createHash } = process.getBuiltinModule('node:crypto');

export interface ContentStamp {
  readonly stamp: string;
  /** When something in it changed last, in milliseconds since 1970. */
  readonly changedAt: number;
}

/** Beyond this many files a version is no model. */
const mostFiles = 10_000;

function describe(path: string, name: string): { line: string; changedAt: number } {
  let stat: BigIntStats;
  try {
    stat = statSync(path, { bigint: true });
  } catch (error) {
    return { line: `${name} ${(error as NodeJS.ErrnoException).code}`, changedAt: 0 };
  }
  const { size, ino, mtimeNs, ctimeNs } = stat;
  // A folder's own times change with what is in it, which is listed.
  const facts = stat.isDirectory() ? ['folder', ino] : [size, ino, mtimeNs, ctimeNs];
  return { line: `${name} ${facts.join(' ')}`, changedAt: Number(ctimeNs / 1_000_000n) };
}

function namesBelow(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort().slice(0, mostFiles);
  } catch {
    return [];
  }
}

/** Files that lie together in a folder that is no version's own: the model's, and those called like it. */
function namesBeside({ folder, file }: FoundVersion): string[] {
  const stem = file ? basename(file, extname(file)) : '';
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return [];
  }
  const models = names.filter((name) => formatOfFile(name));
  const own = (name: string): boolean =>
    models.length > 1 ? name.startsWith(`${stem}.`) : !isOfWholeModel(name);
  return names.filter((name) => own(name) && !isOfWholeModel(name)).sort();
}

function stampOf(seen: readonly { line: string; changedAt: number }[]): ContentStamp {
  const hash = createHash('sha256');
  for (const { line } of seen) hash.update(`${line}\n`);
  return {
    stamp: hash.digest('hex').slice(0, 16),
    changedAt: Math.max(0, ...seen.map(({ changedAt }) => changedAt)),
  };
}

export function stampOfFiles(paths: readonly string[]): ContentStamp {
  return stampOf(paths.map((path) => describe(path, path)));
}

/** Of a version's own files. */
export function stampOfVersion(model: FoundModel, version: FoundVersion): ContentStamp {
  const ownFolder = version.folder !== model.folder && model.place !== version.file;
  const names = ownFolder ? namesBelow(version.folder) : (version.ownNames ?? namesBeside(version));
  const files = names.map((name) => describe(join(version.folder, name), name));
  // The folder of a loose file changes with its neighbours.
  return stampOf(ownFolder ? [describe(version.folder, '.'), ...files] : files);
}
