/**
 * What was counted of each version, in the fields of the statistics extension.
 * Source: Triton, "Statistics Extension". Durations are nanoseconds, added up over all requests.
 */

import type { Tally, VersionStatistics } from '../telemetry/version-totals.ts';
import type { ModelRegistry, RegisteredModel } from './model-registry.ts';

export interface StatisticDuration {
  readonly count: number;
  readonly ns: number;
}

export interface BatchStatistics {
  readonly batch_size: number;
  readonly compute_input: StatisticDuration;
  readonly compute_infer: StatisticDuration;
  readonly compute_output: StatisticDuration;
}

export interface ModelStatistics {
  readonly name: string;
  readonly version: string;
  /** Milliseconds since 1970; 0 before the first run. */
  readonly last_inference: number;
  /** Rows. */
  readonly inference_count: number;
  /** Runs. */
  readonly execution_count: number;
  readonly inference_stats: {
    readonly success: StatisticDuration;
    readonly fail: StatisticDuration;
    readonly queue: StatisticDuration;
    readonly compute_input: StatisticDuration;
    readonly compute_infer: StatisticDuration;
    readonly compute_output: StatisticDuration;
    readonly cache_hit: StatisticDuration;
    readonly cache_miss: StatisticDuration;
  };
  readonly batch_stats: readonly BatchStatistics[];
}

/** What telemetry knows of a version; undefined: nothing was counted yet. */
export type ReadStatistics = (model: string, version: string) => VersionStatistics | undefined;

const none: StatisticDuration = { count: 0, ns: 0 };

const toDuration = ({ count, milliseconds }: Tally): StatisticDuration => ({
  count,
  ns: Math.round(milliseconds * 1e6),
});

/** Moving tensors to and from the runtime is part of the run here: counted, with no time of its own. */
const untimed = ({ count }: Tally): StatisticDuration => ({ count, ns: 0 });

function batchesOf({ batches }: VersionStatistics): BatchStatistics[] {
  return [...batches]
    .sort(([a], [b]) => a - b)
    .map(([size, tally]) => ({
      batch_size: size,
      compute_input: untimed(tally),
      compute_infer: toDuration(tally),
      compute_output: untimed(tally),
    }));
}

function toStatistics(
  name: string,
  version: string,
  counted: VersionStatistics | undefined,
): ModelStatistics {
  return {
    name,
    version,
    last_inference: counted?.lastRunAt ?? 0,
    inference_count: counted?.rows ?? 0,
    execution_count: counted?.runs ?? 0,
    inference_stats: {
      success: counted ? toDuration(counted.success) : none,
      fail: counted ? toDuration(counted.fail) : none,
      queue: counted ? toDuration(counted.queue) : none,
      compute_input: counted ? untimed(counted.infer) : none,
      compute_infer: counted ? toDuration(counted.infer) : none,
      compute_output: counted ? untimed(counted.infer) : none,
      cache_hit: none,
      cache_miss: none,
    },
    batch_stats: counted ? batchesOf(counted) : [],
  };
}

function versionsOf({ versions }: RegisteredModel, version: string | undefined): string[] {
  const names = versions.map((served) => served.version.version);
  return version === undefined ? names : names.filter((name) => name === version);
}

/**
 * Of one version, of all versions of a model, or of everything. Throws MODEL_NOT_FOUND, and
 * VERSION_NOT_FOUND as `registry.resolve` does.
 */
export function describeStatistics(
  registry: ModelRegistry,
  read: ReadStatistics,
  model?: string,
  version?: string,
): ModelStatistics[] {
  const models = model === undefined ? registry.models : [registry.find(model)];
  const rows = models.flatMap((registered) =>
    versionsOf(registered, version).map((name) =>
      toStatistics(registered.model.name, name, read(registered.model.name, name)),
    ),
  );
  if (rows.length === 0 && model !== undefined && version !== undefined)
    registry.resolve(model, version);
  return rows;
}
