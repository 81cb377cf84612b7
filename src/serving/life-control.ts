/**
 * The control of a server whose models may change: index, load, unload, reload, labels and traffic, as
 * requests ask for them.
 */

import type { ModelControlMode } from '../config/settings.ts';
import { ServingError } from '../errors.ts';
import type { Repository, SeenModel } from '../repository/repository.ts';
import type { Ask } from './control-asks.ts';
import { createAsks } from './control-asks.ts';
import type { Entry, ManagedModel } from './managed-model.ts';
import type { ModelControl } from './model-control.ts';
import { compareVersions, indexOf, refuseUnlessExplicit } from './model-control.ts';
import type { ModelRegistry } from './model-registry.ts';
import { serves } from './model-registry.ts';
import type { ModelWaiters, Outcome } from './model-waiters.ts';
import { reloadModels } from './reload-models.ts';
import type { TrafficStore } from './traffic-store.ts';

/** What a control does with the life of the models. */
export interface LifeParts {
  readonly models: ReadonlyMap<string, ManagedModel>;
  /** Looks at these models on disk; throws what the repository throws. */
  lookAt(names: ReadonlySet<string>): Promise<void>;
  /** From now on this is what is on disk of a model. */
  take(seen: SeenModel): ManagedModel;
  reconcile(model: ManagedModel): void;
  /** As `ModelWaiters.until`. */
  until: ModelWaiters['until'];
  /** Settles when all that is loaded of a model serves or failed. */
  settled(model: ManagedModel): Promise<void>;
}

export interface LifeControlOptions {
  readonly mode: ModelControlMode;
  readonly registry: ModelRegistry;
  readonly repository: Repository;
  readonly traffic: TrafficStore;
  /** How many servers share the models, where changes at run time are refused for that. */
  readonly replicas?: number | undefined;
  /** Whether the first loads are under way. */
  readonly isStarting: () => boolean;
}

/** Why a version that was to be loaded is not, as an error for the one who asked. */
function failureOf({ served }: Entry): ServingError {
  const { model, version, reason = 'it was stopped' } = served;
  return (
    served.failure ??
    new ServingError('MODEL_LOAD_FAILED', {
      model: model.name,
      version: version.version,
      problem: reason,
    })
  );
}

/** Versions that the policy names by number and that are not on disk. */
function missingOf({ name, head }: ManagedModel): ServingError | undefined {
  const { found: available } = head;
  const { list = [] } = head.config.versions;
  const version = list.filter((one) => !available.includes(String(one))).join(', ');
  if (version === '') return undefined;
  return new ServingError('VERSION_NOT_FOUND', { model: name, version, available });
}

/** What came of a load; undefined while something of it is still to come. */
function outcomeOf(model: ManagedModel, { overtaken }: Ask): Outcome {
  if (overtaken) return overtaken;
  if (!model.isSettled) return undefined;
  const failed = model.entries.find(({ state }) => state === 'FAILED');
  if (failed) return failureOf(failed);
  const missing = missingOf(model);
  if (missing) return missing;
  if (model.entries.some(({ served }) => serves(served))) return 'done';
  const { folder: path } = model.head;
  return new ServingError('NO_MODEL_FOUND', { path, found: 'it has no version' });
}

export function createLifeControl(life: LifeParts, options: LifeControlOptions): ModelControl {
  const { mode, registry, repository, traffic } = options;
  const asks = createAsks();
  /** What is loaded or unloaded while a configuration is replaced would be undone with it, or would not. */
  let reloads: Promise<void> = Promise.resolve();

  function find(name: string): ManagedModel {
    const model = life.models.get(name);
    if (model && !model.gone) return model;
    const available = [...life.models.keys()];
    throw new ServingError('MODEL_NOT_FOUND', { model: name, available });
  }

  async function load(model: ManagedModel, ask: Ask): Promise<void> {
    if (model.problem) throw model.problem;
    // What failed is tried once more: somebody asks for it.
    model.drop(({ state }) => state === 'FAILED');
    model.asked = 'policy';
    life.reconcile(model);
    await life.until(model, () => outcomeOf(model, ask));
  }

  async function lookAndLoad(name: string, ask: Ask): Promise<void> {
    await life.lookAt(new Set([name]));
    if (ask.overtaken) throw ask.overtaken;
    await load(find(name), ask);
  }

  return {
    mode,
    get starting() {
      return options.isStarting();
    },
    index: async () => indexOf(registry),
    async load(name, overrides) {
      const what = `Loading model ${name}`;
      refuseUnlessExplicit(mode, what);
      await reloads;
      const asked = overrides ? 'load it with another configuration' : 'load it';
      using ask = asks.begin(name, what, asked, `load ${JSON.stringify(overrides)}`);
      const known = life.models.get(name);
      const restore = known?.remember();
      const before = repository.override(name, overrides);
      ask.remember(() => {
        repository.override(name, before);
        restore?.();
        if (known) life.reconcile(known);
      });
      try {
        await lookAndLoad(name, ask);
        ask.forget();
      } catch (error) {
        // What came with a load that failed does not hold; what is on disk does.
        if (overrides) ask.undo();
        throw error;
      }
    },
    async unload(name) {
      const what = `Unloading model ${name}`;
      refuseUnlessExplicit(mode, what);
      await reloads;
      const model = find(name);
      using ask = asks.begin(name, what, 'unload it', 'unload');
      ask.forget();
      repository.override(name, undefined);
      model.asked = 'nothing';
      life.reconcile(model);
      await life.until(
        model,
        () => ask.overtaken ?? (model.entries.length === 0 ? 'done' : undefined),
      );
    },
    async reloadConfig(config) {
      refuseUnlessExplicit(mode, 'Replacing the configuration of models');
      const mine = reloads.then(() => reloadModels(config, { life, repository, asks, load }));
      reloads = mine.catch(() => {});
      await mine;
    },
    async changeTraffic(name, change) {
      refuseUnlessExplicit(mode, `Changing the traffic of model ${name}`);
      const model = find(name);
      if (options.replicas !== undefined) {
        const what = `Changing the traffic of model ${name}`;
        throw new ServingError('RUNTIME_CHANGE_REFUSED', { what, replicas: options.replicas });
      }
      const versions = model.entries
        .filter(({ served }) => serves(served))
        .map(({ version }) => version)
        .sort(compareVersions);
      traffic.change(model.head, change, {
        serves: (version) => versions.includes(version),
        newest: versions.at(-1),
      });
      life.reconcile(model);
    },
  };
}
