/**
 * The metrics of the server: counted while it works, written as Prometheus' text when somebody asks.
 *
 * What is counted is of our own code (docs/decisions/metrics.md), so it is there from the first request.
 * prom-client, 80 files for the metrics of the process, is loaded a little after the start.
 */

import type { ErrorCode } from '../errors.ts';
import type { Family, Sample } from './exposition.ts';
import { expositionType, writeExposition } from './exposition.ts';
import { innerOf, LabelledCounts } from './labelled-counts.ts';
import type { MetricName } from './metric-catalogue.ts';
import { metricCatalogue } from './metric-catalogue.ts';
import type { VersionMetrics } from './version-metrics.ts';
import { samplesOfSeries, VersionSeries } from './version-metrics.ts';
import type { ServerReading } from './version-readings.ts';
import { readRunners, samplesOfReadings } from './version-readings.ts';
import type { VersionStatistics } from './version-totals.ts';

export interface FinishedRequest {
  readonly model: string;
  readonly version: string;
  /** 'OK' or the code of the error. */
  readonly code: string;
  readonly totalMs: number;
}

export interface Metrics {
  countRequest(request: FinishedRequest): void;
  countHttp(route: string, status: number, code: string): void;
  /** `method`: its path; `status`: the name of a gRPC status. */
  countGrpc(method: string, status: string, code: string): void;
  /** Of a version of this server; shown with zeros from now on. */
  forVersion(model: string, version: string): VersionMetrics;
  /** Forgets a version that was unloaded, so that what is kept does not grow with every version there was. */
  forgetVersion(model: string, version: string): void;
  /** A copy of a request was run by a shadow, or was not. */
  countShadow(outcome: ShadowCount): void;
  /** The sums of a version; undefined for one that nothing was counted of. */
  statisticsOf(model: string, version: string): VersionStatistics | undefined;
  /** Starts to watch the process; called by itself with the first `render`. */
  load(): Promise<void>;
  /** The text to answer with; `reading` fills the gauges. */
  render(reading: ServerReading): Promise<{ contentType: string; text: string }>;
}

export interface ShadowCount {
  readonly model: string;
  readonly version: string;
  readonly result: string;
}

export interface BuildInfo {
  readonly version: string;
  readonly runtime: string;
}

type RequestCode = ErrorCode | 'OK';

/** There from the start with 0, so that a rate sees the first one too. */
const expectedCodes: readonly RequestCode[] = [
  'OK',
  'QUEUE_FULL',
  'DEADLINE_UNREACHABLE',
  'DEADLINE_EXCEEDED',
  'RUN_FAILED',
  'RUNNER_DIED',
];

/** What was held until it was answered or failed; everything else is refused in no time. */
const timedCodes: ReadonlySet<string> = new Set<RequestCode>([
  'OK',
  'DEADLINE_EXCEEDED',
  'RUN_FAILED',
  'RUNNER_DIED',
  'INTERNAL',
]);

function toFamilies(samples: Readonly<Record<MetricName, readonly Sample[]>>): Family[] {
  return (Object.keys(metricCatalogue) as MetricName[]).map((name) => {
    const { type, help } = metricCatalogue[name];
    return { name, type, help, samples: samples[name] };
  });
}

export function createMetrics(build: BuildInfo): Metrics {
  const requests = new LabelledCounts(metricCatalogue.modelship_requests_total.labels);
  const shadows = new LabelledCounts(metricCatalogue.modelship_shadow_requests_total.labels);
  const series = new Map<string, Map<string, VersionSeries>>();
  const http = new LabelledCounts(metricCatalogue.modelship_http_requests_total.labels);
  const grpc = new LabelledCounts(metricCatalogue.modelship_grpc_requests_total.labels);
  let processMetrics: Promise<() => Promise<string>> | undefined;

  async function openProcessMetrics(): Promise<() => Promise<string>> {
    return (await import('./process-metrics.ts')).collectProcessMetrics();
  }

  function watchProcess(): Promise<() => Promise<string>> {
    processMetrics ??= openProcessMetrics();
    return processMetrics;
  }

  return {
    countRequest({ model, version, code, totalMs }) {
      requests.add(model, version, code);
      const one = series.get(model)?.get(version);
      one?.totals.addRequest(code, totalMs);
      if (timedCodes.has(code)) one?.requestDuration.observe(totalMs / 1000);
    },
    countHttp: (route, status, code) => http.add(route, status, code),
    countGrpc: (method, status, code) => grpc.add(method, status, code),
    forVersion(model, version) {
      for (const code of expectedCodes) requests.add(model, version, code, 0);
      const versions = innerOf(series, model);
      const one = versions.get(version) ?? new VersionSeries(model, version);
      versions.set(version, one);
      return one;
    },
    forgetVersion(model, version) {
      series.get(model)?.delete(version);
      requests.forget(model, version);
      shadows.forget(model, version);
    },
    countShadow: ({ model, version, result }) => shadows.add(model, version, result),
    statisticsOf: (model, version) => series.get(model)?.get(version)?.totals,
    load: async () => {
      await watchProcess();
    },
    async render({ versions, bodies }) {
      const [ofProcess, runners] = await Promise.all([
        watchProcess().then((read) => read()),
        readRunners(versions),
      ]);
      const families = toFamilies({
        modelship_build_info: [{ labels: { ...build }, value: 1 }],
        modelship_http_requests_total: http.samples(),
        modelship_grpc_requests_total: grpc.samples(),
        modelship_requests_total: requests.samples(),
        modelship_shadow_requests_total: shadows.samples(),
        modelship_request_body_bytes: [{ labels: {}, value: bodies.usedBytes }],
        modelship_request_body_limit_bytes: [{ labels: {}, value: bodies.limitBytes }],
        ...samplesOfSeries([...series.values()].flatMap((versions) => [...versions.values()])),
        ...samplesOfReadings(versions, runners),
      });
      return { contentType: expositionType, text: writeExposition(families) + ofProcess };
    },
  };
}
