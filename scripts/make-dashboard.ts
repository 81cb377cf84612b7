/** Prints docs/grafana/modelship.json: the dashboard's rows and panels, and what Grafana wants around them. */

interface Query {
  readonly expr: string;
  readonly legend: string;
}

interface PanelSpec {
  readonly title: string;
  readonly description?: string;
  /** Grafana's name of the unit. */
  readonly unit: string;
  readonly queries: readonly Query[];
  readonly max?: number;
}

interface RowSpec {
  readonly title: string;
  readonly panels: readonly PanelSpec[];
}

const model = 'model=~"$model"';
const refused = 'QUEUE_FULL|DEADLINE_UNREACHABLE';
const failed = 'DEADLINE_EXCEEDED|RUN_FAILED|RUNNER_DIED|INTERNAL';

const rateBy = (labels: string, metric: string, filter = model): string =>
  `sum by (${labels}) (rate(${metric}{${filter}}[$__rate_interval]))`;

const ratio = (above: string, below: string): string => `${above} / ${below}`;

function quantiles(metric: string): Query[] {
  const buckets = rateBy('model, le', `${metric}_bucket`);
  return ([50, 95, 99] as const).map((percent) => ({
    expr: `histogram_quantile(${percent / 100}, ${buckets})`,
    legend: `{{model}} p${percent}`,
  }));
}

