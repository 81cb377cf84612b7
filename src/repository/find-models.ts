/**
 * Finds the models under a path: a model file, a model folder (with or without version folders), or a
 * folder of either. Reads names only; opening a model is the business of read-model.ts.
 *
 * A path that holds no model at all is an error of the whole call; a model that has something wrong
 * with it is returned with its problem, so that the others serve.
 */

import type { Dirent } from 'node:fs';
import { existsSync } from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { ServingError } from '../errors.ts';
import {
  byName,
  entriesATurn,
  isFolder,
  listFolder,
  modelFilesIn,
  ownNamesIn,
  siblingsIn,
  statOf,
  warnOfNewer,
} from './folder-entries.ts';
import { formatOfFile, isServed } from './model-files.ts';
import type { InTurns } from './turns.ts';
import { doAtOnce } from './turns.ts';

export interface FoundVersion {
  readonly version: string;
  /** The folder that is the version, or holds the file that is. */
  readonly folder: string;
  /** The model file. Absent when the folder has a problem. */
  readonly file?: string | undefined;
  readonly problem?: ServingError | undefined;
  /** Of a file that lies among others: the names of it and of those that belong to it, sorted. */
  readonly ownNames?: readonly string[] | undefined;
  /** What to know of it although it can be served. */
  readonly warning?: string | undefined;
}

export interface FoundModel {
  /** Derived from the file or folder; model.yaml may give another. */
  readonly name: string;
  /** What labels.txt and the like are relative to. */
  readonly folder: string;
  /** The file or folder that is the model: it is there as long as the model is. */
  readonly place: string;
  readonly yamlPath?: string;
  /** What its model.yaml is called, or would be (a file among others has one of its own name); model.yaml if left out. */
  readonly yamlName?: string;
  readonly versions: readonly FoundVersion[];
}

/** Makes a name of a file or folder fit for URLs. */
function nameFrom(text: string): string {
  const name = text
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 128);
  return name || 'model';
}

const versionName = /^[1-9]\d{0,18}$/;

function isVersionFolder(folder: string, entry: Dirent): boolean {
  if (!versionName.test(entry.name) || entry.isFile()) return false;
  return entry.isDirectory() || isFolder(join(folder, entry.name));
}

type Look = Pick<FoundVersion, 'file' | 'problem' | 'warning'>;

function lookIntoVersion(folder: string): Look {
  let files: string[];
  let entries: Dirent[];
  try {
    entries = doAtOnce(listFolder(folder));
    files = doAtOnce(modelFilesIn(folder, entries));
    // Checkpoints and the like lie beside the one file that can be served.
    if (files.filter(isServed).length === 1) files = files.filter(isServed);
  } catch (error) {
    return { problem: error as ServingError };
  }
  if (files.length > 1) {
    const names = files.map((file) => basename(file));
    return { problem: new ServingError('MODEL_AMBIGUOUS', { path: folder, files: names }) };
  }
  const [file] = files;
  if (file && !isServed(file)) return { file };
  if (file) {
    const all = entries.map(({ name }) => join(folder, name));
    return { file, warning: warnOfNewer(file, all) };
  }
  return { problem: new ServingError('NO_MODEL_FOUND', { path: folder, found: 'no model file' }) };
}

/** Its folder is looked into when somebody asks: of ten thousand versions few are wanted. */
function findVersion(version: string, folder: string): FoundVersion {
  let seen: Look | undefined;
  const look = (): Look => {
    seen ??= lookIntoVersion(folder);
    return seen;
  };
  return {
    version,
    folder,
    get file() {
      return look().file;
    },
    get problem() {
      return look().problem;
    },
    get warning() {
      return look().warning;
    },
  };
}

type Yaml = Pick<FoundModel, 'yamlPath' | 'yamlName'>;

/** The first of these names that is there. */
function yamlOf(folder: string, names: readonly [string, ...string[]]): Yaml {
  const yamlPath = names.map((name) => join(folder, name)).find(existsSync);
  return yamlPath ? { yamlPath, yamlName: basename(yamlPath) } : { yamlName: names[0] };
}

