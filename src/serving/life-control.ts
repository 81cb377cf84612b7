/**
 * The control of a server whose models may change: index, load, unload, reload, labels and traffic, as
 * requests ask for them.
 */

import { parseModelYaml } from '../config/model-yaml.ts';
import type { ModelControlMode } from '../config/settings.ts';
import { ServingError } from '../errors.ts';
import type { ModelsConfig } from '../repository/models-config.ts';
import type { Repository } from '../repository/repository.ts';
import type { Entry, ManagedModel } from './managed-model.ts';
import type { ModelControl } from './model-control.ts';
import { indexOf, refuseUnlessExplicit } from './model-control.ts';
import type { ModelRegistry } from './model-registry.ts';
import { serves } from './model-registry.ts';
import type { TrafficStore } from './traffic-store.ts';

/** What a control does with the life of the models. */
export interface LifeParts {
  readonly models: ReadonlyMap<string, ManagedModel>;
  /** Looks at these models on disk; throws what the repository throws. */
  lookAt(names: ReadonlySet<string>): void;
  reconcile(model: ManagedModel): void;
  /** Settles when `done` gives true, asked after everything that happens to the model. */
  until(model: ManagedModel, done: () => boolean): Promise<void>;
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

const isOver = ({ state }: Entry): boolean => state === 'SERVING' || state === 'FAILED';

export function createLifeControl(life: LifeParts, options: LifeControlOptions): ModelControl {
  const { mode, registry, repository, traffic } = options;

  function find(name: string): ManagedModel {
    const model = life.models.get(name);
    if (model && !model.gone) return model;
    const available = [...life.models.keys()];
    throw new ServingError('MODEL_NOT_FOUND', { model: name, available });
  }

  /** Settles when all that the policy wants of a model serves or failed; throws the first failure. */
  async function finishLoad(model: ManagedModel): Promise<void> {
    await life.until(model, () => model.gone || model.entries.every(isSettled));
    const failed = model.entries.find(({ state }) => state === 'FAILED');
    if (failed) throw failureOf(failed);
    if (!model.entries.some(({ served }) => serves(served))) throw nothingServes(model);
  }

  function nothingServes({ name, head }: ManagedModel): ServingError {
    if (head.problem) return head.problem;
    const version = head.config.versions.list?.join(', ') ?? '';
    return new ServingError('VERSION_NOT_FOUND', { model: name, version, available: head.found });
  }

  const isSettled = (entry: Entry): boolean => isOver(entry) || entry.state === 'UNLOADING';

  function ask(model: ManagedModel): Promise<void> {
    // What failed is tried once more: somebody asks for it.
    model.drop(({ state }) => state === 'FAILED');
    model.asked = 'policy';
    life.reconcile(model);
    return finishLoad(model);
  }

  return {
    mode,
    get starting() {
      return options.isStarting();
    },
    index: async () => indexOf(registry),
    async load(name, yaml) {
      refuseUnlessExplicit(mode, `Loading model ${name}`);
      if (yaml !== undefined) parseModelYaml(yaml, `the configuration sent for model ${name}`);
      repository.setYaml(name, yaml);
      life.lookAt(new Set([name]));
      const model = find(name);
      if (model.problem) throw model.head.problem ?? nothingServes(model);
      await ask(model);
    },
    async unload(name) {
      refuseUnlessExplicit(mode, `Unloading model ${name}`);
      const model = find(name);
      model.asked = 'nothing';
      life.reconcile(model);
      await life.until(model, () => model.entries.length === 0 || model.asked === 'policy');
    },
    async reloadConfig(config: ModelsConfig) {
      refuseUnlessExplicit(mode, 'Replacing the configuration of models');
      repository.configure(config);
      const named = new Set(config.models.map((model) => model.name));
      life.lookAt(named);
      for (const model of life.models.values()) {
        if (named.has(model.name)) continue;
        model.asked = 'nothing';
        model.gone = true;
        life.reconcile(model);
      }
      const asked = [...named].map((name) => ask(find(name)));
      const outcomes = await Promise.allSettled(asked);
      const failed = outcomes.find((outcome) => outcome.status === 'rejected');
      if (failed) throw failed.reason;
    },
    async changeTraffic(name, change) {
      refuseUnlessExplicit(mode, `Changing the traffic of model ${name}`);
      const model = find(name);
      if (options.replicas !== undefined) {
        const what = `Changing the traffic of model ${name}`;
        throw new ServingError('RUNTIME_CHANGE_REFUSED', { what, replicas: options.replicas });
      }
      const served = (version: string): boolean =>
        model.entries.some((entry) => entry.version === version && serves(entry.served));
      traffic.change(model.head, change, served);
      life.reconcile(model);
    },
  };
}
