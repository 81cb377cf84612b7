/** The life of versions in words, for inspect: state, sizes, labels and traffic. */

import type { Settings } from '../config/settings.ts';
import type { ReadModel, ReadVersion } from '../repository/read-model.ts';
import type { InferenceService } from '../serving/inference-service.ts';
import type { ServedVersion } from '../serving/served-version.ts';
import type { TrafficRules } from '../serving/traffic.ts';
import { versionOf } from '../serving/traffic.ts';
import { memoryOf, sizeOnDisk } from '../serving/version-size.ts';
import { createLog } from '../telemetry/log.ts';
import { openTraffic } from './compose.ts';
import { formatBytes } from './terminal.ts';

export interface VersionSize {
  readonly disk: number | null;
  /** Of its runners; null where none serves. */
  readonly memory: number | null;
}

export interface InspectedFacts {
  readonly sizes: ReadonlyMap<ReadVersion, VersionSize>;
  /** Labels and traffic that were changed at run time, by model. */
  readonly rules: ReadonlyMap<string, TrafficRules>;
}

export async function collectFacts(
  models: readonly ReadModel[],
  service: InferenceService | undefined,
  settings: Pick<Settings, 'stateDir'>,
): Promise<InspectedFacts> {
  const traffic = openTraffic(settings, createLog('warn', process.stderr.isTTY === true));
  const sizes = new Map<ReadVersion, VersionSize>();
  const rules = new Map<string, TrafficRules>();
  for (const model of models) {
    const changed = traffic.rulesOf(model);
    if (changed) rules.set(model.name, changed);
    const served = service?.registry.find(model.name).versions;
    for (const version of model.versions) {
      const one = served?.find((candidate) => candidate.version.version === version.version);
      sizes.set(version, {
        disk: await sizeOnDisk(version),
        memory: one ? await memoryOf(one) : null,
      });
    }
  }
  return { sizes, rules };
}

export function describeState({ state, since, reason }: ServedVersion): string {
  const why = reason === undefined ? '' : `: ${reason.split('\n', 1)[0]}`;
  return `${state} since ${since.toISOString()}${why}`;
}

export function describeSize({ disk, memory }: VersionSize): string {
  const onDisk = disk === null ? 'not on disk' : `${formatBytes(disk)} on disk`;
  return memory === null ? onDisk : `${onDisk}, ${formatBytes(memory)} in memory (one instance)`;
}

/** Nothing where model.yaml says nothing of labels and traffic. */
export function describeTraffic({ found }: ReadModel, rules: TrafficRules): string[] {
  const labels = Object.entries(rules.labels).map(([label, version]) => {
    const missing = found.includes(version) ? '' : ' (not on disk)';
    return `${label} → ${version}${missing}`;
  });
  const shares = rules.shares.map(({ target, percent }) => {
    const version = versionOf(rules, target);
    return `${percent}% ${target}${version === target ? '' : ` (version ${version ?? 'none'})`}`;
  });
  const from =
    rules.source === 'run time'
      ? `  (changed at run time, ${rules.since}; not from model.yaml)`
      : '';
  const { shadow, sticky } = rules;
  return [
    ...(labels.length > 0 ? [`  labels      ${labels.join(', ')}${from}`] : []),
    ...(shares.length > 0
      ? [`  traffic     ${shares.join(', ')}${labels.length > 0 ? '' : from}`]
      : []),
    ...(shadow ? [`  shadow      ${shadow.percent}% of the requests run on ${shadow.to} too`] : []),
    ...(sticky ? [`  sticky      by the ${Object.entries(sticky)[0]?.join(' ')}`] : []),
  ];
}
