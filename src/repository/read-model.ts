/**
 * One found model as the server will serve it: its model.yaml, its labels, the signature of each version.
 * What is wrong with one version does not touch the others. The head of a model is what all its versions
 * have in common.
 */

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type {
  ModelOverrides,
  ModelYaml,
  PictureInputYaml,
  SourceYaml,
  VersionsYaml,
} from '../config/model-yaml.ts';
import { defaultModelYaml, parseModelYaml } from '../config/model-yaml.ts';
import { messageOf, ServingError } from '../errors.ts';
import type { FoundModel, FoundVersion } from './find-models.ts';
import type { ModelSignature } from './model-signature.ts';
import { readSignature } from './model-signature.ts';
import { wantedVersions } from './version-policy.ts';

export interface ImportedNames {
  /** As model.yaml's `input:`, for a graph that decoded pictures itself; model.yaml's own comes first. */
  readonly picture?: PictureInputYaml | undefined;
  /** Inputs whose pixels the model itself scales: what model.yaml proposes leaves that out. */
  readonly scaledInputs?: readonly string[] | undefined;
  /** Its signatures by name, as model.yaml names them: from its own names to those of the graph. */
  readonly signatures: Readonly<Record<string, ImportedSignatureNames>>;
  /** Signatures that share nothing with those are in graphs of their own. */
  readonly otherGraphs?: readonly ImportedGraph[] | undefined;
}

/** One more graph of a converted model, with its signatures. */
export interface ImportedGraph {
  readonly file: string;
  readonly signature: ModelSignature;
  readonly names: Omit<ImportedNames, 'otherGraphs'>;
}

export interface ImportedSignatureNames {
  readonly takes: 'tensors' | 'pictures';
  /** Its input is a scalar: one encoded picture, and outputs of that picture alone. */
  readonly onePicture?: boolean | undefined;
  readonly inputs: Readonly<Record<string, string>>;
  readonly outputs: Readonly<Record<string, string>>;
}

export interface ReadVersion {
  readonly version: string;
  readonly file?: string | undefined;
  /** The user's own file, where `file` is a converted copy of it. */
  readonly original?: string | undefined;
  /** Its file is in another format, and is converted before it is loaded. */
  readonly unconverted?: boolean | undefined;
  readonly signature?: ModelSignature;
  /** Which network was taken for a file that has weights only, in words. */
  readonly architecture?: string | undefined;
  /** What the model's own format says beside its graph, where it was converted. */
  readonly imported?: ImportedNames | undefined;
  /** Where its file has to be fetched from first. */
  readonly source?: SourceYaml | undefined;
  /** What to know of it although it can be served. */
  readonly warning?: string | undefined;
  /** Why this version cannot be served. */
  readonly problem?: ServingError;
}

export interface ModelHead {
  readonly name: string;
  readonly folder: string;
  readonly yamlPath?: string | undefined;
  /** What its model.yaml is called, or would be; model.yaml if left out. */
  readonly yamlName?: string | undefined;
  readonly config: ModelYaml;
  readonly labels?: readonly string[] | undefined;
  /** Names of sample pictures, and the folder they are in. */
  readonly samples: readonly string[];
  readonly samplesFolder?: string | undefined;
  /** All versions on disk, in rising order. */
  readonly found: readonly string[];
  /** What to know of it although it is served as it was. */
  readonly warnings?: readonly string[] | undefined;
  /** Something wrong with the model as a whole (its model.yaml): none of its versions is served. */
  readonly problem?: ServingError;
}

export interface ReadModel extends ModelHead {
  /** The versions that the policy selects. */
  readonly versions: readonly ReadVersion[];
}

/** What takes the place of what model.yaml says. */
export interface HeadChanges {
  /** Of a model that a configuration names. */
  readonly name?: string | undefined;
  readonly versions?: Partial<VersionsYaml> | undefined;
  /** Of a request that loads the model. */
  readonly overrides?: ModelOverrides | undefined;
}

