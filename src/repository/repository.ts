/**
 * The models on disk as each look at them finds them: names, model.yaml, versions with a stamp of their
 * content and whether they may still be being copied.
 *
 * Reads no model file. Remembers between looks what was read of files that have not changed.
 */

import { existsSync } from 'node:fs';
import { dirname, join, resolve, sep } from 'node:path';
import { ServingError } from '../errors.ts';
import type { FoundModel, FoundVersion } from './find-models.ts';
import { findModels } from './find-models.ts';
import type { ConfiguredModel, ModelsConfig } from './models-config.ts';
import { readModelsConfig } from './models-config.ts';
import type { HeadChanges, ModelHead } from './read-model.ts';
import { readHead } from './read-model.ts';
import { createSettling } from './settling.ts';
import type { VersionOnDisk } from './version-policy.ts';
import type { ContentStamp } from './version-stamp.ts';
import { stampOfFiles, stampOfVersion } from './version-stamp.ts';

// Not imported: as an ES module node:crypto evaluates Web Crypto too (docs/decisions/start-up.md).
const { createHash } = process.getBuiltinModule('node:crypto');

export interface SeenModel {
  readonly name: string;
  readonly found: FoundModel;
  readonly head: ModelHead;
  /** It is there because a configuration names it. */
  readonly configured: boolean;
  /** In rising order; a version's files are looked at when its stamp is asked for. */
  readonly onDisk: readonly VersionOnDisk[];
}

export interface Repository {
  /**
   * What is there now; two models may have one name. Throws PATH_NOT_FOUND, PATH_UNREADABLE, NO_MODEL_FOUND or MODELS_CONFIG_INVALID;
   * what is wrong with one model is in its head.
   */
  look(): SeenModel[];
  /** Takes the place of the configuration until the next. Throws PATH_OUTSIDE_REPOSITORY. */
  configure(config: ModelsConfig): void;
  /** Takes the place of a model's model.yaml; undefined: that on disk again. */
  setYaml(model: string, yaml: string | undefined): void;
  /** How long until what may still be being copied has settled, as far as the looks so far know. */
  readonly settlesInMs: number | undefined;
}

