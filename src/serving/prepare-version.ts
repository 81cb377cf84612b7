/**
 * What is done for a version before its runners start, beside others that serve: its file is read (and, in
 * other formats, converted), hashed and optimised into the cache by short-lived children of low
 * priority, so that the runner that serves only has to open the copy.
 *
 * A signature that differs from that of the version that serves is found here.
 */

import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { messageOf, ServingError } from '../errors.ts';
import type { ModelSignature } from '../repository/model-signature.ts';
import type { ModelSource } from '../repository/model-source.ts';
import type { ModelHead, ReadModel, ReadVersion } from '../repository/read-model.ts';
import { readVersion } from '../repository/read-model.ts';
import type { LoadOrder } from '../runner/protocol.ts';
import type { RunnerProcess } from '../runner/runner-process.ts';
import { preparingNiceness, spawnRunner } from '../runner/runner-process.ts';
import type { Log } from '../telemetry/log.ts';
import type { TensorSpec } from '../tensor/tensor-spec.ts';
import { wireShape } from '../tensor/tensor-spec.ts';
import { findContradiction, planVersion } from './plan-version.ts';
import type { ServedVersion } from './served-version.ts';
import type { PreparedVersion } from './version-preparation.ts';

/** Whoever waits for a preparation: may end it, and is told what is being done. */
export interface PrepareWatch {
  readonly signal: AbortSignal;
  readonly onPhase: (phase: string) => void;
}

/** Reads a version's file, or converts it and reads what came of that. Never rejects but for the signal. */
export type ReadInChild = (
  version: ReadVersion,
  model: ModelHead,
  watch: PrepareWatch,
) => Promise<ReadVersion>;

export interface PrepareOptions extends PrepareWatch {
  readonly model: ReadModel;
  readonly version: ReadVersion;
  /** The version of the model that serves now. */
  readonly serving: ServedVersion | undefined;
  readonly makeOrder: (version: ReadVersion) => Promise<LoadOrder>;
  readonly readInChild: ReadInChild | undefined;
  readonly source: ModelSource | undefined;
  readonly environment: Readonly<Record<string, string>>;
  readonly startRunner: (process: ChildProcess) => RunnerProcess;
  /** Whether it is optimised ahead too, by a child of low priority. */
  readonly optimise: boolean;
  readonly limitMs: number;
  readonly log: Log;
}

function describeTensor({ name, dtype, shape, anyShape }: TensorSpec): string {
  return `'${name}' ${dtype} ${anyShape ? '[any]' : `[${wireShape(shape).join(', ')}]`}`;
}

/** What is another in the second signature: inputs and outputs that came, went or changed. */
export function findSignatureDifferences(before: ModelSignature, after: ModelSignature): string[] {
  const differences: string[] = [];
  for (const kind of ['inputs', 'outputs'] as const) {
    const word = kind.slice(0, -1);
    const was = new Map(before[kind].map((spec) => [spec.name, describeTensor(spec)]));
    const is = new Map(after[kind].map((spec) => [spec.name, describeTensor(spec)]));
    for (const [name, text] of was) {
      const now = is.get(name);
      if (now === undefined) differences.push(`${word} ${text} is gone`);
      else if (now !== text) differences.push(`${word} ${text} became ${now}`);
    }
    for (const [name, text] of is) if (!was.has(name)) differences.push(`${word} ${text} is new`);
  }
  return differences;
}

interface SignatureVerdict {
  readonly problem?: ServingError;
  readonly warning?: string;
}

function judgeSignature(
  { model, serving }: PrepareOptions,
  { version, signature }: ReadVersion,
): SignatureVerdict {
  const before = serving?.version.signature;
  if (!serving || !before || !signature) return {};
  const differences = findSignatureDifferences(before, signature);
  if (differences.length === 0) return {};
  const details = { model: model.name, version, serving: serving.version.version, differences };
  if (model.config.strictSignature)
    return { problem: new ServingError('SIGNATURE_CHANGED', details) };
  return {
    warning: `its signature differs from that of version ${details.serving}: ${differences.join('; ')}`,
  };
}

/** Fills the cache. Throws what the runtime says of the model; anything else only makes its load slower. */
async function fillCache(order: LoadOrder, options: PrepareOptions): Promise<void> {
  const { optimised } = order;
  if (!optimised || existsSync(optimised.folder)) return;
  const { signal, limitMs, log, environment } = options;
  const runner = options.startRunner(spawnRunner(environment, preparingNiceness));
  const end = (): void => runner.kill('it is not wanted any more');
  const timer = setTimeout(() => runner.kill(`it took longer than ${limitMs} ms`), limitMs);
  timer.unref();
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  try {
    // How many rows pay is not measured in a process that hardly gets the processor.
    await runner.load({ ...order, batchSize: undefined });
  } catch (error) {
    if (error instanceof ServingError && error.code !== 'RUNNER_DIED') throw error;
    const { model, version } = order;
    if (!signal.aborted)
      log.warn(
        { model, version, reason: messageOf(error) },
        'model is not prepared; it loads as it is',
      );
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', end);
    runner.kill();
    await runner.ended;
  }
}

/** The version with its file, which may have to be fetched first. */
async function withFile({ version, source, signal }: PrepareOptions): Promise<ReadVersion> {
  if (!version.source || !source) return version;
  return { version: version.version, file: await source.fetch(version.source, signal) };
}

/** Throws what keeps the version from being loaded, as far as that is not in its `problem`. */
export async function prepareVersion(options: PrepareOptions): Promise<PreparedVersion> {
  const { model, log } = options;
  const version = await withFile(options);
  const read = await (options.readInChild?.(version, model, options) ??
    readVersion({ folder: model.folder, ...version }));
  const plans = planVersion(model, read);
  const { problem, warning } = judgeSignature(options, read);
  const prepared: PreparedVersion = {
    version: read,
    pictures: plans.pictures,
    scores: plans.scores,
    problem: read.problem ?? findContradiction(model, plans) ?? problem,
    warning,
  };
  if (prepared.problem) return prepared;
  if (warning) log.warn({ model: model.name, version: read.version, warning }, 'signature differs');
  // Optimising takes the memory of a load, which is not there while the old version serves.
  if (options.optimise && model.config.versions.preserve === 'availability')
    await fillCache(await options.makeOrder(read), options);
  return prepared;
}
