/**
 * The messages of inference.GRPCInferenceService that hold no tensors, by their fields.
 * Source: Open Inference Protocol, GRPC, and Triton's extensions of it (statistics, model repository).
 */

import { many, mapOf, message, one } from '../protobuf/small-message.ts';

export const flagResponse = {
  live: message({ live: one(1, 'bool') }),
  ready: message({ ready: one(1, 'bool') }),
};

export const serverMetadata = message({
  name: one(1, 'string'),
  version: one(2, 'string'),
  extensions: many(3, 'string'),
});

/** ModelReadyRequest, ModelMetadataRequest, ModelConfigRequest and ModelStatisticsRequest are all alike. */
export const modelRequest = message({ name: one(1, 'string'), version: one(2, 'string') });

export interface ModelRequest {
  readonly name: string;
  readonly version: string;
}

const tensorMetadata = message({
  name: one(1, 'string'),
  datatype: one(2, 'string'),
  shape: many(3, 'int'),
});

export const modelMetadata = message({
  name: one(1, 'string'),
  versions: many(2, 'string'),
  platform: one(3, 'string'),
  inputs: many(4, tensorMetadata),
  outputs: many(5, tensorMetadata),
});

const duration = message({ count: one(1, 'int'), ns: one(2, 'int') });

const inferStatistics = message({
  success: one(1, duration),
  fail: one(2, duration),
  queue: one(3, duration),
  compute_input: one(4, duration),
  compute_infer: one(5, duration),
  compute_output: one(6, duration),
  cache_hit: one(7, duration),
  cache_miss: one(8, duration),
});

const batchStatistics = message({
  batch_size: one(1, 'int'),
  compute_input: one(2, duration),
  compute_infer: one(3, duration),
  compute_output: one(4, duration),
});

const modelStatistics = message({
  name: one(1, 'string'),
  version: one(2, 'string'),
  last_inference: one(3, 'int'),
  inference_count: one(4, 'int'),
  execution_count: one(5, 'int'),
  inference_stats: one(6, inferStatistics),
  batch_stats: many(7, batchStatistics),
});

export const statisticsResponse = message({ model_stats: many(1, modelStatistics) });

export const indexRequest = message({ repository_name: one(1, 'string'), ready: one(2, 'bool') });

export interface IndexRequest {
  readonly repository_name: string;
  readonly ready: boolean;
}

const indexEntry = message({
  name: one(1, 'string'),
  version: one(2, 'string'),
  state: one(3, 'string'),
  reason: one(4, 'string'),
});

export const indexResponse = message({ models: many(1, indexEntry) });

const repositoryParameter = message({
  bool_param: one(1, 'bool'),
  int64_param: one(2, 'int'),
  string_param: one(3, 'string'),
  bytes_param: one(4, 'bytes'),
});

/** RepositoryModelLoadRequest; the one to unload has the same fields. */
export const repositoryRequest = message({
  repository_name: one(1, 'string'),
  model_name: one(2, 'string'),
  parameters: mapOf(3, repositoryParameter),
});

export interface RepositoryRequest {
  readonly repository_name: string;
  readonly model_name: string;
  readonly parameters: Readonly<Record<string, { readonly string_param: string }>>;
}
