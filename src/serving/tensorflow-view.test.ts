import { describe, expect, test } from 'vitest';
import { ServingError } from '../errors.ts';
import type { Example } from '../protocol/tensorflow-serving/example.ts';
import type { InferenceRequest } from './inference-types.ts';
import { newLife } from './life.fixture.ts';
import type { ModelRegistry } from './model-registry.ts';
import { createModelRegistry } from './model-registry.ts';
import { settle } from './runner.fixture.ts';
import type { ServedVersion } from './served-version.ts';
import {
  runExamples,
  signatureNameOf,
  signaturesOf,
  statusOfModel,
  versionOf,
} from './tensorflow-view.ts';
import { createReadyStage, createVersionStage } from './version.fixture.ts';

function registryOf(...versions: ServedVersion[]): ModelRegistry {
  const [first] = versions as [ServedVersion];
  return createModelRegistry([{ model: first.model, versions }], undefined);
}

describe('the states of versions', () => {
  test('are those of TensorFlow Serving, the newest first', async () => {
    const problem = new ServingError('MODEL_FILE_INVALID', { path: 'x', problem: 'no' });
    const ready = await createReadyStage({ version: '1' });
    const loading = createVersionStage({ version: '2' });
    const failed = createVersionStage({ version: '3', problem });
    const registry = registryOf(ready.served, loading.served, failed.served);
    expect(statusOfModel(registry, 'test', undefined)).toEqual([
      { version: '3', state: 'END', problem: 'x is not a usable model: no.' },
      { version: '2', state: 'LOADING', problem: undefined },
      { version: '1', state: 'AVAILABLE', problem: undefined },
    ]);
    ready.runner.die('killed');
    await settle();
    expect(statusOfModel(registry, 'test', '1')).toMatchObject([{ state: 'LOADING' }]);
    await ready.served.stop();
    expect(statusOfModel(registry, 'test', '1')).toMatchObject([{ state: 'UNLOADING' }]);
  });

  test('of what is not there', () => {
    const registry = registryOf(createVersionStage().served);
    expect(() => statusOfModel(registry, 'other', undefined)).toThrow(
      expect.objectContaining({ code: 'MODEL_NOT_FOUND' }),
    );
    expect(() => statusOfModel(registry, 'test', '9')).toThrow(
      expect.objectContaining({ code: 'VERSION_NOT_FOUND' }),
    );
  });
});

test('an unknown label is told in TensorFlow Serving’s words, an unknown model is not that', async () => {
  const registry = registryOf((await createReadyStage()).served);
  expect(versionOf(registry, { model: 'test', version: '7' })).toBe('7');
  expect(versionOf(registry, { model: 'test' })).toBeUndefined();
  expect(() => versionOf(registry, { model: 'test', label: 'canary' })).toThrow(
    expect.objectContaining({
      code: 'TENSORFLOW_REQUEST_INVALID',
      message: 'Unrecognized servable version label: canary',
    }),
  );
  expect(() => versionOf(registry, { model: 'other', label: 'canary' })).toThrow(
    expect.objectContaining({ code: 'MODEL_NOT_FOUND' }),
  );
});

describe('examples', () => {
  const examples: Example[] = [new Map([['x', { kind: 'float', values: Float32Array.of(1, 2) }]])];

  async function run(method: 'classify' | 'regress', signature = ''): Promise<unknown> {
    const { served } = await createReadyStage();
    const asked: InferenceRequest[] = [];
    const service = {
      async infer(request: InferenceRequest) {
        asked.push(request);
        const inputs =
          typeof request.inputs === 'function' ? await request.inputs(served.signatures.graph) : [];
        expect(inputs).toMatchObject([{ name: 'x', dtype: 'FP32', shape: [1, 2] }]);
        const data = new Uint8Array(Float32Array.of(0.25, 0.75).buffer);
        return {
          model: 'test',
          version: '1',
          signature: served.signatures.graph,
          outputs: [{ name: 'y', dtype: 'FP32', shape: [1, 2], data }] as const,
          timings: { runMs: 0, queueMs: 0 },
        };
      },
    };
    const request = { served, model: 'test', signature, method, examples, life: newLife() };
    const { result } = await runExamples(service, request);
    expect(asked).toMatchObject([{ version: '1', signature: 'serving_default', outputs: ['y'] }]);
    return result;
  }

  test('are classified by the one float output', async () => {
    expect(await run('classify')).toEqual({
      method: 'classify',
      classes: [
        [
          { label: '', score: 0.25 },
          { label: '', score: 0.75 },
        ],
      ],
    });
  });

  test('have no value where the output has several', async () => {
    await expect(run('regress')).rejects.toThrow('either [batch_size] or [batch_size, 1]');
  });

  test('need a signature that there is', async () => {
    await expect(run('classify', 'other')).rejects.toMatchObject({ code: 'SIGNATURE_NOT_FOUND' });
  });
});

test('the default signature is meant by an empty name', async () => {
  const { served } = await createReadyStage();
  expect([signatureNameOf(undefined), signatureNameOf(''), signatureNameOf('a')]).toEqual([
    'serving_default',
    'serving_default',
    'a',
  ]);
  expect(signaturesOf(served).map(({ name }) => name)).toEqual(['serving_default']);
});
