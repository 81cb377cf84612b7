/**
 * What is counted of one model version. Filled on the path of every request, so it is plain numbers in
 * plain objects; the text is made when somebody asks.
 */

import type { ErrorCode } from '../errors.ts';
import { Distribution } from './distribution.ts';
import type { Sample } from './exposition.ts';
import type { MetricName } from './metric-catalogue.ts';
import { metricCatalogue } from './metric-catalogue.ts';
import { VersionTotals } from './version-totals.ts';

/** One run, however many requests shared it. */
export interface FinishedRun {
  readonly rows: number;
  /** How long each request of it waited, in milliseconds. */
  readonly waitMs: readonly number[];
  /** Time inside the runtime, in milliseconds. */
  readonly runMs: number;
}

/**
 * Why a runner had to be replaced: it ended by itself or from outside, did not answer while idle, ran too
 * long, sent nonsense, or did not come to serve.
 */
export const restartCauses = ['died', 'hung', 'overran', 'misbehaved', 'load_failed'] as const;
export type RestartCause = (typeof restartCauses)[number];

/** Milliseconds of the phases of a load. */
export interface LoadTimes {
  readonly loadMs: number;
  readonly warmUpMs: number;
  readonly probeMs: number;
  readonly tuneMs: number;
  /** Reading, converting and optimising beside what serves; absent: it was not prepared. */
  readonly prepareMs?: number | undefined;
}

/** What serving tells of a version. */
export interface VersionMetrics {
  countRun(run: FinishedRun): void;
  /** A request, or a part of a large one, runs once more. */
  countRetry(): void;
  countRestart(cause: RestartCause): void;
  /** `signatures`: of a graph of their own; absent: of the version's. */
  noteLoad(times: LoadTimes, signatures?: string): void;
  /** It FAILED, for a reason of the error catalogue. */
  countLoadFailure(code: ErrorCode): void;
}

const {
  modelship_request_duration_seconds: requestDuration,
  modelship_queue_wait_seconds: queueWait,
  modelship_run_duration_seconds: runDuration,
  modelship_run_rows: runRows,
  modelship_run_requests: runRequests,
} = metricCatalogue;

export class VersionSeries implements VersionMetrics {
  readonly labels: { readonly model: string; readonly version: string };
  readonly requestDuration = new Distribution(requestDuration.buckets);
  readonly queueWait = new Distribution(queueWait.buckets);
  readonly runDuration = new Distribution(runDuration.buckets);
  readonly runRows = new Distribution(runRows.buckets);
  readonly runRequests = new Distribution(runRequests.buckets);
  readonly restarts = new Map<RestartCause, number>(restartCauses.map((cause) => [cause, 0]));
  readonly totals = new VersionTotals();
  retries = 0;
  readonly loadFailures = new Map<ErrorCode, number>();
  load: LoadTimes | undefined = undefined;
  readonly loadsOfSignatures = new Map<string, LoadTimes>();

  constructor(model: string, version: string) {
    this.labels = { model, version };
  }

  countRun({ rows, waitMs, runMs }: FinishedRun): void {
    this.runDuration.observe(runMs / 1000);
    this.runRows.observe(rows);
    this.runRequests.observe(waitMs.length);
    for (const wait of waitMs) this.queueWait.observe(wait / 1000);
    this.totals.addRun(rows, waitMs, runMs, Date.now());
  }

  countRetry(): void {
    this.retries += 1;
  }

  countRestart(cause: RestartCause): void {
    this.restarts.set(cause, (this.restarts.get(cause) ?? 0) + 1);
  }

  noteLoad(times: LoadTimes, signatures?: string): void {
    if (signatures === undefined) this.load = times;
    else this.loadsOfSignatures.set(signatures, times);
  }

  countLoadFailure(code: ErrorCode): void {
    this.loadFailures.set(code, (this.loadFailures.get(code) ?? 0) + 1);
  }
}

function samplesOfLoad(labels: Sample['labels'], load: LoadTimes | undefined): Sample[] {
  if (!load) return [];
  const phases = {
    ...(load.prepareMs === undefined ? {} : { prepare: load.prepareMs }),
    load: load.loadMs,
    warm_up: load.warmUpMs,
    probe: load.probeMs,
    tune: load.tuneMs,
  };
  return Object.entries(phases).map(([phase, milliseconds]) => ({
    labels: { ...labels, phase },
    value: milliseconds / 1000,
  }));
}

export function samplesOfSeries(series: readonly VersionSeries[]) {
  const each = (read: (one: VersionSeries) => Sample['value']): Sample[] =>
    series.map((one) => ({ labels: one.labels, value: read(one) }));
  return {
    modelship_request_duration_seconds: each(({ requestDuration }) => requestDuration),
    modelship_queue_wait_seconds: each(({ queueWait }) => queueWait),
    modelship_run_duration_seconds: each(({ runDuration }) => runDuration),
    modelship_run_rows: each(({ runRows }) => runRows),
    modelship_run_requests: each(({ runRequests }) => runRequests),
    modelship_retries_total: each(({ retries }) => retries),
    modelship_model_load_seconds: series.flatMap(({ labels, load }) => samplesOfLoad(labels, load)),
    modelship_signature_load_seconds: series.flatMap(({ labels, loadsOfSignatures }) =>
      [...loadsOfSignatures].flatMap(([signature, load]) =>
        samplesOfLoad({ ...labels, signature }, load),
      ),
    ),
    modelship_model_load_failures_total: series.flatMap(({ labels, loadFailures }) =>
      [...loadFailures].map(([code, value]) => ({ labels: { ...labels, code }, value })),
    ),
    modelship_runner_restarts_total: series.flatMap(({ labels, restarts }) =>
      [...restarts].map(([cause, value]) => ({ labels: { ...labels, cause }, value })),
    ),
  } satisfies Partial<Record<MetricName, Sample[]>>;
}
