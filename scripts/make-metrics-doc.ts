/** Prints docs/metrics.md from the catalogue of metrics. */

import type { MetricDefinition } from '../src/telemetry/metric-catalogue.ts';
import { metricCatalogue } from '../src/telemetry/metric-catalogue.ts';

const definitions: [string, MetricDefinition][] = Object.entries(metricCatalogue);
const rows = definitions.map(
  ([name, { type, labels, help }]) =>
    `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(' ')} | ${help} |`,
);
const { buckets: seconds } = metricCatalogue.modelship_run_duration_seconds;
const { buckets: sizes } = metricCatalogue.modelship_run_rows;

console.log(`# Metrics

\`GET /metrics\` answers in Prometheus' text format. The table is made from \`src/telemetry/metric-catalogue.ts\`
(\`tools/node24 scripts/make-metrics-doc.ts\`), and a test compares the two.

| metric | type | labels | |
|---|---|---|---|
${rows.join('\n')}

Buckets of seconds: ${seconds.join(', ')}. Buckets of rows and requests: ${sizes.join(', ')}.

Beside these stand \`process_*\` and \`nodejs_*\`: CPU, memory, file descriptors, event loop and garbage collection of the
server's own process (not of the runners), as prom-client names them. They begin a second after the start.

## What counts when

- **A request** counts once, when its answer is made or it is refused, under one code: \`OK\` or one of
  [errors.md](errors.md). So a refusal has its reason in \`modelship_requests_total\`, and there is no second counter that
  could disagree. What HTTP refuses before a model is asked (an empty body, one too large, no memory for it, a wrong method) is only in
  \`modelship_http_requests_total\`; what is no HTTP at all is in neither.
- **Duration** counts requests that were held: answered, or failed with \`DEADLINE_EXCEEDED\`, \`RUN_FAILED\`, \`RUNNER_DIED\`
  or \`INTERNAL\`. It begins with the request's first line, so a slow upload is in it, as it is in the time limit.
- **A run** counts once, however many requests share it: \`modelship_run_duration_seconds_count\` is the number of runs,
  \`modelship_run_rows_sum\` the number of rows. Runs that fail are not in it.
- **A wait** counts once for each request in each run: a request with more rows than a run takes waits several times. Who
  gives up in the queue has no wait, only a code.
- A counter of a version is there with 0 from the start, so \`rate\` sees the first refusal too.
- Labels are bounded: models and versions are those on disk, codes those of the catalogue, routes the patterns of the
  paths (\`/models/:model/predict\`), runners the numbers from 0. Nothing in a request makes a new series.

## Questions and their PromQL

| question | expression |
|---|---|
| requests a second, by model | \`sum by (model) (rate(modelship_requests_total[5m]))\` |
| rows a second | \`sum by (model) (rate(modelship_run_rows_sum[5m]))\` |
| rows of a run, on average | \`sum by (model) (rate(modelship_run_rows_sum[5m])) / sum by (model) (rate(modelship_run_rows_count[5m]))\` |
| 99 of 100 requests take at most | \`histogram_quantile(0.99, sum by (model, le) (rate(modelship_request_duration_seconds_bucket[5m])))\` |
| why requests are refused | \`sum by (model, code) (rate(modelship_requests_total{code!="OK"}[5m]))\` |
| how full the queue is | \`modelship_queue_requests / modelship_queue_limit_requests\` |
| how busy the runners are | \`sum by (model) (rate(modelship_run_duration_seconds_sum[5m])) / sum by (model) (modelship_instances_serving)\` |
| memory of a model's runners, shared pages once | \`sum by (model) (modelship_runner_anonymous_memory_bytes) + max by (model) (modelship_runner_resident_memory_bytes - modelship_runner_anonymous_memory_bytes)\` |

## Alerts and a dashboard

- [prometheus/alerts.yaml](prometheus/alerts.yaml): a model that does not serve, a missing runner, a queue that fills,
  refusals, failures, a slow 99th percentile, restarts.
- [grafana/modelship.json](grafana/modelship.json): import it into Grafana (Dashboards → New → Import) and choose the
  Prometheus data source. It is made by \`scripts/make-dashboard.ts\`.

## Logs

Lines of JSON on standard error (shorter ones on a terminal), by \`--log-level\`:

| level | what |
|---|---|
| \`error\` | a model that does not load; an error that nobody foresaw, with its stack |
| \`warn\` | a runner that ended; what a runner says on its standard error; no cache |
| \`info\` | changes of state |
| \`debug\` | one line a request: \`requestId\`, \`method\`, \`url\`, \`status\`, \`ms\`; with a prediction \`model\`, \`version\`, \`queueMs\`, \`runMs\`; with a refusal \`code\`, \`error\` |

\`X-Request-Id\` (the caller's, or a new one) is in every line about a request and in its answer; so is \`traceparent\` when
the caller sent a valid one (W3C Trace Context).`);
