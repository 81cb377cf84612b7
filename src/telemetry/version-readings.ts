/** The gauges of the versions, which are read when the metrics are asked for. */

import type { Sample } from './exposition.ts';
import type { MetricName } from './metric-catalogue.ts';
import type { ProcessMemory } from './runner-memory.ts';
import { readProcessMemory } from './runner-memory.ts';

/** How the server stands at the moment. */
export interface ServerReading {
  readonly versions: readonly VersionReading[];
  readonly bodies: { readonly usedBytes: number; readonly limitBytes: number };
}

/** How a version stands at the moment. */
export interface VersionReading {
  readonly model: string;
  readonly version: string;
  readonly ready: boolean;
  readonly instancesWanted: number;
  readonly instancesServing: number;
  readonly waiting: number;
  readonly waitingBytes: number;
  readonly maxWaiting: number;
  readonly maxWaitingBytes: number;
  readonly running: number;
  /** Of the requests that name no version, from 0 to 1. */
  readonly trafficRatio: number;
  readonly runners: readonly RunnerSeat[];
}

/** A serving runner. */
export interface RunnerSeat {
  /** From 0 on; the one that replaces it gets the same number. */
  readonly runner: number;
  readonly pid: number;
}

interface RunnerReading {
  readonly labels: { readonly model: string; readonly version: string; readonly runner: string };
  readonly memory: ProcessMemory;
}

export async function readRunners(readings: readonly VersionReading[]): Promise<RunnerReading[]> {
  const all = readings.flatMap(({ model, version, runners }) =>
    runners.map(async ({ runner, pid }) => {
      const memory = await readProcessMemory(pid);
      return memory && { labels: { model, version, runner: String(runner) }, memory };
    }),
  );
  return (await Promise.all(all)).filter((reading) => reading !== undefined);
}

/** `runners`: what `readRunners` gave for the same readings. */
export function samplesOfReadings(
  readings: readonly VersionReading[],
  runners: readonly RunnerReading[],
) {
  const gauge = (read: (reading: VersionReading) => number): Sample[] =>
    readings.map((reading) => {
      const { model, version } = reading;
      return { labels: { model, version }, value: read(reading) };
    });
  const memory = (read: (memory: ProcessMemory) => number): Sample[] =>
    runners.map((runner) => ({ labels: runner.labels, value: read(runner.memory) }));
  return {
    modelship_queue_requests: gauge(({ waiting }) => waiting),
    modelship_queue_bytes: gauge(({ waitingBytes }) => waitingBytes),
    modelship_queue_limit_requests: gauge(({ maxWaiting }) => maxWaiting),
    modelship_queue_limit_bytes: gauge(({ maxWaitingBytes }) => maxWaitingBytes),
    modelship_running_requests: gauge(({ running }) => running),
    modelship_traffic_ratio: gauge(({ trafficRatio }) => trafficRatio),
    modelship_model_ready: gauge(({ ready }) => (ready ? 1 : 0)),
    modelship_instances_wanted: gauge(({ instancesWanted }) => instancesWanted),
    modelship_instances_serving: gauge(({ instancesServing }) => instancesServing),
    modelship_runner_resident_memory_bytes: memory(({ residentBytes }) => residentBytes),
    modelship_runner_anonymous_memory_bytes: memory(({ anonymousBytes }) => anonymousBytes),
  } satisfies Partial<Record<MetricName, Sample[]>>;
}