const rows: readonly RowSpec[] = [
  {
    title: 'Traffic',
    panels: [
      {
        title: 'Requests, by model',
        unit: 'reqps',
        queries: [{ expr: rateBy('model', 'modelship_requests_total'), legend: '{{model}}' }],
      },
      {
        title: 'Rows through the runtime',
        description: 'Pictures or rows of tensors.',
        unit: 'rows/s',
        queries: [{ expr: rateBy('model', 'modelship_run_rows_sum'), legend: '{{model}}' }],
      },
      {
        title: 'Versions that serve',
        description: '1: it serves. 0: it loads, failed, or all its runners ended.',
        unit: 'none',
        max: 1,
        queries: [
          {
            expr: `min by (model, version) (modelship_model_ready{${model}})`,
            legend: '{{model}} {{version}}',
          },
        ],
      },
    ],
  },
  {
    title: 'Latency',
    panels: [
      {
        title: 'From first line to answer',
        description: 'Requests that were held; refusals are not in it.',
        unit: 's',
        queries: quantiles('modelship_request_duration_seconds'),
      },
      {
        title: 'Wait for a free runner',
        unit: 's',
        queries: quantiles('modelship_queue_wait_seconds'),
      },
      {
        title: 'Run',
        description: 'Inside the runtime, once a run.',
        unit: 's',
        queries: quantiles('modelship_run_duration_seconds'),
      },
    ],
  },
  {
    title: 'Queue and batching',
    panels: [
      {
        title: 'Requests that wait and run',
        unit: 'short',
        queries: [
          {
            expr: `sum by (model) (modelship_queue_requests{${model}})`,
            legend: '{{model}} waiting',
          },
          {
            expr: `sum by (model) (modelship_running_requests{${model}})`,
            legend: '{{model}} running',
          },
        ],
      },
      {
        title: 'How full the queues are',
        description: 'By requests and by bytes; at 100% others are refused.',
        unit: 'percentunit',
        max: 1,
        queries: ['requests', 'bytes'].map((unit) => ({
          expr: `max by (model) (modelship_queue_${unit}{${model}} / modelship_queue_limit_${unit}{${model}})`,
          legend: `{{model}} ${unit}`,
        })),
      },
      {
        title: 'Rows and requests of a run, on average',
        unit: 'short',
        queries: ['rows', 'requests'].map((unit) => ({
          expr: ratio(
            rateBy('model', `modelship_run_${unit}_sum`),
            rateBy('model', `modelship_run_${unit}_count`),
          ),
          legend: `{{model}} ${unit}`,
        })),
      },
    ],
  },
  {
    title: 'Refusals and errors',
    panels: [
      {
        title: 'Not answered, by code',
        unit: 'reqps',
        queries: [
          {
            expr: rateBy('model, code', 'modelship_requests_total', `${model}, code!="OK"`),
            legend: '{{model}} {{code}}',
          },
        ],
      },
      {
        title: 'Share refused and failed',
        description:
          'Refused: more load than the model takes. Failed: it was held and not answered.',
        unit: 'percentunit',
        queries: [
          ['refused', refused],
          ['failed', failed],
        ].map(([word, codes]) => ({
          expr: ratio(
            rateBy('model', 'modelship_requests_total', `${model}, code=~"${codes}"`),
            rateBy('model', 'modelship_requests_total'),
          ),
          legend: `{{model}} ${word}`,
        })),
      },
      {
        title: 'Memory of request bodies',
        description: 'Of the whole server; at 100% others are refused (BODY_MEMORY_FULL).',
        unit: 'percentunit',
        max: 1,
        queries: [
          {
            expr: 'modelship_request_body_bytes / modelship_request_body_limit_bytes',
            legend: '{{instance}}',
          },
        ],
      },
      {
        title: 'Answers over HTTP and gRPC, by status',
        description: 'Of the whole server, pages and probes included.',
        unit: 'reqps',
        queries: [
          {
            expr: 'sum by (status) (rate(modelship_http_requests_total[$__rate_interval]))',
            legend: '{{status}}',
          },
          {
            expr: 'sum by (status) (rate(modelship_grpc_requests_total[$__rate_interval]))',
            legend: 'gRPC {{status}}',
          },
        ],
      },
    ],
  },
  {
    title: 'Versions',
    panels: [
      {
        title: 'Traffic by version',
        description: 'The share of the requests that name no version.',
        unit: 'percentunit',
        queries: [
          {
            expr: `avg by (model, version) (modelship_traffic_ratio{${model}})`,
            legend: '{{model}} {{version}}',
          },
        ],
      },
      {
        title: 'Shadow copies, by result',
        unit: 'short',
        queries: [
          {
            expr: `sum by (model, version, result) (increase(modelship_shadow_requests_total{${model}}[$__rate_interval]))`,
            legend: '{{model}} {{version}} {{result}}',
          },
        ],
      },
      {
        title: 'Failed loads',
        unit: 'short',
        queries: [
          {
            expr: `sum by (model, version, code) (increase(modelship_model_load_failures_total{${model}}[$__rate_interval]))`,
            legend: '{{model}} {{version}} {{code}}',
          },
        ],
      },
    ],
  },
  {
    title: 'Runners',
    panels: [
      {
        title: 'Replaced, and requests that ran again',
        unit: 'short',
        queries: [
          {
            expr: `sum by (model, cause) (increase(modelship_runner_restarts_total{${model}}[$__rate_interval]))`,
            legend: '{{model}} {{cause}}',
          },
          {
            expr: `sum by (model) (increase(modelship_retries_total{${model}}[$__rate_interval]))`,
            legend: '{{model}} retries',
          },
        ],
      },
      {
        title: 'Serving and busy',
        description: 'Runners wanted, serving, and how many of them are inside the runtime.',
        unit: 'short',
        queries: [
          {
            expr: `sum by (model) (modelship_instances_wanted{${model}})`,
            legend: '{{model}} wanted',
          },
          {
            expr: `sum by (model) (modelship_instances_serving{${model}})`,
            legend: '{{model}} serving',
          },
          { expr: rateBy('model', 'modelship_run_duration_seconds_sum'), legend: '{{model}} busy' },
        ],
      },
      {
        title: 'Memory',
        description:
          'RSS counts the pages that runners share once for each; "own" is what one has alone.',
        unit: 'bytes',
        queries: [
          ['RSS', 'resident'],
          ['own', 'anonymous'],
        ].map(([word, kind]) => ({
          expr: `modelship_runner_${kind}_memory_bytes{${model}}`,
          legend: `{{model}} {{version}} #{{runner}} ${word}`,
        })),
      },
      {
        title: 'Load, by phase',
        unit: 's',
        queries: [
          {
            expr: `max by (model, version, phase) (modelship_model_load_seconds{${model}})`,
            legend: '{{model}} {{version}} {{phase}}',
          },
          {
            expr: `max by (model, version, signature, phase) (modelship_signature_load_seconds{${model}})`,
            legend: '{{model}} {{version}} {{signature}} {{phase}}',
          },
        ],
      },
      {
        title: 'Event loop of the server, 99 of 100',
        description: 'What answers waits behind this.',
        unit: 's',
        queries: [
          {
            expr: 'max by (instance) (nodejs_eventloop_lag_p99_seconds * on (instance) group_left () modelship_build_info)',
            legend: '{{instance}}',
          },
        ],
      },
      {
        title: 'CPU and memory of the server process',
        description: 'Cores, and RSS in GiB; runners apart.',
        unit: 'short',
        queries: [
          {
            expr: 'sum by (instance) (rate(process_cpu_seconds_total[$__rate_interval]) * on (instance) group_left () modelship_build_info)',
            legend: '{{instance}} cores',
          },
          {
            expr: 'sum by (instance) (process_resident_memory_bytes * on (instance) group_left () modelship_build_info) / 1024 ^ 3',
            legend: '{{instance}} GiB',
          },
        ],
      },
    ],
  },
];

