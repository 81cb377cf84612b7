import { describe, expect, test } from 'vitest';
import type { VersionStatistics } from '../telemetry/version-totals.ts';
import { VersionTotals } from '../telemetry/version-totals.ts';
import { describeModel, describeRepository, findDescribed, readinessOf } from './describe-model.ts';
import { describeConfig } from './model-config.ts';
import { createFixedControl } from './model-control.ts';
import type { ModelRegistry } from './model-registry.ts';
import { createModelRegistry } from './model-registry.ts';
import { describeStatistics } from './model-statistics.ts';
import type { VersionStage } from './version.fixture.ts';
import { createReadyStage, createVersionStage } from './version.fixture.ts';

const simple = {
  name: 'simple',
  inputs: ['INPUT0', 'INPUT1'].map((name) => ({
    name,
    dtype: 'INT32' as const,
    shape: [null, 16],
  })),
  outputs: ['OUTPUT0', 'OUTPUT1'].map((name) => ({
    name,
    dtype: 'INT32' as const,
    shape: [null, 16],
  })),
};

function registryOf(...stages: readonly VersionStage[]): ModelRegistry {
  const models = stages.map(({ served }) => ({ model: served.model, versions: [served] }));
  return createModelRegistry(models, undefined);
}

describe('metadata', () => {
  test('is the signature, with -1 for what is open', async () => {
    const registry = registryOf(await createReadyStage(simple));
    const tensor = (name: string) => ({ name, datatype: 'INT32', shape: [-1, 16] });
    expect(describeModel(registry, 'simple', undefined)).toEqual({
      name: 'simple',
      versions: ['1'],
      platform: 'onnxruntime_onnx',
      inputs: [tensor('INPUT0'), tensor('INPUT1')],
      outputs: [tensor('OUTPUT0'), tensor('OUTPUT1')],
    });
  });

  test('is there before the model is, without a version that serves', () => {
    const registry = registryOf(createVersionStage(simple));
    expect(describeModel(registry, 'simple', '1')).toMatchObject({
      versions: [],
      inputs: [{}, {}],
    });
  });

  test('is refused for what is not there or cannot be read', () => {
    const registry = registryOf(
      createVersionStage(simple),
      createVersionStage({ name: 'broken', problem: new Error('no ONNX') as never }),
    );
    expect(() => findDescribed(registry, 'x', undefined)).toThrow(
      "Request for unknown model: 'x' is not found",
    );
    expect(() => findDescribed(registry, 'simple', '2')).toThrow('no version "2"');
    expect(() => findDescribed(registry, 'broken', undefined)).toThrow('FAILED: no ONNX');
  });
});

test('readiness is that of the version that a request would get', async () => {
  const registry = registryOf(await createReadyStage(simple), createVersionStage({ name: 'slow' }));
  expect(readinessOf(registry, 'simple', undefined)).toEqual({
    version: '1',
    state: 'READY',
    reason: undefined,
    ready: true,
  });
  expect(readinessOf(registry, 'slow', '1')).toMatchObject({ state: 'LOADING', ready: false });
});

test('the index has every version with its state and why', async () => {
  const registry = registryOf(
    await createReadyStage(simple),
    createVersionStage({ name: 'slow' }),
    createVersionStage({ name: 'broken', problem: new Error('no ONNX') as never }),
  );
  const ready = { name: 'simple', version: '1', state: 'READY', reason: '' };
  const control = createFixedControl(registry);
  expect(await describeRepository(control)).toEqual([
    ready,
    { name: 'slow', version: '1', state: 'LOADING', reason: '' },
    { name: 'broken', version: '1', state: 'UNAVAILABLE', reason: 'no ONNX' },
  ]);
  expect(await describeRepository(control, true)).toEqual([ready]);
  const unloaded = { name: 'old', version: '3', state: 'UNLOADED', reason: '' } as const;
  expect(await describeRepository({ index: async () => [unloaded] })).toEqual([
    { name: 'old', version: '3', state: 'UNAVAILABLE', reason: 'unloaded' },
  ]);
});

