/**
 * The models of this server and their served versions; finds the one that a request means.
 *
 * Changes while requests come: a model is replaced as a whole, in one step, by those who own its life.
 */

import { ServingError } from '../errors.ts';
import type { ReadModel } from '../repository/read-model.ts';
import type { ServedVersion } from './served-version.ts';
import type { TrafficRules } from './traffic.ts';
import { pickVersion, pointOfKey, rulesFromYaml, shareOfVersion, versionOf } from './traffic.ts';

export interface RegisteredModel {
  readonly model: ReadModel;
  /** In rising order of version; of one version with two contents the newer one is the later. */
  readonly versions: readonly ServedVersion[];
  /** Absent: those of model.yaml. */
  readonly rules?: TrafficRules | undefined;
  /** What is wrong with it on disk while it serves as it was. */
  readonly warnings?: readonly string[] | undefined;
}

export type Sticky = NonNullable<TrafficRules['sticky']>;

/** The value of a request by which it is to get the same version again, where it has one. */
export type KeyOf = (sticky: Sticky) => string | undefined;

export interface ModelRegistry {
  readonly models: readonly RegisteredModel[];
  /** The model that a bare request means. Throws MODEL_REQUIRED. */
  defaultName(): string;
  /** Throws MODEL_NOT_FOUND. */
  find(model: string): RegisteredModel;
  /** Labels and traffic of a model. */
  rulesOf(model: RegisteredModel): TrafficRules;
  /**
   * The version asked for, by number or label, when it serves; without one, the version that the model's
   * traffic gives the request, or the newest that serves. Throws MODEL_NOT_FOUND, VERSION_NOT_FOUND or
   * MODEL_NOT_READY.
   */
  resolve(model: string, version: string | undefined, keyOf?: KeyOf): ServedVersion;
  /** How much of the requests that name no version it gets as things stand, in percent. */
  trafficOf(model: RegisteredModel, version: string): number;
  /** Adds a model, or takes the place of the one of its name. */
  set(model: RegisteredModel): void;
  remove(model: string): void;
}

export const serves = ({ state }: ServedVersion): boolean =>
  state === 'READY' || state === 'UNAVAILABLE';

function throwNotReady(
  { model, versions }: RegisteredModel,
  served: ServedVersion | undefined = versions.at(-1),
): never {
  const unloaded = versions.length === 0 && !model.problem;
  throw new ServingError('MODEL_NOT_READY', {
    model: model.name,
    version: served?.version.version ?? 'none',
    state: served?.state ?? (unloaded ? 'UNLOADED' : 'FAILED'),
    reason: served?.reason ?? model.problem?.message,
  });
}

const newestOf = (versions: readonly ServedVersion[], version: string): ServedVersion | undefined =>
  versions.findLast((one) => one.version.version === version && serves(one));

export function createModelRegistry(
  models: readonly RegisteredModel[],
  defaultModel: string | undefined,
  random: () => number = Math.random,
): ModelRegistry {
  const byName = new Map<string, RegisteredModel>();
  const fromYaml = new WeakMap<RegisteredModel, TrafficRules>();
  /** Made anew when somebody asks for it after a change. */
  let sorted: readonly RegisteredModel[] | undefined;
  let isInOrder = true;
  for (const registered of models) {
    if (!byName.has(registered.model.name)) byName.set(registered.model.name, registered);
  }

  function find(name: string): RegisteredModel {
    const found = byName.get(name);
    if (!found)
      throw new ServingError('MODEL_NOT_FOUND', { model: name, available: [...byName.keys()] });
    return found;
  }

  function rulesOf(registered: RegisteredModel): TrafficRules {
    const known = registered.rules ?? fromYaml.get(registered);
    if (known) return known;
    const rules = rulesFromYaml(registered.model.config.versions);
    fromYaml.set(registered, rules);
    return rules;
  }

  function pick(registered: RegisteredModel, keyOf: KeyOf | undefined): ServedVersion | undefined {
    const rules = rulesOf(registered);
    const { versions, model } = registered;
    if (rules.shares.length === 0) return undefined;
    const key = rules.sticky && keyOf?.(rules.sticky);
    const point = key === undefined ? random() : pointOfKey(`${model.name}\0${key}`);
    const version = pickVersion(rules, point, (one) => newestOf(versions, one) !== undefined);
    return version === undefined ? undefined : newestOf(versions, version);
  }

  function named(registered: RegisteredModel, asked: string): ServedVersion {
    const { model, versions } = registered;
    const rules = rulesOf(registered);
    const version = versionOf(rules, asked);
    const served = version === undefined ? undefined : newestOf(versions, version);
    if (served) return served;
    const held = versions.findLast((one) => one.version.version === version);
    if (held || model.problem) throwNotReady(registered, held);
    const numbers = versions.map((one) => one.version.version);
    const available = [...new Set(numbers), ...Object.keys(rules.labels)];
    throw new ServingError('VERSION_NOT_FOUND', { model: model.name, version: asked, available });
  }

  function sort(): readonly RegisteredModel[] {
    if (!isInOrder) {
      const names = [...byName.keys()].sort();
      const all = names.map((name): [string, RegisteredModel] => [name, find(name)]);
      byName.clear();
      for (const [name, registered] of all) byName.set(name, registered);
    }
    isInOrder = true;
    return [...byName.values()];
  }

  return {
    get models() {
      sorted ??= sort();
      return sorted;
    },
    find,
    rulesOf,
    defaultName() {
      if (defaultModel !== undefined) return defaultModel;
      const names = [...byName.keys()];
      if (names.length === 1) return names[0] as string;
      throw new ServingError('MODEL_REQUIRED', { available: names });
    },
    resolve(name, version, keyOf) {
      const found = find(name);
      if (version !== undefined) return named(found, version);
      return pick(found, keyOf) ?? found.versions.findLast(serves) ?? throwNotReady(found);
    },
    trafficOf(registered, version) {
      const { versions } = registered;
      const rules = rulesOf(registered);
      const open = (one: string): boolean => newestOf(versions, one) !== undefined;
      if (
        rules.shares.some(
          ({ target, percent }) => percent > 0 && open(versionOf(rules, target) ?? ''),
        )
      )
        return shareOfVersion(rules, version, open);
      return versions.findLast(serves)?.version.version === version ? 100 : 0;
    },
    set(registered) {
      if (!byName.has(registered.model.name)) isInOrder = false;
      byName.set(registered.model.name, registered);
      sorted = undefined;
    },
    remove(name) {
      if (byName.delete(name)) sorted = undefined;
    },
  };
}
