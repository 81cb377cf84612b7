/** A model life over a repository that a test writes and runners that do what it tells them. */

import type { ModelOverrides } from '../config/model-yaml.ts';
import { defaultModelYaml, parseModelYaml } from '../config/model-yaml.ts';
import type { ModelControlMode } from '../config/settings.ts';
import type { ServingError } from '../errors.ts';
import type { ModelSignature } from '../repository/model-signature.ts';
import type { ModelsConfig } from '../repository/models-config.ts';
import type { ModelHead } from '../repository/read-model.ts';
import type { Repository, SeenModel } from '../repository/repository.ts';
import { createLog } from '../telemetry/log.ts';
import type { ModelLife } from './model-life.ts';
import { createModelLife } from './model-life.ts';
import type { ModelRegistry } from './model-registry.ts';
import { createModelRegistry } from './model-registry.ts';
import type { ManualClock, PuppetRunner } from './runner.fixture.ts';
import { createManualClock, createPuppetRunner, order, settle } from './runner.fixture.ts';
import { createServedVersion } from './served-version.ts';
import type { TrafficStore } from './traffic-store.ts';
import { createTrafficStore } from './traffic-store.ts';
import type { VersionBuilder } from './version-builder.ts';

const signature: ModelSignature = {
  inputs: order.inputs,
  outputs: order.outputs,
  format: 'ONNX',
  producer: '',
  opsets: [],
  weightBytes: 0,
  operators: [],
  files: [],
};

/** model → version → stamp, with `~` at its end when it is not settled. */
export type Disk = Record<string, Record<string, string>>;

export interface LifeStage {
  readonly life: ModelLife;
  readonly registry: ModelRegistry;
  readonly traffic: TrafficStore;
  readonly clock: ManualClock;
  /** What the repository sees from the next look on. */
  disk: Disk;
  /** model.yaml of each model. */
  readonly yamls: Record<string, string>;
  /** What requests said in the place of it. */
  readonly overrides: Readonly<Record<string, ModelOverrides | undefined>>;
  /** What the next look throws. */
  broken: ServingError | undefined;
  /** The runners of a version, oldest first. */
  runnersOf(version: string): PuppetRunner[];
  /** Versions whose files cannot be read. */
  readonly unreadable: Map<string, ServingError>;
  /** `1:READY 2:LOADING` */
  states(model?: string): string;
  /** The runner of the version that was started last has loaded. */
  loaded(version: string): Promise<void>;
  look(): Promise<void>;
  /** Milliseconds since the stage was made; timers that are due ring. */
  advance(milliseconds: number): Promise<void>;
}

export interface StageOptions {
  readonly mode?: ModelControlMode;
  readonly disk?: Disk;
  readonly yaml?: string;
  readonly replicas?: number;
}

export function createLifeStage(options: StageOptions = {}): LifeStage {
  const clock = createManualClock();
  let now = 1_000_000;
  const yamls: Record<string, string> = { m: options.yaml ?? '' };
  const overrides: Record<string, ModelOverrides | undefined> = {};
  let configured: ModelsConfig | undefined;
  const runners = new Map<string, PuppetRunner[]>();
  const unreadable = new Map<string, ServingError>();
  const registry = createModelRegistry([], undefined, () => 0);
  const traffic = createTrafficStore({ now: () => new Date(now) });

  function headOf(name: string, config?: ModelsConfig): ModelHead {
    const base = { name, folder: `/models/${name}`, samples: [] };
    const found = Object.keys(stage.disk[name] ?? {});
    try {
      const yaml = parseModelYaml(yamls[name] ?? '', `/models/${name}/model.yaml`);
      const { versions, labels } = config?.models.find((one) => one.name === name) ?? {};
      const changes = { ...versions, ...(labels ? { labels } : {}), ...overrides[name]?.versions };
      return { ...base, found, config: { ...yaml, versions: { ...yaml.versions, ...changes } } };
    } catch (problem) {
      return { ...base, found, config: defaultModelYaml(), problem: problem as ServingError };
    }
  }

  function see(config: ModelsConfig | undefined): SeenModel[] {
    if (stage.broken) throw stage.broken;
    const all = Object.entries(stage.disk);
    const named = config?.models.map((model) => model.name);
    return all
      .filter(([name]) => named?.includes(name) ?? true)
      .map(([name, versions]): SeenModel => {
        const place = `/nowhere/${name}`;
        const found = Object.keys(versions).map((version) => ({ version, folder: place }));
        const onDisk = Object.entries(versions).map(([version, stamp]) => {
          return { version, stamp: stamp.replace('~', ''), settled: !stamp.endsWith('~') };
        });
        const model = { name, folder: place, place, versions: found };
        const configured = config !== undefined;
        return { name, found: model, head: headOf(name, config), configured, onDisk };
      });
  }

  const repository: Repository = {
    look: async () => see(configured),
    lookAtOnce: () => see(configured),
    lookWith: async (config) => see(config),
    configure(config) {
      const before = configured;
      configured = config;
      return before;
    },
    override(model, changes) {
      const before = overrides[model];
      if (changes) overrides[model] = changes;
      else delete overrides[model];
      return before;
    },
    settlesInMs: undefined,
  };

  const builder: VersionBuilder = {
    onChange: () => {},
    build(model, version, cores, later) {
      const own: PuppetRunner[] = runners.get(version.version) ?? [];
      runners.set(version.version, own);
      return createServedVersion({
        model,
        version: { version: version.version, signature },
        later: later !== undefined,
        pictures: undefined,
        scores: undefined,
        instances: cores.instances,
        schedule: clock.schedule,
        prepare: async () => ({
          version: { version: version.version, signature },
          pictures: undefined,
          scores: undefined,
          problem: unreadable.get(version.version),
        }),
        makeOrder: async () => order,
        startRunner() {
          const runner = createPuppetRunner();
          own.push(runner);
          return runner;
        },
        onChange: (served) => builder.onChange(served),
      });
    },
  };

  const stage: LifeStage = {
    disk: options.disk ?? { m: { 1: 'a' } },
    yamls,
    overrides,
    broken: undefined,
    unreadable,
    registry,
    traffic,
    clock,
    life: undefined as never,
    runnersOf: (version) => runners.get(version) ?? [],
    states(model = 'm') {
      const found = registry.models.find((one) => one.model.name === model);
      const versions = found?.versions ?? [];
      return versions.map(({ version, state }) => `${version.version}:${state}`).join(' ');
    },
    async loaded(version) {
      runners.get(version)?.at(-1)?.loaded();
      await settle();
    },
    async look() {
      await this.life.look();
      await settle();
    },
    async advance(milliseconds) {
      now += milliseconds;
      clock.advance(milliseconds);
      await settle();
    },
  };
  const life = createModelLife({
    mode: options.mode ?? 'poll',
    repository,
    seen: [],
    registry,
    builder,
    traffic,
    unloadLimitMs: 1000,
    settleMs: 100,
    replicas: options.replicas,
    cores: { instances: 1, threads: 1 },
    log: createLog('silent', false),
    now: () => now,
    schedule: clock.schedule,
  });
  return Object.assign(stage, { life });
}

/** A stage whose versions on disk serve. */
export async function createServingStage(options: StageOptions = {}): Promise<LifeStage> {
  const stage = createLifeStage({ ...options, mode: 'poll' });
  await stage.look();
  for (const versions of Object.values(stage.disk))
    for (const version of Object.keys(versions)) await stage.loaded(version);
  return stage;
}
