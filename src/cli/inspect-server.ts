/** `modelship inspect URL`: what a running server says of its models. */

import { messageOf, ServingError } from '../errors.ts';
import { exitCodes } from './exit-codes.ts';
import type { Output } from './terminal.ts';
import { bold, formatBytes, table } from './terminal.ts';

/** What GET /models gives, as far as it is shown. */
interface ToldVersion {
  readonly version: string;
  readonly state: string;
  readonly reason: string | null;
  readonly warning: string | null;
  readonly since: string;
  readonly labels: readonly string[];
  readonly trafficPercent: number;
  readonly diskBytes: number | null;
  readonly memoryBytes: number | null;
  readonly load: Readonly<Record<string, number | boolean>> | null;
  readonly otherGraphs: readonly ToldGraph[];
}

/** Signatures that have a graph and runners of their own. */
interface ToldGraph {
  readonly signatures: readonly string[];
  readonly state: string;
  readonly load: ToldVersion['load'];
}

interface ToldModel {
  readonly name: string;
  readonly problem: string | null;
  readonly warnings: readonly string[];
  readonly traffic: { readonly source: string; readonly since: string | null };
  readonly versions: readonly ToldVersion[];
}

export const isServerUrl = (path: string): boolean => /^https?:\/\//.test(path);

async function askModels(url: string): Promise<readonly ToldModel[]> {
  const refuse = (problem: string): never => {
    throw new ServingError('SERVER_UNREACHABLE', { url, problem });
  };
  try {
    const response = await fetch(new URL('/models', url));
    if (!response.ok) return refuse(`it answers ${response.status} to GET /models`);
    const { models } = (await response.json()) as { models?: readonly ToldModel[] };
    return models ?? refuse('its answer to GET /models names no models');
  } catch (error) {
    if (error instanceof ServingError) throw error;
    return refuse(messageOf(error instanceof Error && error.cause ? error.cause : error));
  }
}

/** "load 120 ms, warm-up 3 ms, from the cache" */
function describeLoad(load: ToldVersion['load']): string {
  if (!load) return '';
  const words = {
    prepareMs: 'prepare',
    loadMs: 'load',
    warmUpMs: 'warm-up',
    probeMs: 'probe',
    tuneMs: 'batch size',
  };
  const phases = Object.entries(words)
    .filter(([name]) => typeof load[name] === 'number')
    .map(([name, word]) => `${word} ${Math.round(load[name] as number)} ms`);
  return [...phases, ...(load.fromCache === true ? ['from the cache'] : [])].join(', ');
}

const bytes = (count: number | null): string => (count === null ? '–' : formatBytes(count));

function rowOf(told: ToldVersion): string[] {
  return [
    `  ${told.version}`,
    told.state,
    `since ${told.since}`,
    told.labels.join(', '),
    told.trafficPercent === 0 ? '' : `${told.trafficPercent}% of the traffic`,
    `${bytes(told.diskBytes)} on disk`,
    `${bytes(told.memoryBytes)} in memory`,
    describeLoad(told.load),
  ];
}

function printModel(model: ToldModel, output: Output): void {
  const { source, since } = model.traffic;
  output.print(bold(model.name, output));
  if (model.problem) output.print(`  problem: ${model.problem}`);
  for (const warning of model.warnings) output.print(`  warning     ${warning}`);
  if (source === 'run time')
    output.print(
      `  labels and traffic were changed at run time (${since}), they are not from model.yaml`,
    );
  for (const line of table(model.versions.map(rowOf))) output.print(line);
  for (const { version, reason, warning, otherGraphs } of model.versions) {
    for (const { signatures, state, load } of otherGraphs)
      output.print(`  ${version}, ${signatures.join(', ')}: ${state}, ${describeLoad(load)}`);
    if (reason) output.print(`  ${version}: ${reason}`);
    if (warning) output.print(`  ${version}, warning: ${warning}`);
  }
}

/** Returns the exit code. Throws SERVER_UNREACHABLE. */
export async function inspectServer(url: string, json: boolean, output: Output): Promise<number> {
  const models = await askModels(url);
  if (json) output.print(JSON.stringify(models, null, 2));
  else for (const model of models) printModel(model, output);
  return exitCodes.done;
}
