/**
 * ModelConfigResponse: of Triton's ModelConfig the fields that perf_analyzer and tritonclient read.
 * Source: Triton's model_config.proto.
 */

import { many, message, one } from '../protobuf/small-message.ts';

const dataType = {
  numbers: {
    TYPE_INVALID: 0,
    TYPE_BOOL: 1,
    TYPE_UINT8: 2,
    TYPE_UINT16: 3,
    TYPE_UINT32: 4,
    TYPE_UINT64: 5,
    TYPE_INT8: 6,
    TYPE_INT16: 7,
    TYPE_INT32: 8,
    TYPE_INT64: 9,
    TYPE_FP16: 10,
    TYPE_FP32: 11,
    TYPE_FP64: 12,
    TYPE_STRING: 13,
    TYPE_BF16: 14,
  },
};

const inputFormat = { numbers: { FORMAT_NONE: 0, FORMAT_NHWC: 1, FORMAT_NCHW: 2 } };

const instanceKind = { numbers: { KIND_AUTO: 0, KIND_GPU: 1, KIND_CPU: 2, KIND_MODEL: 3 } };

const versionPolicy = message({
  latest: one(1, message({ num_versions: one(1, 'int') })),
  all: one(2, message({})),
  specific: one(3, message({ versions: many(1, 'int') })),
});

const input = message({
  name: one(1, 'string'),
  data_type: one(2, dataType),
  format: one(3, inputFormat),
  dims: many(4, 'int'),
  is_shape_tensor: one(6, 'bool'),
  allow_ragged_batch: one(7, 'bool'),
  optional: one(8, 'bool'),
});

const output = message({
  name: one(1, 'string'),
  data_type: one(2, dataType),
  dims: many(3, 'int'),
  label_filename: one(4, 'string'),
  is_shape_tensor: one(6, 'bool'),
});

const dynamicBatching = message({
  preferred_batch_size: many(1, 'int'),
  max_queue_delay_microseconds: one(2, 'int'),
});

const instanceGroup = message({
  name: one(1, 'string'),
  count: one(2, 'int'),
  kind: one(4, instanceKind),
});

const modelConfig = message({
  name: one(1, 'string'),
  platform: one(2, 'string'),
  version_policy: one(3, versionPolicy),
  max_batch_size: one(4, 'int'),
  input: many(5, input),
  output: many(6, output),
  instance_group: many(7, instanceGroup),
  default_model_filename: one(8, 'string'),
  dynamic_batching: one(11, dynamicBatching),
  backend: one(17, 'string'),
  model_transaction_policy: one(19, message({ decoupled: one(1, 'bool') })),
});

export const modelConfigResponse = message({ config: one(1, modelConfig) });
