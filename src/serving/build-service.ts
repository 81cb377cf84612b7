/**
 * Puts a service together: the models that were read, the cores shared among them, and who may change them.
 */

import type { ModelControlMode } from '../config/settings.ts';
import { ServingError } from '../errors.ts';
import type { ReadModel } from '../repository/read-model.ts';
import { warningsOf } from '../repository/read-model.ts';
import type { Repository, SeenModel } from '../repository/repository.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { CoreRequest } from './core-budget.ts';
import type { InferenceService } from './inference-service.ts';
import { createInferenceService } from './inference-service.ts';
import { logWarnings } from './log-warnings.ts';
import type { ModelLife } from './model-life.ts';
import { createModelLife } from './model-life.ts';
import type { RegisteredModel } from './model-registry.ts';
import { createModelRegistry } from './model-registry.ts';
import { coresOf } from './plan-version.ts';
import type { PictureSource } from './run-pictures.ts';
import { createShadow } from './shadow.ts';
import type { TrafficStore } from './traffic-store.ts';
import { createTrafficStore } from './traffic-store.ts';
import type { VersionBuilder, VersionBuilderOptions } from './version-builder.ts';
import { createVersionBuilder } from './version-builder.ts';

export interface BuildOptions extends CoreRequest, VersionBuilderOptions {
  readonly models: readonly ReadModel[];
  readonly pictures: PictureSource;
  /** The most encoded pictures in a tensor. */
  readonly maxPictures?: number | undefined;
  readonly defaultModel?: string | undefined;
  readonly strictReady: boolean;
  /** Labels and traffic that were changed at run time; absent: kept in memory. */
  readonly traffic?: TrafficStore | undefined;
  /** Absent: what is there now stays as it is. */
  readonly changes?: ChangeOptions | undefined;
  /** Absent: nothing is counted. */
  readonly metrics?:
    | Pick<Metrics, 'countRequest' | 'forVersion' | 'forgetVersion' | 'countShadow'>
    | undefined;
}

/** How the models may change while the server runs. */
export interface ChangeOptions {
  readonly mode: ModelControlMode;
  readonly repository: Repository;
  /** What the repository saw when `models` were read. */
  readonly seen: readonly SeenModel[];
  readonly unloadLimitMs: number;
  readonly settleMs: number;
  /** As in `LifeControlOptions`. */
  readonly replicas?: number | undefined;
}

export interface BuiltService {
  readonly service: InferenceService;
  /** Absent when nothing can change. */
  readonly life: ModelLife | undefined;
}

function checkDefault(models: readonly ReadModel[], name: string | undefined): void {
  if (name === undefined || models.some((model) => model.name === name)) return;
  const names = models.map((model) => model.name).join(', ');
  throw new ServingError('SETTINGS_INVALID', {
    problems: [`--default-model: there is no model "${name}"; models here: ${names}`],
  });
}

function buildModels(
  options: BuildOptions,
  builder: VersionBuilder,
  traffic: TrafficStore,
): RegisteredModel[] {
  const { models, log } = options;
  const versionCount = models.reduce((total, { versions }) => total + versions.length, 0);
  return models.map((model) => ({
    model,
    versions: model.versions.map((version) =>
      builder.build(model, version, coresOf(model, versionCount, options)),
    ),
    rules: traffic.rulesOf(model),
    warnings: logWarnings(log, model.name, warningsOf(model), []),
  }));
}

/** Builds the service; its models load with `startModels`. Throws SETTINGS_INVALID. */
export function buildService(options: BuildOptions): BuiltService {
  const { models, changes, metrics } = options;
  const traffic = options.traffic ?? createTrafficStore({ now: () => new Date() });
  checkDefault(models, options.defaultModel);
  const builder = createVersionBuilder(options);
  const registry = createModelRegistry(
    buildModels(options, builder, traffic),
    options.defaultModel,
  );
  const life =
    changes &&
    createModelLife({
      ...changes,
      builder,
      registry,
      traffic,
      metrics,
      log: options.log,
      cores: options,
    });
  const service = createInferenceService({
    registry,
    control: life?.control,
    pictures: options.pictures,
    maxPictures: options.maxPictures,
    strictReady: options.strictReady,
    shadow: metrics && createShadow({ onOutcome: (outcome) => metrics.countShadow(outcome) }),
    onAccount: (account) => metrics?.countRequest(account),
    onEnd: life?.close,
  });
  return { service, life };
}

/** Loads all models side by side; settles when each is READY or FAILED. */
export async function startModels(service: InferenceService): Promise<void> {
  const versions = service.registry.models.flatMap((model) => model.versions);
  await Promise.all(versions.map((version) => version.start()));
}