const maxTextBytes = 4 * 1024 * 1024;

function readText(path: string): string {
  try {
    const stats = statSync(path);
    // A pipe would keep the server waiting, and a device has no end.
    if (!stats.isFile())
      throw new ServingError('PATH_UNREADABLE', { path, problem: 'it is not a regular file' });
    if (stats.size > maxTextBytes) {
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

/**
 * A labels file: one label a line, trailing empty lines are ignored; or Keras' `imagenet_class_index.json`.
 * A byte order mark is ignored.
 */
function readLabels(path: string): string[] {
  const text = readText(path).replace(/^\uFEFF/, '');
  return /\.json$/i.test(path) ? labelsOfClassIndex(path, text) : labelsOfLines(path, text);
}

/** `{"0": ["n01440764", "tench"], …}`: for each class from 0 its id and its name. */
function labelsOfClassIndex(path: string, text: string): string[] {
  const fail = (problem: string): never => {
    throw new ServingError('LABELS_INVALID', { path, problem });
  };
  let index: unknown;
  try {
    index = JSON.parse(text);
  } catch (error) {
    return fail(`it is not valid JSON: ${messageOf(error)}`);
  }
  const expected = 'expected {"0": ["n01440764", "tench"], …}';
  if (typeof index !== 'object' || index === null || Array.isArray(index)) return fail(expected);
  const classes = Object.entries(index);
  if (classes.length === 0) return fail('it has no classes');
  // Keys that are whole numbers come in rising order, whatever the order in the file.
  return classes.map(([key, entry]: [string, unknown], i) => {
    if (key !== String(i)) return fail(`class ${i} is missing; ${expected}`);
    const name: unknown = Array.isArray(entry) ? entry[1] : undefined;
    return typeof name === 'string' && name.trim() !== ''
      ? name.trim()
      : fail(`class ${i} has no name; ${expected}`);
  });
}

function labelsOfLines(path: string, text: string): string[] {
  const lines = text.split(/\r?\n/).map((line) => line.trim());
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

/** Never throws: what is wrong is in `problem`. */
export function readVersion({ version, file, problem, warning }: FoundVersion): ReadVersion {
  if (problem || !file) return { version, ...(problem ? { problem } : {}) };
  try {
    const signature = readSignature(file);
    return { version, file, signature, ...(warning === undefined ? {} : { warning }) };
  } catch (error) {
    if (error instanceof ServingError) return { version, file, problem: error };
    const unreadable = new ServingError('PATH_UNREADABLE', {
      path: file,
      problem: messageOf(error),
    });
    return { version, file, problem: unreadable };
  }
}

/** A version without a file of its own, in a model whose file comes from elsewhere. */
export function sourceOf(
  { config, yamlPath }: ModelHead,
  { problem }: FoundVersion,
): SourceYaml | undefined {
  return yamlPath && problem?.code === 'NO_MODEL_FOUND' ? config.source : undefined;
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

function readConfig(
  { yamlPath }: FoundModel,
  { overrides = {}, versions }: HeadChanges,
): ModelYaml {
  const config = yamlPath ? parseModelYaml(readText(yamlPath), yamlPath) : defaultModelYaml();
  return {
    ...config,
    instances: overrides.instances ?? config.instances,
    batching: { ...config.batching, ...overrides.batching },
    queue: { ...config.queue, ...overrides.queue },
    versions: { ...config.versions, ...versions, ...overrides.versions },
  };
}

/** Never throws: what is wrong is in `problem`, beside what could be read. */
export function readHead(found: FoundModel, changes: HeadChanges = {}): ModelHead {
  const base = {
    folder: found.folder,
    yamlPath: found.yamlPath,
    yamlName: found.yamlName,
    found: found.versions.map(({ version }) => version),
  };
  let name = changes.name ?? found.name;
  try {
    const config = readConfig(found, changes);
    name = changes.name ?? config.name ?? name;
    const labels = loadLabels(config.output, found.folder);
    return { ...base, name, config, labels, ...findSamples(config, found.folder) };
  } catch (error) {
    if (!(error instanceof ServingError)) throw error;
    return { ...base, name, config: defaultModelYaml(), samples: [], problem: error };
  }
}

/** Each version that would serve says what is wrong: a model without versions has no state to look at. */
function withProblem(head: ModelHead, found: FoundModel, problem: ServingError): ReadModel {
  const versions = found.versions.slice(-1).map(({ version }) => ({ version, problem }));
  return { ...head, versions, problem };
}

const isNumber = (target: string): boolean => /^\d/.test(target);

/** Versions that labels, traffic and a shadow name by number: they are wanted, whatever the policy selects. */
export function namedVersions({ labels, traffic = {}, shadow }: VersionsYaml): string[] {
  const targets = [...Object.keys(traffic), ...(shadow ? [shadow.to] : [])];
  return [...Object.values(labels).map(String), ...targets.filter(isNumber)];
}

/** The versions of a model that its policy selects and those that are named, read; `named`: by default in model.yaml. */
export function readVersions(
  head: ModelHead,
  found: FoundModel,
  named = namedVersions(head.config.versions),
): ReadModel {
  const { name, config } = head;
  if (head.problem) return withProblem(head, found, head.problem);
  const asked = { asked: 'policy', policy: config.versions, labelled: named } as const;
  const selected = wantedVersions(asked, found.versions);
  if (selected.length === 0) {
    const version = config.versions.list?.join(', ') ?? '';
    const missing = new ServingError('VERSION_NOT_FOUND', {
      model: name,
      version,
      available: head.found,
    });
    return withProblem({ ...head, config: defaultModelYaml(), samples: [] }, found, missing);
  }
  const versions = [
    ...selected.map((one) => {
      const source = sourceOf(head, one);
      return source ? { version: one.version, source } : readVersion(one);
    }),
    ...missingVersions(name, config.versions, head.found),
  ];
  return { ...head, versions };
}

/** Never throws: what is wrong is in `problem`. */
export function readModel(found: FoundModel): ReadModel {
  return readVersions(readHead(found), found);
}

/** What to know of a model that is served, each with its place. */
export function warningsOf(head: ModelHead): string[] {
  return [...(head.warnings ?? []), ...findMissingTargets(head)];
}

/** What labels and traffic name and is not there. */
function findMissingTargets({ config, found, yamlPath, folder }: ModelHead): string[] {
  const { labels, traffic = {}, shadow } = config.versions;
  const place = yamlPath ?? folder;
  const isMissing = (version: string): boolean => isNumber(version) && !found.includes(version);
  const here = `versions here: ${found.join(', ') || 'none'}`;
  const named: [string, string][] = [
    ...Object.keys(traffic).map((target): [string, string] => [`traffic.${target}`, target]),
    ...(shadow ? [['shadow.to', shadow.to] as [string, string]] : []),
  ];
  const known = Object.keys(labels).join(', ') || 'none';
  return [
    ...Object.entries(labels)
      .filter(([, version]) => isMissing(String(version)))
      .map(
        ([label, version]) =>
          `${place}: versions.labels.${label}: there is no version ${version}; ${here}`,
      ),
    ...named
      .filter(([, target]) => isMissing(target))
      .map(
        ([where, target]) => `${place}: versions.${where}: there is no version ${target}; ${here}`,
      ),
    // A model.yaml alone cannot say so; a models.config that names the labels makes it so.
    ...named
      .filter(([, target]) => !isNumber(target) && !Object.hasOwn(labels, target))
      .map(
        ([where, target]) =>
          `${place}: versions.${where}: there is no label "${target}" in the configuration that names this model, so it gets nothing; labels there: ${known}`,
      ),
  ];
}