const width = 8;
const height = 8;
const perLine = 24 / width;
// biome-ignore lint/suspicious/noTemplateCurlyInString: how Grafana names a variable
const datasource = { type: 'prometheus', uid: '${datasource}' };
let id = 0;
let y = 0;

function toPanel({ title, description, unit, queries, max }: PanelSpec, index: number): object {
  id += 1;
  return {
    id,
    type: 'timeseries',
    title,
    ...(description ? { description } : {}),
    datasource,
    gridPos: {
      x: (index % perLine) * width,
      y: y + Math.floor(index / perLine) * height,
      w: width,
      h: height,
    },
    fieldConfig: { defaults: { unit, min: 0, ...(max ? { max } : {}) }, overrides: [] },
    options: { legend: { displayMode: 'list', placement: 'bottom' }, tooltip: { mode: 'multi' } },
    targets: queries.map(({ expr, legend }, i) => ({
      refId: String.fromCharCode(65 + i),
      datasource,
      expr,
      legendFormat: legend,
    })),
  };
}

function toRow({ title, panels }: RowSpec): object[] {
  id += 1;
  const row = {
    id,
    type: 'row',
    title,
    collapsed: false,
    gridPos: { x: 0, y, w: 24, h: 1 },
    panels: [],
  };
  y += 1;
  const made = panels.map(toPanel);
  y += Math.ceil(panels.length / perLine) * height;
  return [row, ...made];
}

const variables = [
  { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' },
  {
    name: 'model',
    label: 'Model',
    type: 'query',
    datasource,
    query: { query: 'label_values(modelship_model_ready, model)', refId: 'models' },
    refresh: 2,
    sort: 1,
    multi: true,
    includeAll: true,
    current: { selected: true, text: ['All'], value: ['$__all'] },
  },
];

console.log(
  JSON.stringify(
    {
      title: 'Modelship',
      uid: 'modelship',
      description: 'Traffic, latency, queues, refusals and runners of Modelship servers.',
      tags: ['modelship'],
      schemaVersion: 39,
      version: 1,
      editable: true,
      graphTooltip: 1,
      refresh: '30s',
      time: { from: 'now-1h', to: 'now' },
      templating: { list: variables },
      panels: rows.flatMap(toRow),
    },
    undefined,
    2,
  ),
);