const yamlIn = (folder: string): Yaml => yamlOf(folder, ['model.yaml', 'model.yml']);
const hasYaml = (folder: string): boolean => yamlIn(folder).yamlPath !== undefined;

/** Names of whole numbers in rising order; thousands of them are sorted in a few milliseconds. */
function sortNumbers(names: string[]): string[] {
  const byLength: string[][] = [];
  for (const name of names.sort()) {
    byLength[name.length] ??= [];
    byLength[name.length]?.push(name);
  }
  return byLength.flat();
}

/** In rising order. */
function* versionsIn(folder: string, entries: readonly Dirent[]): InTurns<FoundVersion[]> {
  const names: string[] = [];
  for (const [i, entry] of entries.entries()) {
    if (i % entriesATurn === 0) yield;
    if (isVersionFolder(folder, entry)) names.push(entry.name);
  }
  const versions: FoundVersion[] = [];
  for (const [i, name] of sortNumbers(names).entries()) {
    if (i % entriesATurn === 0) yield;
    versions.push(findVersion(name, join(folder, name)));
  }
  return versions;
}

/** The model whose folder this is, or undefined when the folder is none. */
function* modelInFolder(folder: string): InTurns<FoundModel | undefined> {
  const entries = yield* listFolder(folder);
  const name = nameFrom(basename(folder));
  const versions = yield* versionsIn(folder, entries);
  if (versions.length > 0) return { name, folder, place: folder, ...yamlIn(folder), versions };
  const files = yield* modelFilesIn(folder, entries);
  if (files.length > 1 && !hasYaml(folder)) return undefined;
  if (files.length > 0 || hasYaml(folder)) {
    const versions = [findVersion('1', folder)];
    return { name, folder, place: folder, ...yamlIn(folder), versions };
  }
  return undefined;
}

/** `digits/2/model.onnx`, named itself: that version of the model whose folder is two above. */
function modelFromVersionFile(file: string): FoundModel {
  const folder = dirname(dirname(file));
  const version = basename(dirname(file));
  return {
    name: nameFrom(basename(folder)),
    folder,
    place: file,
    ...yamlIn(folder),
    versions: [{ version, folder: dirname(file), file }],
  };
}

/** `digits/2`, named itself: that version of the model whose folder is above. */
function* modelOfVersionFolder(folder: string): InTurns<FoundModel | undefined> {
  if (!versionName.test(basename(folder)) || hasYaml(folder)) return undefined;
  const above = yield* modelInFolder(dirname(folder));
  const versions = above?.versions.filter(({ version }) => version === basename(folder)) ?? [];
  return above && versions.length > 0 ? { ...above, place: folder, versions } : undefined;
}

/**
 * One file: named after itself, or after its folder when the file has no name of its own. `alone`: no other
 * model file lies beside it.
 */
function modelFromFile(file: string, alone: boolean): FoundModel {
  const folder = dirname(file);
  const stem = basename(file, extname(file));
  const generic = ['model', 'saved_model'].includes(stem);
  if (generic && versionName.test(basename(folder))) return modelFromVersionFile(file);
  const own = yamlOf(folder, [`${stem}.yaml`, `${stem}.yml`]);
  const yaml = own.yamlPath === undefined && alone ? yamlIn(folder) : own;
  return {
    name: nameFrom(generic ? basename(folder) : stem),
    folder,
    place: file,
    ...yaml,
    versions: [{ version: '1', folder, file }],
  };
}

/** The models in a folder below: none, one, or one that says why it cannot be read. */
function* modelsBelow(folder: string): InTurns<FoundModel[]> {
  const asProblem = (problem: ServingError): FoundModel => ({
    name: nameFrom(basename(folder)),
    folder,
    place: folder,
    versions: [{ version: '1', folder, problem }],
  });
  try {
    if (!isFolder(folder)) return [];
    const model = yield* modelInFolder(folder);
    if (model) return [model];
    const paths = yield* modelFilesIn(folder, yield* listFolder(folder));
    const files = paths.map((file) => basename(file));
    if (files.length === 0) return [];
    if (files.filter(isServed).length === 1) {
      const versions = [findVersion('1', folder)];
      const name = nameFrom(basename(folder));
      return [{ name, folder, place: folder, versions }];
    }
    return [asProblem(new ServingError('MODEL_AMBIGUOUS', { path: folder, files }))];
  } catch (error) {
    if (error instanceof ServingError) return [asProblem(error)];
    throw error;
  }
}

