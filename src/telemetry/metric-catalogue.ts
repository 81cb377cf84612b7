/**
 * Every metric of Modelship: name, type, labels and what it says. docs/metrics.md is made from it, and a
 * test holds the two and the text of /metrics together.
 *
 * No label has a value that a client can make up: models and versions are those on disk, codes those of
 * the error catalogue, routes the patterns of the server.
 */

export interface MetricDefinition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
  /** Upper bounds of a histogram's buckets, in the unit of its name. */
  readonly buckets?: readonly number[];
}

/** From a tiny model's 0.1 ms to half a minute. */
const seconds = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
  30,
];
const sizes = [1, 2, 4, 8, 16, 32, 64, 128, 256];

const version = ['model', 'version'] as const;
// Not `instance`: Prometheus gives every series a label of that name, the address it asked.
const runner = ['model', 'version', 'runner'] as const;

export const metricCatalogue = {
  modelship_build_info: {
    type: 'gauge',
    labels: ['version', 'runtime'],
    help: 'Always 1; the labels are the versions of Modelship and of ONNX Runtime.',
  },

  // Requests
  modelship_http_requests_total: {
    type: 'counter',
    labels: ['route', 'status', 'code'],
    help: 'HTTP requests answered, by pattern of the path, status and code (OK or that of the error). An unknown path has an empty route.',
  },
  modelship_grpc_requests_total: {
    type: 'counter',
    labels: ['method', 'status', 'code'],
    help: 'Calls over gRPC that ended, by method, gRPC status and code (OK or that of the error). Calls of unknown methods are not counted.',
  },
  modelship_requests_total: {
    type: 'counter',
    labels: ['model', 'version', 'code'],
    help: 'Requests for a prediction, by code: OK, or why it was refused or failed. One that meant no model or version of this server has empty labels there.',
  },
  modelship_request_duration_seconds: {
    type: 'histogram',
    labels: version,
    buckets: seconds,
    help: 'From the first line of a request to its answer, once a request that was answered or failed while it was held; refusals are not in it, so that they make nothing look fast.',
  },
  modelship_request_body_bytes: {
    type: 'gauge',
    labels: [],
    help: 'Memory that the bodies of all requests hold now, and the pictures that were fetched for them.',
  },
  modelship_request_body_limit_bytes: {
    type: 'gauge',
    labels: [],
    help: 'What they may hold before others are refused (--max-body-memory).',
  },

  // Queue
  modelship_queue_requests: {
    type: 'gauge',
    labels: version,
    help: 'Requests that wait for an instance.',
  },
  modelship_queue_bytes: {
    type: 'gauge',
    labels: version,
    help: 'Bytes of the inputs that wait.',
  },
  modelship_queue_limit_requests: {
    type: 'gauge',
    labels: version,
    help: 'Requests that may wait before others are refused (queue.maxRequests).',
  },
  modelship_queue_limit_bytes: {
    type: 'gauge',
    labels: version,
    help: 'Bytes that may wait before others are refused (queue.maxBytes).',
  },
  modelship_queue_wait_seconds: {
    type: 'histogram',
    labels: version,
    buckets: seconds,
    help: 'Waiting for a free instance, once for each request in each run that gave an answer.',
  },

  // Runs
  modelship_run_duration_seconds: {
    type: 'histogram',
    labels: version,
    buckets: seconds,
    help: 'Inside the runtime, once a run, however many requests share it.',
  },
  modelship_run_rows: {
    type: 'histogram',
    labels: version,
    buckets: sizes,
    help: 'Rows of a run (its batch size), once a run.',
  },
  modelship_run_requests: {
    type: 'histogram',
    labels: version,
    buckets: sizes,
    help: 'Requests that share a run, once a run.',
  },
  modelship_running_requests: {
    type: 'gauge',
    labels: version,
    help: 'Requests that are running; one with more rows than a run takes counts once a run.',
  },
  modelship_retries_total: {
    type: 'counter',
    labels: version,
    help: 'Requests that run once more, alone, because their run failed or its runner ended.',
  },

  // Models and runners
  modelship_model_ready: {
    type: 'gauge',
    labels: version,
    help: '1 when the version serves, else 0.',
  },
  modelship_model_load_seconds: {
    type: 'gauge',
    labels: ['model', 'version', 'phase'],
    help: 'What the latest load of a runner took, by phase: prepare (reading, converting and optimising beside what serves, when it came later), load (reading and optimising), warm_up, probe (may rows share a run), tune (how many pay).',
  },
  modelship_signature_load_seconds: {
    type: 'gauge',
    labels: ['model', 'version', 'signature', 'phase'],
    help: 'The same for the signatures of a converted model that are in a graph of their own, with runners of their own; signature: their names.',
  },
  modelship_model_load_failures_total: {
    type: 'counter',
    labels: ['model', 'version', 'code'],
    help: 'How often the version FAILED, by the code of the reason. A version that is retried may fail several times.',
  },
  modelship_traffic_ratio: {
    type: 'gauge',
    labels: version,
    help: 'The share, from 0 to 1, that it gets of the requests that name no version, as labels, traffic and what serves are now.',
  },
  modelship_shadow_requests_total: {
    type: 'counter',
    labels: ['model', 'version', 'result'],
    help: 'Copies of requests that the version ran as a shadow, by result: same (within the tolerance), different, failed, skipped (no room, or other inputs). They are in no other count of requests.',
  },
  modelship_instances_wanted: {
    type: 'gauge',
    labels: version,
    help: 'Runner processes that should serve.',
  },
  modelship_instances_serving: {
    type: 'gauge',
    labels: version,
    help: 'Runner processes that serve.',
  },
  modelship_runner_restarts_total: {
    type: 'counter',
    labels: ['model', 'version', 'cause'],
    help: 'Runner processes that had to be replaced, by cause: died (by itself or from outside), hung (silent while idle), overran (its run took too long), misbehaved (sent nonsense), load_failed.',
  },
  modelship_runner_resident_memory_bytes: {
    type: 'gauge',
    labels: runner,
    help: 'Memory of a runner that is in RAM, shared pages included (Linux only).',
  },
  modelship_runner_anonymous_memory_bytes: {
    type: 'gauge',
    labels: runner,
    help: 'The part of it that belongs to this runner alone; the rest are pages of files, such as weights, which runners of a model share (Linux only).',
  },
} as const satisfies Record<string, MetricDefinition>;

export type MetricName = keyof typeof metricCatalogue;
