/**
 * A new configuration in the place of the whole: it holds when everything that it names serves, and else
 * everything is as it was.
 */

import { isLabelName, isModelName } from '../config/model-yaml.ts';
import { ServingError } from '../errors.ts';
import type { ModelsConfig } from '../repository/models-config.ts';
import { namedVersions, sourceOf } from '../repository/read-model.ts';
import type { Repository, SeenModel } from '../repository/repository.ts';
import { wantedVersions } from '../repository/version-policy.ts';
import type { Ask, Asks } from './control-asks.ts';
import type { LifeParts } from './life-control.ts';
import type { ManagedModel } from './managed-model.ts';

export interface ReloadParts {
  readonly life: LifeParts;
  readonly repository: Repository;
  readonly asks: Asks;
  /** Loads what the policy of a model wants; throws why it does not serve. */
  load(model: ManagedModel, ask: Ask): Promise<void>;
}

const what = 'Replacing the configuration of models';

/** What can be said against a model before anything is loaded, each with its place. */
function problemsOf({ name, head, found, onDisk }: SeenModel): string[] {
  if (head.problem) return [head.problem.message];
  const [only] = found.versions;
  const isMissing = found.versions.length === 1 && only?.problem && !sourceOf(head, only);
  if (isMissing) return [only.problem.message];
  const { versions } = head.config;
  const { labels, list = [] } = versions;
  const here = `versions in ${found.folder}: ${head.found.join(', ')}`;
  const isThere = (version: number): boolean => head.found.includes(String(version));
  const missing = [
    ...Object.entries(labels)
      .filter(([, version]) => !isThere(version))
      .map(
        ([label, version]) => `model ${name}: label ${label} is for version ${version}; ${here}`,
      ),
    ...list
      .filter((version) => !isThere(version))
      .map((version) => `model ${name}: there is no version ${version}; ${here}`),
  ];
  const asked = { asked: 'policy', policy: versions, labelled: namedVersions(versions) } as const;
  const wanted = new Set(wantedVersions(asked, onDisk).map(({ version }) => version));
  const unusable = found.versions
    .filter((one) => wanted.has(one.version) && !sourceOf(head, one))
    .flatMap(({ problem }) => (problem ? [problem.message] : []));
  return [...missing, ...unusable];
}

/** Names become parts of paths and of files. */
function oddNames({ models }: ModelsConfig): string[] {
  return models.flatMap(({ name, labels = {} }) => [
    ...(isModelName(name)
      ? []
      : [`model name ${JSON.stringify(name)}: expected letters, digits, ".", "_" and "-"`]),
    ...Object.keys(labels)
      .filter((label) => !isLabelName(label))
      .map((label) => `model ${name}: label ${JSON.stringify(label)} does not start with a letter`),
  ]);
}

function leave(model: ManagedModel): void {
  model.asked = 'nothing';
  model.gone = true;
}

/** Throws RELOAD_REFUSED, PATH_OUTSIDE_REPOSITORY or SHUTTING_DOWN, and then nothing has changed. */
export async function reloadModels(config: ModelsConfig, parts: ReloadParts): Promise<void> {
  const { life, repository, asks } = parts;
  const names = config.models.map(({ name }) => name);
  // What was sent with a load is part of what is replaced.
  const overrides = names.map((name) => [name, repository.override(name, undefined)] as const);
  const undo: (() => void)[] = [
    () => {
      for (const [name, before] of overrides) repository.override(name, before);
    },
  ];
  const takeBack = (): void => {
    for (const back of undo) back();
  };

  async function check(): Promise<SeenModel[]> {
    const odd = oddNames(config);
    if (odd.length > 0) throw new ServingError('RELOAD_REFUSED', { problems: odd });
    const seen = await repository.lookWith(config);
    const problems = seen.flatMap(problemsOf);
    if (problems.length > 0) throw new ServingError('RELOAD_REFUSED', { problems });
    return seen;
  }

  async function loadAll(seen: readonly SeenModel[]): Promise<PromiseRejectedResult[]> {
    const loads = seen.map(async (one) => {
      using ask = asks.begin(one.name, what, 'replace it', `reload ${one.found.place}`);
      // If it fails everything is brought back, not this model alone.
      ask.forget();
      await parts.load(life.take(one), ask);
    });
    const outcomes = await Promise.allSettled(loads);
    return outcomes.filter((outcome) => outcome.status === 'rejected');
  }

  /** What served before serves again when this settles, as far as it can be loaded. */
  async function restore(models: readonly ManagedModel[]): Promise<void> {
    const before = new Set(models);
    for (const model of life.models.values()) if (!before.has(model)) leave(model);
    takeBack();
    for (const model of [...life.models.values()]) life.reconcile(model);
    await Promise.allSettled(models.map((model) => life.settled(model)));
  }

  let seen: SeenModel[];
  try {
    seen = await check();
  } catch (error) {
    takeBack();
    throw error;
  }
  const models = [...life.models.values()];
  undo.push(...models.map((model) => model.remember()));
  const before = repository.configure(config);
  undo.push(() => repository.configure(before));
  const failures = await loadAll(seen);
  if (failures.length > 0) {
    await restore(models);
    const ended = failures.find(({ reason }) => reason.code === 'SHUTTING_DOWN');
    if (ended) throw ended.reason;
    const problems = failures.map(({ reason }) => String(reason.message));
    throw new ServingError('RELOAD_REFUSED', { problems });
  }
  for (const model of models) {
    if (names.includes(model.name)) continue;
    using _ask = asks.begin(model.name, what, 'replace it', 'reload');
    leave(model);
    life.reconcile(model);
  }
}
