/**
 * What lies in a folder of a repository: its entries, those of them that are model files, and which file
 * another was probably made from. What a folder means is the business of find-models.ts.
 */

import type { Dirent, Stats } from 'node:fs';
import { opendirSync, statSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { messageOf, ServingError } from '../errors.ts';
import { formatOfFile, isServed } from './model-files.ts';
import type { InTurns } from './turns.ts';

/** Entries of a folder that are dealt with between two turns. */
export const entriesATurn = 128;

/** In no order. Not with readdir, which takes milliseconds at a time for thousands of names. */
export function* listFolder(folder: string): InTurns<Dirent[]> {
  const entries: Dirent[] = [];
  try {
    const open = opendirSync(folder, { bufferSize: entriesATurn });
    try {
      for (let entry = open.readSync(); entry; entry = open.readSync()) {
        entries.push(entry);
        if (entries.length % entriesATurn === 0) yield;
      }
    } finally {
      open.closeSync();
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new ServingError('PATH_UNREADABLE', { path: folder, problem: code ?? message });
  }
  return entries;
}

export const byName = (a: Dirent, b: Dirent): number => (a.name < b.name ? -1 : 1);

/** Throws PATH_UNREADABLE for a link that leads back to itself, a folder that may not be entered and the like. */
export function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw new ServingError('PATH_UNREADABLE', { path, problem: messageOf(error) });
  }
}

export function isFolder(path: string): boolean {
  return statOf(path)?.isDirectory() ?? false;
}

/** True for pipes and the like, and for folders; a link that is broken may have been a file. */
function isNoFile(path: string): boolean {
  try {
    return statOf(path)?.isFile() === false;
  } catch {
    return false;
  }
}

/**
 * Model files, also those whose link is broken: opening them says what is wrong. Without the file that
 * another was made from (`best.pt` beside `best.onnx`).
 */
export function* modelFilesIn(folder: string, entries: readonly Dirent[]): InTurns<string[]> {
  const files: string[] = [];
  for (const [i, { name }] of entries.entries()) {
    if (i % entriesATurn === 0) yield;
    const path = join(folder, name);
    if (formatOfFile(name) && !isNoFile(path)) files.push(path);
  }
  files.sort();
  const stem = (file: string): string => file.slice(0, -extname(file).length);
  const served = new Set(files.filter(isServed).map(stem));
  return files.filter((file) => isServed(file) || !served.has(stem(file)));
}

/** Copied one after the other, two files are this far apart at most. */
const copiedTogetherMs = 2000;

const changedAt = (file: string): number => statOf(file)?.mtimeMs ?? 0;

/**
 * A warning of a file of another framework that is newer than the ONNX file which is served in its place:
 * it may be that it was trained again and not exported. PyTorch's are not meant: they cannot be served.
 */
export function warnOfNewer(served: string, others: readonly string[]): string | undefined {
  const convertible = others.filter((file) => /\.(keras|h5|hdf5|pb)$/i.test(file));
  try {
    const newer = convertible.find(
      (file) => changedAt(file) > changedAt(served) + copiedTogetherMs,
    );
    return newer === undefined
      ? undefined
      : `${served} is served and not ${newer}, which is newer; move one of them away, or name the one to serve: modelship serve ${newer}`;
  } catch (error) {
    if (error instanceof ServingError) return undefined;
    throw error;
  }
}

const stemOf = (name: string): string => basename(name, extname(name));

/** Gives the files called like one but for the extension, with others that were left out for it. */
export function siblingsIn(
  folder: string,
  entries: readonly Dirent[],
): (file: string) => readonly string[] {
  const byStem = Map.groupBy(
    entries.map(({ name }) => name),
    stemOf,
  );
  return (file) =>
    (byStem.get(stemOf(basename(file))) ?? [])
      .filter((name) => name !== basename(file))
      .map((name) => join(folder, name));
}

/** Files that say something of all models of a folder, or nothing: they belong to none of its files. */
export const isOfWholeModel = (name: string): boolean =>
  /\.(ya?ml|txt|md|png|jpe?g|webp|gif)$/i.test(name);

/**
 * Gives the names that belong to one of these files, which lie among others: its own, and those that begin
 * with its name without extension and a point (`a.onnx.data` to `a.onnx`). Each name is looked at once.
 */
export function ownNamesIn(
  files: readonly string[],
  entries: readonly Dirent[],
): (file: string) => readonly string[] {
  const byStem = new Map<string, string[]>(files.map((file) => [stemOf(file), []]));
  for (const { name } of [...entries].sort(byName)) {
    if (isOfWholeModel(name)) continue;
    for (let point = name.indexOf('.'); point >= 0; point = name.indexOf('.', point + 1))
      byStem.get(name.slice(0, point))?.push(name);
  }
  return (file) => byStem.get(stemOf(file)) ?? [];
}
