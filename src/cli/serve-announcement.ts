/** What `modelship serve` tells the person who started it. */

import { join, relative } from 'node:path';
import type { InferenceService } from '../serving/inference-service.ts';
import type { RegisteredModel } from '../serving/model-registry.ts';
import type { ServedVersion } from '../serving/served-version.ts';
import { elementCount } from '../tensor/tensor.ts';
import type { TensorSpec } from '../tensor/tensor-spec.ts';
import type { Output } from './terminal.ts';
import { bold, table } from './terminal.ts';

const isWildcard = (host: string): boolean => host === '0.0.0.0' || host === '::';

/** The address as a person types it: a wildcard is reached through localhost. */
function addressOf(host: string, port: number): string {
  const name = isWildcard(host) ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  return `${name}:${port}`;
}

const urlOf = (host: string, port: number): string => `http://${addressOf(host, port)}`;

export function announceListening(host: string, port: number, output: Output): void {
  const open = isWildcard(host) ? ` (on all addresses of this machine: ${host})` : '';
  output.print(`Listening on ${bold(urlOf(host, port), output)}${open}`);
}

export function announceGrpc(host: string, port: number, output: Output): void {
  output.print(`gRPC on ${bold(addressOf(host, port), output)}`);
}

function loadTime({ report }: ServedVersion): string {
  if (!report) return '';
  const { loadMs, warmUpMs, probeMs, tuneMs } = report;
  return `${(loadMs + warmUpMs + probeMs + tuneMs).toFixed(0)} ms`;
}

function rowsOf({ model, versions }: RegisteredModel): string[][] {
  if (model.problem) return [[model.name, '', 'FAILED', model.problem.message]];
  return versions.map((served) => [
    model.name,
    `v${served.version.version}`,
    served.state,
    served.reason ?? `${loadTime(served)}${served.report?.fromCache ? ', from the cache' : ''}`,
  ]);
}

/** A line to try: a sample picture where there is one. */
function tryLine({ model, versions }: RegisteredModel, url: string): string | undefined {
  const newest = versions.findLast(({ state }) => state === 'READY');
  if (!newest) return undefined;
  if (newest.pictures?.plan && newest.scores?.plan) {
    const [sample] = model.samples;
    const picture =
      sample && model.samplesFolder
        ? relative('.', join(model.samplesFolder, sample))
        : 'PICTURE.jpg';
    return `curl -F image=@${picture} ${url}/models/${model.name}/predict`;
  }
  const inputs = newest.version.signature?.inputs ?? [];
  const body = JSON.stringify({ inputs: inputs.map(exampleInput) });
  return `curl ${url}/v2/models/${model.name}/infer -d '${body}'`;
}

/** Zeros in the shape of the input, which the model may find dull but takes; long ones are cut short. */
function exampleInput({ name, dtype, shape }: TensorSpec): object {
  const dims = shape.map((dim) => dim ?? 1);
  const count = elementCount(dims);
  const value = dtype === 'BYTES' ? 'text' : dtype === 'BOOL' ? false : 0;
  const data = count <= 16 ? new Array(count).fill(value) : [value, `… ${count} in all`];
  return { name, datatype: dtype, shape: dims, data };
}

export function announceModels(
  service: InferenceService,
  host: string,
  port: number,
  output: Output,
): void {
  const url = urlOf(host, port);
  const { models } = service.registry;
  for (const line of table(models.flatMap(rowsOf))) output.print(`  ${line}`);
  const line = models.map((model) => tryLine(model, url)).find((text) => text !== undefined);
  if (line) output.print(`Try it:\n  ${line}\nor open ${url} in a browser.`);
  else output.print('No model serves; see the reasons above.');
}
