/**
 * `modelship inspect`: what is in a model, and what batching and preprocessing will do with it, and why.
 */

import { relative } from 'node:path';
import type { Settings } from '../config/settings.ts';
import { visibleLine } from '../errors.ts';
import type { ModelSignature } from '../repository/model-signature.ts';
import type { ReadModel, ReadVersion } from '../repository/read-model.ts';
import { warningsOf } from '../repository/read-model.ts';
import { aroundMs } from '../runner/batch-tuning.ts';
import type { LoadReport } from '../runner/protocol.ts';
import { startModels } from '../serving/build-service.ts';
import type { InferenceService } from '../serving/inference-service.ts';
import { coresOf, findContradiction, planVersion } from '../serving/plan-version.ts';
import type { ServedVersion } from '../serving/served-version.ts';
import { signatureNamesOf } from '../serving/signatures.ts';
import { labelsOfVersion, rulesFromYaml } from '../serving/traffic.ts';
import { createLog } from '../telemetry/log.ts';
import type { TensorSpec } from '../tensor/tensor-spec.ts';
import { wireShape } from '../tensor/tensor-spec.ts';
import { compose, openBase, readModels } from './compose.ts';
import { describePictures, describeScores, describeSignatures } from './describe-plans.ts';
import type { InspectedFacts } from './describe-versions.ts';
import { collectFacts, describeSize, describeState, describeTraffic } from './describe-versions.ts';
import { exitCodeOf, exitCodes } from './exit-codes.ts';
import type { Output } from './terminal.ts';
import { bold, formatBytes, table, tellPerson } from './terminal.ts';

export interface InspectOptions {
  readonly json: boolean;
  /** Load the model to find out how it batches. */
  readonly probe: boolean;
}

function describeTensor({ name, dtype, shape, anyShape }: TensorSpec): string[] {
  const dims = anyShape ? 'any shape' : `[${shape.map((dim) => dim ?? '?').join(', ')}]`;
  return [`    ${visibleLine(name)}`, dtype, dims];
}

function printSignature(signature: ModelSignature, output: Output): void {
  const opsets = signature.opsets.map(({ domain, version }) => `${domain} ${version}`).join(', ');
  const operators = signature.operators
    .slice(0, 6)
    .map(({ op, count }) => `${count} ${op}`)
    .join(', ');
  output.print(
    `    format      ${signature.format}, opset ${opsets}${signature.producer ? `, written by ${signature.producer}` : ''}`,
  );
  output.print(`    weights     ${formatBytes(signature.weightBytes)}`);
  output.print(`    operators   ${operators}`);
  output.print('  inputs');
  for (const line of table(signature.inputs.map(describeTensor))) output.print(line);
  output.print('  outputs');
  for (const line of table(signature.outputs.map(describeTensor))) output.print(line);
}

function describeBatching(served: ServedVersion | undefined): string {
  if (!served) return 'not probed (--no-probe)';
  if (!served.report) return 'unknown: the model does not load';
  const { acrossRequests, reason } = served.report.batching;
  const forced = served.model.config.batching.acrossRequests;
  const verdict = acrossRequests
    ? 'rows of several requests may share a run'
    : 'every request runs alone';
  const override =
    forced === undefined || forced === acrossRequests
      ? ''
      : `; model.yaml says acrossRequests: ${forced}`;
  return `${verdict}: ${reason}${override}`;
}

/** What holds, and what was measured where it was. */
function describeRunSize({ runSize, report }: ServedVersion): string[] {
  const { maxBatch, source, reason } = runSize;
  const rows = maxBatch === 1 ? '1 row' : `up to ${maxBatch} rows`;
  const rates = (report?.batchSize?.measured ?? []).map(
    ({ batch, runMs, rowsPerSecond }) =>
      `              ${batch} → ${rowsPerSecond} rows/s: ${runMs} ms a run and ${aroundMs} ms around it`,
  );
  return [`runs of     ${rows} (${source}): ${reason}`, ...rates];
}

function describeLoad({ loadMs, warmUpMs, probeMs, tuneMs, fromCache }: LoadReport): string {
  return `loaded in ${loadMs.toFixed(0)} ms${fromCache ? ' from the cache' : ''}, warm-up ${warmUpMs.toFixed(0)} ms, probe ${probeMs.toFixed(0)} ms, batch size ${tuneMs.toFixed(0)} ms`;
}

/** Of signatures in a graph of their own. */
function describeGraphLoad(served: ServedVersion): string {
  const { report, state } = served;
  return `${signatureNamesOf(served).join(', ')}: ${report ? describeLoad(report) : state}`;
}

function printVersion(
  model: ReadModel,
  version: ReadVersion,
  served: ServedVersion | undefined,
  output: Output,
  facts: InspectedFacts,
): void {
  const file = version.original ?? version.file;
  output.print(`  version ${version.version}${file ? `  ${relative('.', file)}` : ''}`);
  if (version.original && version.file) output.print(`    converted   ${version.file}`);
  if (version.architecture) output.print(`    network     ${version.architecture}`);
  const size = facts.sizes.get(version);
  if (served) output.print(`    state       ${describeState(served)}`);
  if (size) output.print(`    size        ${describeSize(size)}`);
  if (version.warning) output.print(`    warning     ${version.warning}`);
  if (version.problem) output.print(`    problem     ${version.problem.message}`);
  if (!version.signature) return;
  printSignature(version.signature, output);
  const plans = planVersion(model, version);
  for (const line of describePictures(plans.pictures, model.yamlName)) output.print(`  ${line}`);
  output.print(`  answers     ${describeScores(plans.scores)}`);
  for (const line of describeSignatures(plans.signatures)) output.print(`  ${line}`);
  output.print(`  batching    ${describeBatching(served)}`);
  if (served?.report) for (const line of describeRunSize(served)) output.print(`  ${line}`);
  if (served?.state === 'FAILED') output.print(`  problem     ${served.reason}`);
  if (served?.report) output.print(`  loading     ${describeLoad(served.report)}`);
  for (const other of served?.otherGraphs ?? [])
    output.print(`  loading     ${describeGraphLoad(other)}`);
}

