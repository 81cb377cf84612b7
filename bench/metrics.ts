/**
 * What counting a request costs: one request counted and timed, one run with its rows, requests and the
 * wait, one answer over HTTP. Against prom-client, whose counters and histograms would do the same, with
 * the labels of each looked up once. Prints the median of interleaved rounds.
 * `node bench/metrics.ts`
 */

import { Counter, Histogram, Registry } from 'prom-client';
import { metricCatalogue } from '../src/telemetry/metric-catalogue.ts';
import { createMetrics } from '../src/telemetry/metrics.ts';
import { median } from './support/server.ts';

const requestsPerRound = 50_000;
const rounds = 21;
const model = 'digits';
const version = '1';
const code = 'OK';
const route = '/v2/models/:model/infer';

function countWithOurs(): (ms: number) => void {
  const metrics = createMetrics({ version: '0', runtime: '0' });
  const ofVersion = metrics.forVersion(model, version);
  return (ms) => {
    ofVersion.countRun({ rows: 1, waitMs: [ms / 8], runMs: ms / 2 });
    metrics.countRequest({ model, version, code, totalMs: ms });
    metrics.countHttp(route, 200, code);
  };
}

function countWithPromClient(): (ms: number) => void {
  const registers = [new Registry()];
  const help = 'help';
  const counter = (name: 'modelship_requests_total' | 'modelship_http_requests_total') =>
    new Counter({ name, help, labelNames: metricCatalogue[name].labels, registers });
  const histogram = (
    name: `modelship_${'request_duration_seconds' | 'queue_wait_seconds' | 'run_duration_seconds' | 'run_rows' | 'run_requests'}`,
  ) => {
    const { labels, buckets } = metricCatalogue[name];
    const made = new Histogram({
      name,
      help,
      labelNames: labels,
      buckets: [...buckets],
      registers,
    });
    return made.labels({ model, version });
  };
  const requests = counter('modelship_requests_total').labels({ model, version, code });
  const http = counter('modelship_http_requests_total').labels({ route, status: '200', code });
  const duration = histogram('modelship_request_duration_seconds');
  const wait = histogram('modelship_queue_wait_seconds');
  const run = histogram('modelship_run_duration_seconds');
  const rows = histogram('modelship_run_rows');
  const shared = histogram('modelship_run_requests');
  return (ms) => {
    run.observe(ms / 2000);
    rows.observe(1);
    shared.observe(1);
    wait.observe(ms / 8000);
    requests.inc();
    duration.observe(ms / 1000);
    http.inc();
  };
}

/** Nanoseconds a request. */
function measure(count: (ms: number) => void): number {
  const started = performance.now();
  for (let i = 0; i < requestsPerRound; i += 1) count(0.1 + (i % 64));
  return ((performance.now() - started) * 1e6) / requestsPerRound;
}

const variants = { ours: countWithOurs(), 'prom-client': countWithPromClient() };
const measured = Object.entries(variants).map(([name, count]) => ({
  name,
  count,
  nanoseconds: [] as number[],
}));
for (const { count } of measured) measure(count);
for (let round = 0; round < rounds; round += 1) {
  for (const { count, nanoseconds } of measured) nanoseconds.push(measure(count));
}
for (const { name, nanoseconds } of measured) {
  console.log(`${name.padEnd(12)} ${median(nanoseconds).toFixed(0).padStart(6)} ns a request`);
}
