/** What `modelship serve` tells the person who started it. */

import { join, relative } from 'node:path';
import type { InferenceService } from '../serving/inference-service.ts';
import type { RegisteredModel } from '../serving/model-registry.ts';
import type { ServedVersion } from '../serving/served-version.ts';
import type { Output } from './terminal.ts';
import { bold, table } from './terminal.ts';

/** The address as a person types it: a wildcard is reached through localhost. */
function urlOf(host: string, port: number): string {
  const name =
    host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  return `http://${name}:${port}`;
}

export function announceListening(host: string, port: number, output: Output): void {
  output.print(`Listening on ${bold(urlOf(host, port), output)}`);
}

function loadTime({ report }: ServedVersion): string {
  return report ? `${(report.loadMs + report.warmUpMs + report.probeMs).toFixed(0)} ms` : '';
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
  const body = inputs.map(({ name, dtype, shape }) => ({
    name,
    datatype: dtype,
    shape: shape.map((dim) => dim ?? 1),
    data: ['…'],
  }));
  return `curl ${url}/v2/models/${model.name}/infer -d '${JSON.stringify({ inputs: body })}'`;
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