/** Files that lie loose; those that are one model by their names cannot be told apart. */
function* modelsOfFiles(
  files: readonly string[],
  entries: readonly Dirent[],
): InTurns<FoundModel[]> {
  const alone = files.length === 1;
  const siblingsOf = siblingsIn(dirname(files[0] ?? ''), entries);
  const ownNamesOf = alone ? () => undefined : ownNamesIn(files, entries);
  const all: FoundModel[] = [];
  for (const [i, file] of files.entries()) {
    if (i % entriesATurn === 0) yield;
    all.push(modelFromFile(file, alone));
  }
  const sameName = Map.groupBy(all, ({ name }) => name);
  return [...sameName.values()].map((models) => {
    const [first, ...others] = models as [FoundModel, ...FoundModel[]];
    const { name, folder, place } = first;
    if (others.length > 0) {
      const places = models.map((model) => basename(model.place));
      const problem = new ServingError('MODEL_AMBIGUOUS', {
        path: folder,
        model: name,
        files: places,
      });
      return { ...first, versions: [{ version: '1', folder, problem }] };
    }
    const warning = isServed(place) ? warnOfNewer(place, siblingsOf(place)) : undefined;
    const facts = { warning, ownNames: ownNamesOf(place) };
    return { ...first, versions: first.versions.map((version) => ({ ...version, ...facts })) };
  });
}

function* modelsInFolder(folder: string): InTurns<FoundModel[]> {
  // Every disk has a lost+found at its root, for nobody but root to read.
  const entries = (yield* listFolder(folder))
    .filter(({ name }) => !name.startsWith('.') && name !== 'lost+found')
    .sort(byName);
  const files = yield* modelFilesIn(folder, entries);
  const isFile = new Set(files);
  const models: FoundModel[] = [];
  for (const { name } of entries) {
    const path = join(folder, name);
    if (isFile.has(path)) continue;
    models.push(...(yield* modelsBelow(path)));
    yield;
  }
  return [...models, ...(yield* modelsOfFiles(files, entries))];
}

/** A file that lies loose beside folders of models is one model among others. */
function* isFolderOfModels(folder: string, { yamlPath, versions }: FoundModel): InTurns<boolean> {
  const [version] = versions;
  const isLoose = yamlPath === undefined && version?.file && dirname(version.file) === folder;
  return isLoose ? (yield* modelsInFolder(folder)).length > 1 : false;
}

/**
 * The models under `path`, sorted by name. Throws PATH_NOT_FOUND, PATH_UNREADABLE or NO_MODEL_FOUND.
 * An unsupported format is not looked at here.
 */
export function* lookForModels(path: string): InTurns<FoundModel[]> {
  const full = resolve(path);
  const stat = statOf(full);
  if (!stat) {
    throw new ServingError('PATH_NOT_FOUND', {
      path: full,
      expected: 'a model file, a model folder or a folder of models',
    });
  }
  if (!stat.isDirectory()) {
    if (formatOfFile(basename(full))) {
      const folder = dirname(full);
      const beside = yield* modelFilesIn(folder, yield* listFolder(folder));
      return [modelFromFile(full, beside.length === 1)];
    }
    throw new ServingError('NO_MODEL_FOUND', {
      path: full,
      found: 'a file whose extension is not that of a model',
    });
  }
  const single = (yield* modelOfVersionFolder(full)) ?? (yield* modelInFolder(full));
  const models =
    single && !(yield* isFolderOfModels(full, single)) ? [single] : yield* modelsInFolder(full);
  if (models.length === 0) {
    const names = (yield* listFolder(full))
      .sort(byName)
      .slice(0, 5)
      .map((entry) => entry.name);
    throw new ServingError('NO_MODEL_FOUND', {
      path: full,
      found: names.length > 0 ? `it has ${names.join(', ')}` : 'it is empty',
    });
  }
  return models.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The same at once. */
export const findModels = (path: string): FoundModel[] => doAtOnce(lookForModels(path));