export interface RepositoryOptions {
  /** A model, a folder of models, or a models.config. */
  readonly path: string;
  readonly settleMs: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export const isModelsConfig = (path: string): boolean => path.endsWith('.config');

interface Located {
  readonly found: FoundModel;
  readonly changes: HeadChanges;
  readonly configured: boolean;
}

interface KnownHead {
  /** Of what it was read from. */
  readonly stamp: string;
  readonly head: ModelHead;
  /** Files that its model.yaml names. */
  readonly named: readonly string[];
  /** Of these and model.yaml itself, which all versions share. */
  readonly shared: ContentStamp;
  /** Of what it says about how versions are served. */
  readonly meaning: string;
}

function findConfigured({ name, path, versions, labels }: ConfiguredModel): Located {
  const changes = {
    name,
    versions: { ...versions, ...(labels ? { labels: { ...labels } } : {}) },
  };
  try {
    const models = findModels(path);
    const [found] = models;
    if (found && models.length === 1) return { found, changes, configured: true };
    throw new ServingError('MODEL_AMBIGUOUS', { path, files: models.map((model) => model.name) });
  } catch (error) {
    if (!(error instanceof ServingError)) throw error;
    const version = { version: '1', folder: path, problem: error };
    return {
      found: { name, folder: path, place: path, versions: [version] },
      changes,
      configured: true,
    };
  }
}

const shortHash = (text: string): string =>
  createHash('sha256').update(text).digest('hex').slice(0, 16);

function meaningOf({ config, labels, problem }: ModelHead): string {
  const { versions: _, ...rest } = config;
  return shortHash(JSON.stringify([rest, labels, problem?.message]));
}

export function createRepository(options: RepositoryOptions): Repository {
  const { path, now } = options;
  const root = resolve(path);
  const settling = createSettling(options.settleMs);
  const yamls = new Map<string, string>();
  const heads = new Map<string, KnownHead>();
  let config: ModelsConfig | undefined;

  function locate(): Located[] {
    const given = config ?? (isModelsConfig(root) ? readModelsConfig(root) : undefined);
    if (given) return given.models.map(findConfigured);
    return findModels(root).map((found) => ({ found, changes: {}, configured: false }));
  }

  /** Where folders that a request names may lie. */
  function roots(): string[] {
    if (!isModelsConfig(root)) return [root];
    return readModelsConfig(root).models.map((model) => dirname(resolve(model.path)));
  }

  function readKnownHead({ found, changes }: Located): KnownHead {
    const { place, folder, yamlPath } = found;
    const known = heads.get(place);
    const yaml = yamls.get(changes.name ?? known?.head.name ?? found.name);
    const stampWith = (named: readonly string[]): [string, ContentStamp] => {
      const shared = stampOfFiles([...(yamlPath ? [yamlPath] : []), ...named]);
      return [JSON.stringify([shared.stamp, changes, yaml]), shared];
    };
    const [stamp, shared] = stampWith(known?.named ?? []);
    const numbers = found.versions.map(({ version }) => version);
    if (known?.stamp === stamp)
      return { ...known, shared, head: { ...known.head, found: numbers } };
    const head = readHead(found, { ...changes, yaml });
    const { labels } = head.config.output;
    const named = typeof labels === 'string' ? [join(folder, labels)] : [];
    // What was stamped before it was read; where other files are named now, the next look reads them again.
    const isSame = named.join() === (known?.named ?? []).join();
    const read = {
      head,
      named,
      stamp: isSame ? stamp : '',
      shared: isSame ? shared : stampWith(named)[1],
      meaning: meaningOf(head),
    };
    heads.set(place, read);
    return read;
  }

  function onDisk({ found }: Located, version: FoundVersion, known: KnownHead): VersionOnDisk {
    const key = `${found.place}\0${version.version}`;
    let seen: { readonly stamp: string; readonly settled: boolean } | undefined;
    const look = (): { readonly stamp: string; readonly settled: boolean } => {
      if (seen) return seen;
      const { stamp, changedAt } = stampOfVersion(found, version);
      // A touched model.yaml that says the same is no new content; one that is being written may be.
      const together = {
        stamp: `${stamp}-${known.shared.stamp}`,
        changedAt: Math.max(changedAt, known.shared.changedAt),
      };
      seen = {
        stamp: `${stamp}-${known.meaning}`,
        settled: settling.isSettled(key, together, now()),
      };
      return seen;
    };
    return {
      version: version.version,
      get stamp() {
        return look().stamp;
      },
      get settled() {
        return look().settled;
      },
    };
  }

  return {
    look() {
      const located = locate();
      const keys = located.flatMap(({ found }) =>
        found.versions.map(({ version }) => `${found.place}\0${version}`),
      );
      settling.keep(new Set(keys));
      return located.map((one) => {
        const known = readKnownHead(one);
        const versions = one.found.versions.map((version) => onDisk(one, version, known));
        const { found, configured } = one;
        return { name: known.head.name, found, head: known.head, configured, onDisk: versions };
      });
    },
    configure(next) {
      const allowed = roots();
      for (const model of next.models) {
        const full = resolve(model.path);
        if (!allowed.some((one) => full === one || full.startsWith(`${one}${sep}`)))
          throw new ServingError('PATH_OUTSIDE_REPOSITORY', { path: model.path, roots: allowed });
      }
      config = next;
    },
    setYaml(model, yaml) {
      if (yaml === undefined) yamls.delete(model);
      else yamls.set(model, yaml);
    },
    get settlesInMs() {
      const { nextAt } = settling;
      return nextAt === undefined ? undefined : nextAt - now();
    },
  };
}

/** Whether the file or folder that is a model is still there. */
export function isThere({ place }: FoundModel): boolean {
  return existsSync(place);
}