function printModel(
  model: ReadModel,
  all: readonly ReadModel[],
  service: InferenceService | undefined,
  settings: Settings,
  output: Output,
  facts: InspectedFacts,
): void {
  const rules = facts.rules.get(model.name) ?? rulesFromYaml(model.config.versions);
  output.print(bold(model.name, output));
  output.print(
    `  folder      ${relative('.', model.folder) || '.'}${model.yamlPath ? ', with' : ', without'} ${model.yamlName ?? 'model.yaml'}`,
  );
  if (model.problem) {
    output.print(`  problem     ${model.problem.message}`);
    return;
  }
  const versionCount = all.reduce((total, { versions }) => total + versions.length, 0);
  const { instances, threads } = coresOf(model, versionCount, settings);
  output.print(
    `  versions    ${model.found.join(', ')} on disk; serves ${model.versions.map(({ version }) => version).join(', ') || 'none'}`,
  );
  for (const line of describeTraffic(model, rules)) output.print(line);
  for (const warning of warningsOf(model)) output.print(`  warning     ${warning}`);
  output.print(
    `  runs on     ${instances} instance${instances === 1 ? '' : 's'} × ${threads} thread${threads === 1 ? '' : 's'}`,
  );
  for (const version of model.versions) {
    const served = service?.registry
      .find(model.name)
      .versions.find((one) => one.version.version === version.version);
    printVersion(model, version, served, output, facts);
  }
}

function toJson(
  models: readonly ReadModel[],
  service: InferenceService | undefined,
  facts: InspectedFacts,
): object {
  const tensor = ({ name, dtype, shape, anyShape }: TensorSpec): object => ({
    name,
    datatype: dtype,
    shape: anyShape ? null : wireShape(shape),
  });
  return models.map((model) => ({
    name: model.name,
    folder: model.folder,
    problem: model.problem?.toPlain() ?? null,
    found: model.found,
    traffic: facts.rules.get(model.name) ?? rulesFromYaml(model.config.versions),
    versions: model.versions.map((version) => {
      const served = service?.registry
        .find(model.name)
        .versions.find((one) => one.version.version === version.version);
      const { pictures, scores } = planVersion(model, version);
      return {
        version: version.version,
        file: version.original ?? version.file ?? null,
        converted: version.original ? version.file : null,
        architecture: version.architecture ?? null,
        problem: version.problem?.toPlain() ?? null,
        state: served?.state ?? null,
        reason: served?.reason ?? null,
        since: served?.since.toISOString() ?? null,
        diskBytes: facts.sizes.get(version)?.disk ?? null,
        memoryBytes: facts.sizes.get(version)?.memory ?? null,
        labels: labelsOfVersion(
          facts.rules.get(model.name) ?? rulesFromYaml(model.config.versions),
          version.version,
        ),
        inputs: version.signature?.inputs.map(tensor) ?? [],
        outputs: version.signature?.outputs.map(tensor) ?? [],
        pictures: pictures ?? null,
        scores: scores ?? null,
        runSize: served?.report ? served.runSize : null,
        load: served?.report ?? null,
        otherGraphs: (served?.otherGraphs ?? []).map((other) => ({
          signatures: signatureNamesOf(other),
          state: other.state,
          load: other.report ?? null,
        })),
      };
    }),
  }));
}

/** Prints what is known; returns the exit code: 0, or that of the first problem. */
export async function inspect(
  settings: Settings,
  options: InspectOptions,
  output: Output,
): Promise<number> {
  const log = createLog(
    settings.logLevel === 'error' ? 'silent' : settings.logLevel,
    process.stderr.isTTY === true,
  );
  const base = openBase(settings, log, tellPerson);
  const models = await base.foreign.importAll(readModels(settings.path));
  let service: InferenceService | undefined;
  if (options.probe) {
    // One instance is enough to find out; the count that serving would use is computed, not started.
    const composed = compose(settings, models, {
      oneInstance: true,
      log,
      base,
    });
    service = composed.service;
    await startModels(service);
  }
  try {
    const facts = await collectFacts(models, service, settings);
    if (options.json) output.print(JSON.stringify(toJson(models, service, facts), null, 2));
    else for (const model of models) printModel(model, models, service, settings, output, facts);
  } finally {
    await service?.stop();
  }
  return exitCodeOfModels(models, service);
}

function exitCodeOfModels(
  models: readonly ReadModel[],
  service: InferenceService | undefined,
): number {
  const problem = models
    .flatMap((model) => [
      model.problem,
      ...model.versions.map(
        (version) => version.problem ?? findContradiction(model, planVersion(model, version)),
      ),
    ])
    .find(Boolean);
  if (problem) return exitCodeOf(problem);
  const failed = service?.registry.models.some(({ versions }) =>
    versions.some(({ reason, report }) => reason !== undefined && !report),
  );
  return failed ? exitCodes.model : exitCodes.done;
}
