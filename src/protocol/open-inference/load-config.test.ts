import { describe, expect, test } from 'vitest';
import { parseLoadConfig } from './load-config.ts';

describe('a configuration that comes with a load says', () => {
  test.each<[string, unknown, unknown]>([
    ['nothing', {}, {}],
    ['how many rows may share a run', { max_batch_size: 16 }, { batching: { maxBatch: 16 } }],
    [
      'of which sizes runs should be',
      { max_batch_size: 16, dynamic_batching: { preferred_batch_size: [2, 4] } },
      { batching: { maxBatch: 4, maxDelayMs: 0 } },
    ],
    ['the same as protobuf writes it', { max_batch_size: '16' }, { batching: { maxBatch: 16 } }],
    ['that none may', { max_batch_size: 0 }, { batching: { acrossRequests: false } }],
    [
      'which versions',
      { backend: 'onnxruntime', version_policy: { specific: { versions: [2] } } },
      { versions: { policy: 'specific', list: [2], count: undefined } },
    ],
    [
      'how many of the newest',
      { version_policy: { latest: { num_versions: 2 } } },
      { versions: { policy: 'latest', count: 2, list: undefined } },
    ],
    [
      'all of them',
      { version_policy: { all: {} } },
      { versions: { policy: 'all', count: undefined, list: undefined } },
    ],
    [
      'how many instances',
      { instance_group: [{ kind: 'KIND_CPU', count: 2 }, { count: 1 }] },
      { instances: 3 },
    ],
    [
      'how long to wait for company, and how many may wait for how long',
      {
        dynamic_batching: {
          max_queue_delay_microseconds: 1500,
          default_queue_policy: { max_queue_size: 10, default_timeout_microseconds: 250_000 },
        },
      },
      { batching: { maxDelayMs: 1.5 }, queue: { maxRequests: 10, timeoutMs: 250 } },
    ],
    [
      'what GET /v2/models/m/config gives',
      {
        name: 'm',
        platform: 'onnxruntime_onnx',
        backend: 'onnxruntime',
        version_policy: { latest: { num_versions: 1 } },
        max_batch_size: 8,
        input: [{ name: 'x', data_type: 'TYPE_FP32', dims: [] }],
        output: [{ name: 'y', data_type: 'TYPE_FP32', dims: [] }],
        dynamic_batching: { preferred_batch_size: [8], max_queue_delay_microseconds: 0 },
        instance_group: [{ name: 'm', kind: 'KIND_CPU', count: 1 }],
        default_model_filename: 'model.onnx',
        model_transaction_policy: { decoupled: false },
      },
      {
        versions: { policy: 'latest', count: 1, list: undefined },
        instances: 1,
        batching: { maxBatch: 8, maxDelayMs: 0 },
      },
    ],
  ])('%s', (_, config, expected) => {
    expect(parseLoadConfig(JSON.stringify(config), 'm')).toEqual(expected);
  });
});

describe('a configuration is refused for', () => {
  test.each<[string, string, string, string]>([
    ['no JSON', '{', 'REPOSITORY_REQUEST_INVALID', 'parameters.config: expected the JSON'],
    ['a list', '[]', 'REPOSITORY_REQUEST_INVALID', 'parameters.config: body: expected an object'],
    [
      'another name',
      '{"name": "n"}',
      'REPOSITORY_REQUEST_INVALID',
      'parameters.config: name: expected "m", the model that is loaded',
    ],
    [
      'another backend',
      '{"backend": "python"}',
      'REPOSITORY_REQUEST_INVALID',
      'parameters.config: backend',
    ],
    [
      'a GPU',
      '{"instance_group": [{"kind": "KIND_GPU"}]}',
      'REPOSITORY_REQUEST_INVALID',
      'instance_group.0.kind: expected KIND_CPU: models run on the processor',
    ],
    [
      'a version policy of its own',
      '{"version_policy": {"newest": 1}}',
      'REPOSITORY_REQUEST_INVALID',
      'version_policy: expected {"latest": {"num_versions": 1}}',
    ],
    [
      'part of a row',
      '{"max_batch_size": 1.5}',
      'REPOSITORY_REQUEST_INVALID',
      'max_batch_size: expected a whole number',
    ],
    [
      'what nothing here stands for',
      '{"optimization": {}}',
      'FEATURE_UNSUPPORTED',
      '"optimization" in the configuration that comes with a load; it takes max_batch_size',
    ],
  ])('%s', (_, text, code, message) => {
    expect(() => parseLoadConfig(text, 'm')).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    );
  });
});
