/**
 * What Open Inference REST answers, as schemas: the API's description is made of them, and the contract
 * tests hold real answers to them. Not on the path of a request.
 */

import { z } from 'zod';
import { dtypes } from '../../tensor/dtype.ts';

const datatype = z.enum(dtypes);
const count = z.int().min(0);
const wireShape = z.array(z.int().min(-1)).describe('-1: the model leaves the dimension open');

const tensorMetadata = z.strictObject({ name: z.string(), datatype, shape: wireShape });

export const errorShape = z.strictObject({
  error: z.string().describe('what was wrong, where, what was expected, what to do'),
  code: z.string().describe('stable; docs/errors.md lists all'),
});

export const liveShape = z.strictObject({ live: z.boolean() });
export const readyShape = z.strictObject({ ready: z.boolean() });

export const modelReadyShape = z.strictObject({
  name: z.string(),
  version: z.string(),
  ready: z.boolean(),
  state: z.enum(['LOADING', 'READY', 'UNAVAILABLE', 'FAILED', 'UNLOADING']),
  reason: z.string().nullable(),
});

export const serverMetadataShape = z.strictObject({
  name: z.string(),
  version: z.string(),
  extensions: z.array(z.string()),
});

export const modelMetadataShape = z.strictObject({
  name: z.string(),
  versions: z.array(z.string()).describe('those that serve'),
  platform: z.string(),
  inputs: z.array(tensorMetadata),
  outputs: z.array(tensorMetadata),
});

const element = z.union([z.number(), z.boolean(), z.string()]);

export const inferAnswerShape = z.strictObject({
  id: z.string().optional().describe('as in the request'),
  model_name: z.string(),
  model_version: z.string(),
  outputs: z.array(
    z.strictObject({
      name: z.string(),
      datatype,
      shape: z.array(count),
      parameters: z.strictObject({ binary_data_size: count }).optional(),
      data: z
        .array(element)
        .optional()
        .describe('flat; NaN and infinities are bare words; absent for binary data'),
    }),
  ),
});

const configTensor = {
  name: z.string(),
  data_type: z.string().describe('TYPE_FP32, …; TYPE_STRING is BYTES'),
  dims: wireShape.describe('without the batch dimension where max_batch_size is not 0'),
  is_shape_tensor: z.boolean(),
};

export const modelConfigShape = z.strictObject({
  name: z.string(),
  platform: z.string(),
  backend: z.string(),
  version_policy: z.union([
    z.strictObject({ latest: z.strictObject({ num_versions: count }) }),
    z.strictObject({ all: z.strictObject({}) }),
    z.strictObject({ specific: z.strictObject({ versions: z.array(count) }) }),
  ]),
  max_batch_size: count.describe(
    '0: shapes have no batch dimension. Larger requests are taken too',
  ),
  input: z.array(
    z.strictObject({
      ...configTensor,
      format: z.string(),
      allow_ragged_batch: z.boolean(),
      optional: z.boolean(),
    }),
  ),
  output: z.array(z.strictObject({ ...configTensor, label_filename: z.string() })),
  dynamic_batching: z
    .strictObject({
      preferred_batch_size: z.array(count),
      max_queue_delay_microseconds: count,
    })
    .optional(),
  instance_group: z.array(z.strictObject({ name: z.string(), kind: z.string(), count })),
  default_model_filename: z.string(),
  model_transaction_policy: z.strictObject({ decoupled: z.boolean() }),
});

const duration = z.strictObject({ count, ns: count });
const compute = { compute_input: duration, compute_infer: duration, compute_output: duration };

export const statisticsShape = z.strictObject({
  model_stats: z.array(
    z.strictObject({
      name: z.string(),
      version: z.string(),
      last_inference: count.describe('milliseconds since 1970'),
      inference_count: count.describe('rows'),
      execution_count: count.describe('runs'),
      inference_stats: z.strictObject({
        success: duration,
        fail: duration,
        queue: duration,
        ...compute,
        cache_hit: duration,
        cache_miss: duration,
      }),
      batch_stats: z.array(z.strictObject({ batch_size: count, ...compute })),
    }),
  ),
});

export const repositoryIndexShape = z.array(
  z.strictObject({
    name: z.string(),
    version: z.string(),
    state: z.enum(['READY', 'UNAVAILABLE', 'LOADING', 'UNLOADING']),
    reason: z.string(),
  }),
);
