/** A served version over puppet runners, and the models around it. */

import { defaultModelYaml } from '../config/model-yaml.ts';
import type { ServingError } from '../errors.ts';
import { planPictures } from '../pipeline/picture-plan.ts';
import { planScores } from '../pipeline/scores.ts';
import type { ModelSignature } from '../repository/model-signature.ts';
import type { ReadModel, ReadVersion } from '../repository/read-model.ts';
import type { VersionMetrics } from '../telemetry/version-metrics.ts';
import type { TensorSpec } from '../tensor/tensor-spec.ts';
import type { ManualClock, PuppetRunner } from './runner.fixture.ts';
import { createManualClock, createPuppetRunner, order, settle } from './runner.fixture.ts';
import type { ServedVersion, ServedVersionOptions } from './served-version.ts';
import { createServedVersion } from './served-version.ts';

export interface VersionOptions {
  readonly name?: string;
  readonly version?: string;
  readonly inputs?: readonly TensorSpec[];
  readonly outputs?: readonly TensorSpec[];
  readonly config?: Partial<ReadModel['config']>;
  readonly problem?: ServingError;
  readonly instances?: number;
  readonly makeOrder?: () => Promise<typeof order>;
  readonly prepare?: ServedVersionOptions['prepare'];
  readonly onGone?: ServedVersionOptions['onGone'];
  readonly imported?: ReadVersion['imported'];
  readonly buildGraph?: ServedVersionOptions['buildGraph'];
  readonly runLimitMs?: number;
  readonly heartbeatMs?: number;
  readonly loadLimitMs?: number;
  readonly metrics?: VersionMetrics;
}

export interface VersionStage {
  readonly served: ServedVersion;
  readonly runners: PuppetRunner[];
  readonly clock: ManualClock;
  /** Kinds of events, with the state after each. */
  readonly events: string[];
  /** The runner that was started last. */
  readonly runner: PuppetRunner;
}

export function readModelOf(options: VersionOptions, versions: readonly ReadVersion[]): ReadModel {
  return {
    name: options.name ?? 'test',
    folder: '/models/test',
    config: { ...defaultModelYaml(), ...options.config },
    samples: [],
    found: versions.map(({ version }) => version),
    versions,
  };
}

function readVersionOf(options: VersionOptions): ReadVersion {
  const { inputs, outputs, version, problem, imported } = options;
  const signature: ModelSignature = {
    inputs: inputs ?? order.inputs,
    outputs: outputs ?? order.outputs,
    format: 'ONNX',
    producer: '',
    opsets: [],
    weightBytes: 0,
    operators: [],
    files: [],
  };
  return problem
    ? { version: version ?? '1', problem }
    : { version: version ?? '1', file: '/models/test/model.onnx', signature, imported };
}

export function createVersionStage(options: VersionOptions = {}): VersionStage {
  const version = readVersionOf(options);
  const model = readModelOf(options, [version]);
  const clock = createManualClock();
  const runners: PuppetRunner[] = [];
  const events: string[] = [];
  const { signature } = version;
  const served = createServedVersion({
    model,
    version,
    pictures: signature && planPictures(model.config.input, signature.inputs),
    scores: signature && planScores(model.config.output, undefined, signature.outputs),
    prepare: options.prepare,
    onGone: options.onGone,
    buildGraph: options.buildGraph,
    instances: options.instances ?? 1,
    runLimitMs: options.runLimitMs,
    heartbeatMs: options.heartbeatMs,
    loadLimitMs: options.loadLimitMs,
    makeOrder: options.makeOrder ?? (async () => order),
    startRunner() {
      const runner = createPuppetRunner();
      runners.push(runner);
      return runner;
    },
    onChange: ({ state }, { kind }) => events.push(`${kind} ${state}`),
    schedule: clock.schedule,
    metrics: options.metrics,
  });
  return {
    served,
    runners,
    clock,
    events,
    get runner() {
      return runners.at(-1) as PuppetRunner;
    },
  };
}

/** A stage whose instances have all loaded. */
export async function createReadyStage(options: VersionOptions = {}): Promise<VersionStage> {
  const stage = createVersionStage(options);
  const starting = stage.served.start();
  await settle();
  stage.runner.loaded();
  await starting;
  for (const runner of stage.runners) runner.loaded();
  await settle();
  return stage;
}