describe('the configuration', () => {
  test('leaves the batch dimension out of the shapes', async () => {
    const registry = registryOf(await createReadyStage(simple));
    expect(describeConfig(registry, 'simple', undefined)).toMatchObject({
      name: 'simple',
      platform: 'onnxruntime_onnx',
      backend: 'onnxruntime',
      max_batch_size: 8,
      input: [{ name: 'INPUT0', data_type: 'TYPE_INT32', dims: [16] }, { name: 'INPUT1' }],
      output: [{ name: 'OUTPUT0', data_type: 'TYPE_INT32', dims: [16] }, { name: 'OUTPUT1' }],
      instance_group: [{ kind: 'KIND_CPU', count: 1 }],
      model_transaction_policy: { decoupled: false },
    });
  });

  test('has no batch where the first dimension is fixed, and texts are TYPE_STRING', async () => {
    const texts = [{ name: 'texts', dtype: 'BYTES' as const, shape: [1, null] }];
    const stage = await createReadyStage({ name: 'texts', inputs: texts, outputs: texts });
    const config = describeConfig(registryOf(stage), 'texts', '1');
    expect(config).toMatchObject({
      max_batch_size: 0,
      input: [{ data_type: 'TYPE_STRING', dims: [1, -1] }],
    });
    expect(config).not.toHaveProperty('dynamic_batching');
  });

  test('says how requests are batched', async () => {
    const stage = await createReadyStage({
      ...simple,
      config: { batching: { acrossRequests: true, maxBatch: 32, maxDelayMs: 1.5 } },
    });
    expect(describeConfig(registryOf(stage), 'simple', undefined)).toMatchObject({
      max_batch_size: 32,
      dynamic_batching: { preferred_batch_size: [32], max_queue_delay_microseconds: 1500 },
    });
  });
});

describe('statistics', () => {
  const totals = new VersionTotals();
  totals.addRun(4, [1, 2], 5, 1234);
  totals.addRun(1, [0], 3, 5678);
  totals.addRequest('OK', 7);
  totals.addRequest('OK', 8);
  totals.addRequest('RUN_FAILED', 9);
  const read = (): VersionStatistics => totals;

  test('count requests by outcome, rows and runs, in nanoseconds', async () => {
    const registry = registryOf(await createReadyStage(simple));
    const [statistics, ...more] = describeStatistics(registry, read, 'simple');
    expect(more).toEqual([]);
    expect(statistics).toMatchObject({
      name: 'simple',
      version: '1',
      last_inference: 5678,
      inference_count: 5,
      execution_count: 2,
      inference_stats: {
        success: { count: 2, ns: 15e6 },
        fail: { count: 1, ns: 9e6 },
        queue: { count: 3, ns: 3e6 },
        compute_input: { count: 3, ns: 0 },
        compute_infer: { count: 3, ns: 13e6 },
        cache_hit: { count: 0, ns: 0 },
      },
    });
    expect(
      statistics?.batch_stats.map(({ batch_size, compute_infer }) => [batch_size, compute_infer]),
    ).toEqual([
      [1, { count: 1, ns: 3e6 }],
      [4, { count: 1, ns: 5e6 }],
    ]);
  });

  test('are zeros before the first request', async () => {
    const registry = registryOf(await createReadyStage(simple));
    expect(describeStatistics(registry, () => undefined)).toMatchObject([
      { last_inference: 0, inference_stats: { success: { count: 0, ns: 0 } }, batch_stats: [] },
    ]);
  });

  test('are refused for what is not there', async () => {
    const registry = registryOf(await createReadyStage(simple));
    expect(() => describeStatistics(registry, read, 'x')).toThrow('unknown model');
    expect(() => describeStatistics(registry, read, 'simple', '7')).toThrow('no version "7"');
  });

  test('tell a bounded number of batch sizes apart', () => {
    const many = new VersionTotals();
    for (let rows = 1; rows <= 1000; rows += 1) many.addRun(rows, [0], 1, 0);
    expect([many.batches.size, many.runs]).toEqual([256, 1000]);
  });
});

test('models are neither loaded nor unloaded unless that is allowed', async () => {
  const control = createFixedControl(registryOf());
  for (const verb of ['load', 'unload'] as const) {
    await expect(control[verb]('simple')).rejects.toThrow('--model-control explicit');
  }
});
