/**
 * The models on disk as each look at them finds them: names, model.yaml, versions with a stamp of their
 * content and whether they may still be being copied.
 *
 * Reads no model file. Remembers between looks what was read of files that have not changed.
 */

import { existsSync } from 'node:fs';
import { dirname, resolve, sep } from 'node:path';
import { ServingError } from '../errors.ts';
import type { FoundModel, FoundVersion } from './find-models.ts';
import { lookForModels } from './find-models.ts';
import type { KnownHead, KnownHeads } from './known-heads.ts';
import { createKnownHeads } from './known-heads.ts';
import type { ConfiguredModel, ModelsConfig } from './models-config.ts';
import { readModelsConfig } from './models-config.ts';
import type { HeadChanges, ModelHead } from './read-model.ts';
import { createNameHolders } from './same-names.ts';
import { createSettling } from './settling.ts';
import type { InTurns } from './turns.ts';
import { doAtOnce, doInTurns } from './turns.ts';
import type { VersionOnDisk } from './version-policy.ts';
import { stampOfVersion } from './version-stamp.ts';

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
   * What is there now, one model a name. In short turns, so that requests are answered meanwhile;
   * looks that are asked for while one is under way share the next one. Throws PATH_NOT_FOUND, PATH_UNREADABLE,
   * NO_MODEL_FOUND or MODELS_CONFIG_INVALID; what is wrong with one model is in its head.
   */
  look(): Promise<SeenModel[]>;
  /** The same at once, for a server that answers nobody yet. */
  lookAtOnce(): SeenModel[];
  /**
   * What there would be with this configuration, which is not taken. Throws PATH_OUTSIDE_REPOSITORY.
   */
  lookWith(config: ModelsConfig): Promise<SeenModel[]>;
  /**
   * Takes the place of the configuration until the next; undefined: what it was started with. Gives the one
   * before. Throws PATH_OUTSIDE_REPOSITORY.
   */
  configure(config: ModelsConfig | undefined): ModelsConfig | undefined;
  /** As `KnownHeads.override`. */
  override: KnownHeads['override'];
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

function* findConfigured({ name, path, versions, labels }: ConfiguredModel): InTurns<Located> {
  const hasLabels = labels && Object.keys(labels).length > 0;
  const changes = {
    name,
    versions: { ...versions, ...(hasLabels ? { labels } : {}) },
  };
  try {
    const models = yield* lookForModels(path);
    const [found] = models;
    if (found && models.length === 1) return { found, changes, configured: true };
    throw new ServingError('MODEL_AMBIGUOUS', { path, models: models.map((model) => model.name) });
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

interface SeenContent {
  readonly stamp: string;
  readonly settled: boolean;
}

/** Versions that are noted between two turns. */
const versionsATurn = 512;

/** Its files are looked at when somebody asks: of ten thousand versions few are wanted. */
class LazyVersion implements VersionOnDisk {
  readonly version: string;
  private readonly look: () => SeenContent;
  private seen: SeenContent | undefined;

  constructor(version: string, look: () => SeenContent) {
    this.version = version;
    this.look = look;
  }

  private get content(): SeenContent {
    this.seen ??= this.look();
    return this.seen;
  }

  get stamp(): string {
    return this.content.stamp;
  }

  get settled(): boolean {
    return this.content.settled;
  }
}

const keyOf = ({ place }: FoundModel, { version }: FoundVersion): string => `${place}\0${version}`;

export function createRepository(options: RepositoryOptions): Repository {
  const { path, now } = options;
  const root = resolve(path);
  const settling = createSettling(options.settleMs);
  const heads = createKnownHeads();
  const names = createNameHolders();
  let config: ModelsConfig | undefined;
  let latest: Promise<unknown> = Promise.resolve();
  /** A look that has not begun. */
  let waiting: Promise<SeenModel[]> | undefined;

  function* locate(configured: ModelsConfig | undefined): InTurns<Located[]> {
    const given = configured ?? (isModelsConfig(root) ? readModelsConfig(root) : undefined);
    if (!given) {
      const models = yield* lookForModels(root);
      return models.map((found) => ({ found, changes: {}, configured: false }));
    }
    const located: Located[] = [];
    for (const model of given.models) located.push(yield* findConfigured(model));
    return located;
  }

  /** Where folders that a request names may lie. */
  function roots(): string[] {
    if (!isModelsConfig(root)) return [root];
    return readModelsConfig(root).models.map((model) => dirname(resolve(model.path)));
  }

  function stampOf(found: FoundModel, version: FoundVersion, known: KnownHead): SeenContent {
    const { stamp, changedAt } = stampOfVersion(found, version);
    // A touched model.yaml that says the same is no new content; one that is being written may be.
    const together = {
      stamp: `${stamp}-${known.shared.stamp}`,
      changedAt: Math.max(changedAt, known.shared.changedAt),
    };
    return {
      stamp: `${stamp}-${known.meaning}`,
      settled: settling.isSettled(keyOf(found, version), together, now()),
    };
  }

  function* onDisk(found: FoundModel, known: KnownHead): InTurns<VersionOnDisk[]> {
    const versions: VersionOnDisk[] = [];
    for (const [i, version] of found.versions.entries()) {
      if (i % versionsATurn === 0) yield;
      versions.push(new LazyVersion(version.version, () => stampOf(found, version, known)));
    }
    return versions;
  }

  function* see(located: readonly Located[]): InTurns<SeenModel[]> {
    const seen: SeenModel[] = [];
    for (const one of located) {
      const { found, changes, configured } = one;
      const known = heads.read(found, changes);
      const { head } = known;
      seen.push({ name: head.name, found, head, configured, onDisk: yield* onDisk(found, known) });
    }
    return seen;
  }

  function* look(): InTurns<SeenModel[]> {
    const located = yield* locate(config);
    const versions = new Map(located.map(({ found }) => [found.place, found.versions]));
    settling.keep((key) => {
      const [place = '', version] = key.split('\0');
      return (versions.get(place) ?? []).some((one) => one.version === version);
    });
    return names.settle(yield* see(located));
  }

  function refuseOutside({ models }: ModelsConfig): void {
    const allowed = roots();
    for (const { path: asked } of models) {
      const full = resolve(asked);
      if (!allowed.some((one) => full === one || full.startsWith(`${one}${sep}`)))
        throw new ServingError('PATH_OUTSIDE_REPOSITORY', { path: asked, roots: allowed });
    }
  }

  /** One at a time, so that what was seen later is taken later. */
  function afterOthers<T>(work: () => InTurns<T>): Promise<T> {
    const mine = latest.then(() => doInTurns(work()));
    latest = mine.catch(() => {});
    return mine;
  }

  return {
    look() {
      waiting ??= afterOthers(() => {
        waiting = undefined;
        return look();
      });
      return waiting;
    },
    lookAtOnce: () => doAtOnce(look()),
    async lookWith(next) {
      refuseOutside(next);
      return afterOthers(function* () {
        return yield* see(yield* locate(next));
      });
    },
    configure(next) {
      if (next) refuseOutside(next);
      const before = config;
      config = next;
      return before;
    },
    override: heads.override,
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
