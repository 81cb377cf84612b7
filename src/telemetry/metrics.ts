/**
 * The metrics of the server, in Prometheus' text format and naming conventions.
 */

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** One row of the gauges that are read when the metrics are asked for. */
export interface VersionReading {
  readonly model: string;
  readonly version: string;
  readonly ready: boolean;
  readonly instances: number;
  readonly waiting: number;
  readonly running: number;
}

export interface FinishedRequest {
  readonly model: string;
  readonly version: string;
  readonly code: string;
  readonly totalMs: number;
  readonly timings?: { readonly runMs: number; readonly queueMs: number } | undefined;
}

export interface Metrics {
  countRequest(request: FinishedRequest): void;
  countRunnerEnd(model: string, version: string): void;
  /** The text to answer with; `readings` fill the gauges. */
  render(readings: readonly VersionReading[]): Promise<{ contentType: string; text: string }>;
}

const labelNames = ['model', 'version'] as const;
/** Seconds, from a tiny model's 0.1 ms to half a minute. */
const buckets = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
  30,
];

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const requests = new Counter({
    name: 'modelship_requests_total',
    help: 'Requests answered, by code (OK or the code of the error).',
    labelNames: [...labelNames, 'code'],
    registers,
  });
  const runnerEnds = new Counter({
    name: 'modelship_runner_ends_total',
    help: 'Runner processes that ended without being asked to.',
    labelNames,
    registers,
  });
  const histogram = (name: string, help: string): Histogram<'model' | 'version'> =>
    new Histogram({ name, help, labelNames, buckets, registers });
  const total = histogram(
    'modelship_request_duration_seconds',
    'From the decoded request to its answer.',
  );
  const queued = histogram('modelship_queue_duration_seconds', 'Waiting for a free instance.');
  const run = histogram('modelship_run_duration_seconds', 'Inside the runtime.');
  const gauge = (name: string, help: string): Gauge<'model' | 'version'> =>
    new Gauge({ name, help, labelNames, registers });
  const ready = gauge('modelship_model_ready', '1 when the version serves.');
  const instances = gauge('modelship_instances', 'Runner processes that serve.');
  const waiting = gauge('modelship_queue_requests', 'Requests that wait for an instance.');
  const running = gauge('modelship_running_requests', 'Requests that are running.');

  return {
    countRequest({ model, version, code, totalMs, timings }) {
      requests.inc({ model, version, code });
      total.observe({ model, version }, totalMs / 1000);
      if (!timings) return;
      queued.observe({ model, version }, timings.queueMs / 1000);
      run.observe({ model, version }, timings.runMs / 1000);
    },
    countRunnerEnd(model, version) {
      runnerEnds.inc({ model, version });
    },
    async render(readings) {
      for (const reading of readings) {
        const labels = { model: reading.model, version: reading.version };
        ready.set(labels, reading.ready ? 1 : 0);
        instances.set(labels, reading.instances);
        waiting.set(labels, reading.waiting);
        running.set(labels, reading.running);
      }
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
  };
}
