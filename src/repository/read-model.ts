/**
 * One found model as the server will serve it: its model.yaml, its labels, the signature of each version.
 * What is wrong with one version does not touch the others.
 */

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { ModelYaml, PictureInputYaml } from '../config/model-yaml.ts';
import { defaultModelYaml, parseModelYaml } from '../config/model-yaml.ts';
import { messageOf, ServingError } from '../errors.ts';
import type { FoundModel } from './find-models.ts';
import type { ModelSignature } from './model-signature.ts';
import { readSignature } from './model-signature.ts';
import { selectVersions } from './version-policy.ts';

export interface ImportedNames {
  /** As model.yaml's `input:`, for a graph that decoded pictures itself; model.yaml's own comes first. */
  readonly picture?: PictureInputYaml | undefined;
  /** Its signatures by name, as model.yaml names them: from its own names to those of the graph. */
  readonly signatures: Readonly<Record<string, ImportedSignatureNames>>;
}

export interface ImportedSignatureNames {
  readonly takes: 'tensors' | 'pictures';
  readonly inputs: Readonly<Record<string, string>>;
  readonly outputs: Readonly<Record<string, string>>;
}

export interface ReadVersion {
  readonly version: string;
  readonly file?: string | undefined;
  readonly signature?: ModelSignature;
  /** What the model's own format says beside its graph, where it was converted. */
  readonly imported?: ImportedNames | undefined;
  /** Why this version cannot be served. */
  readonly problem?: ServingError;
}

export interface ReadModel {
  readonly name: string;
  readonly folder: string;
  readonly yamlPath?: string | undefined;
  readonly config: ModelYaml;
  readonly labels?: readonly string[] | undefined;
  /** Names of sample pictures, and the folder they are in. */
  readonly samples: readonly string[];
  readonly samplesFolder?: string | undefined;
  /** All versions on disk, in rising order. */
  readonly found: readonly string[];
  /** The versions that the policy selects. */
  readonly versions: readonly ReadVersion[];
  /** Something wrong with the model as a whole (its model.yaml): none of its versions is served. */
  readonly problem?: ServingError;
}

const maxTextBytes = 4 * 1024 * 1024;

function readText(path: string): string {
  try {
    if (statSync(path).size > maxTextBytes) {
      throw new ServingError('PATH_UNREADABLE', {
        path,
        problem: `it is larger than ${maxTextBytes} bytes`,
      });
    }
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof ServingError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT')
      throw new ServingError('PATH_NOT_FOUND', { path, expected: 'a text file' });
    throw new ServingError('PATH_UNREADABLE', { path, problem: messageOf(error) });
  }
}

/** A labels file: one label a line; a byte order mark and trailing empty lines are ignored. */
function readLabels(path: string): string[] {
  const lines = readText(path)
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .map((line) => line.trim());
  while (lines.at(-1) === '') lines.pop();
  const empty = lines.indexOf('');
  if (lines.length === 0)
    throw new ServingError('LABELS_INVALID', { path, problem: 'the file is empty' });
  if (empty !== -1) {
    throw new ServingError('LABELS_INVALID', { path, problem: `line ${empty + 1} is empty` });
  }
  return lines;
}

function loadLabels(
  { labels }: ModelYaml['output'],
  folder: string,
): readonly string[] | undefined {
  return typeof labels === 'string' ? readLabels(join(folder, labels)) : labels;
}

const pictureFile = /^[\w][\w. -]*\.(png|jpe?g|webp|gif)$/i;
const mostSamples = 24;

/** Sample pictures: the folder that model.yaml names, or `samples/` beside it. Missing is fine. */
function findSamples(
  { samples }: ModelYaml,
  folder: string,
): Pick<ReadModel, 'samples' | 'samplesFolder'> {
  const samplesFolder = join(folder, samples ?? 'samples');
  try {
    const names = readdirSync(samplesFolder).filter((name) => pictureFile.test(name));
    return { samples: names.sort().slice(0, mostSamples), samplesFolder };
  } catch {
    return { samples: [] };
  }
}

function readVersion(
  version: string,
  file: string | undefined,
  problem: ServingError | undefined,
): ReadVersion {
  if (problem || !file) return { version, ...(problem ? { problem } : {}) };
  try {
    return { version, file, signature: readSignature(file) };
  } catch (error) {
    if (error instanceof ServingError) return { version, file, problem: error };
    const unreadable = new ServingError('PATH_UNREADABLE', {
      path: file,
      problem: messageOf(error),
    });
    return { version, file, problem: unreadable };
  }
}

/** Versions that model.yaml asks for by number and that are not on disk. */
function missingVersions(
  model: string,
  { list = [] }: ModelYaml['versions'],
  available: readonly string[],
): ReadVersion[] {
  return list
    .map(String)
    .filter((version) => !available.includes(version))
    .map((version) => ({
      version,
      problem: new ServingError('VERSION_NOT_FOUND', { model, version, available }),
    }));
}

/** Never throws: what is wrong is in `problem`. */
export function readModel(found: FoundModel): ReadModel {
  const base = {
    folder: found.folder,
    yamlPath: found.yamlPath,
    found: found.versions.map(({ version }) => version),
  };
  let { name } = found;
  try {
    const config = found.yamlPath
      ? parseModelYaml(readText(found.yamlPath), found.yamlPath)
      : defaultModelYaml();
    name = config.name ?? name;
    const labels = loadLabels(config.output, found.folder);
    const selected = selectVersions(config.versions, found.versions);
    if (selected.length === 0) {
      throw new ServingError('VERSION_NOT_FOUND', {
        model: name,
        version: config.versions.list?.join(', ') ?? '',
        available: base.found,
      });
    }
    const versions = [
      ...selected.map(({ version, file, problem }) => readVersion(version, file, problem)),
      ...missingVersions(name, config.versions, base.found),
    ];
    return {
      ...base,
      name,
      config,
      labels,
      versions,
      ...findSamples(config, found.folder),
    };
  } catch (error) {
    if (!(error instanceof ServingError)) throw error;
    // Each version that would serve says so: a model without versions has no state to look at.
    const versions = found.versions.slice(-1).map(({ version }) => ({ version, problem: error }));
    return { ...base, name, config: defaultModelYaml(), samples: [], versions, problem: error };
  }
}
