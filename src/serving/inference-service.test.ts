import { describe, expect, test } from 'vitest';
import { parseModelYaml } from '../config/model-yaml.ts';
import { ServingError } from '../errors.ts';
import type { Picture } from '../image/picture-reader.ts';
import type { NamedTensor } from '../tensor/tensor.ts';
import type { Account, InferenceService } from './inference-service.ts';
import { createInferenceService } from './inference-service.ts';
import { newLife } from './life.fixture.ts';
import { createModelRegistry } from './model-registry.ts';
import type { PictureSource } from './run-pictures.ts';
import { refusal, settle } from './runner.fixture.ts';
import type { VersionStage } from './version.fixture.ts';
import { createReadyStage, createVersionStage } from './version.fixture.ts';

const x: NamedTensor = { name: 'x', dtype: 'FP32', shape: [1, 2], data: new Uint8Array(8) };

const pixels: Picture = { data: new Uint8Array(4), width: 2, height: 2, channels: 1 };

function createService(
  stages: readonly VersionStage[],
  options: { strictReady?: boolean; pictures?: PictureSource } = {},
): { service: InferenceService; accounts: Account[] } {
  const accounts: Account[] = [];
  const registry = createModelRegistry(
    stages.map(({ served }) => ({ model: served.model, versions: [served] })),
    undefined,
  );
  const service = createInferenceService({
    registry,
    pictures: options.pictures ?? { read: async () => pixels },
    strictReady: options.strictReady ?? false,
    onAccount: (account) => accounts.push(account),
  });
  return { service, accounts };
}

const output = { index: 0, dtype: 'FP32', shape: [1, 2], chunks: [new Uint8Array(8)] } as const;
const picture = { bytes: new Uint8Array(1), where: 'the picture' };

const pictureStage = (): Promise<VersionStage> =>
  createReadyStage({
    inputs: [{ name: 'x', dtype: 'FP32', shape: [null, 1, 2, 2] }],
    config: parseModelYaml('input: {color: gray, scale: 1}', 'model.yaml'),
  });

describe('an inference', () => {
  test('gives the outputs by name, with the model and version that answered', async () => {
    const stage = await createReadyStage();
    const { service } = createService([stage]);
    const asked = service.infer({ model: 'test', inputs: [x], life: newLife() });
    await settle();
    stage.runner.runs[0]?.finish([output]);
    expect(await asked).toMatchObject({
      model: 'test',
      version: '1',
      outputs: [{ name: 'y', dtype: 'FP32', shape: [1, 2] }],
    });
  });

  test('gives only the wanted outputs, in the order in which they were asked for', async () => {
    const names = ['a', 'b', 'c'];
    const outputs = names.map((name) => ({ name, dtype: 'FP32', shape: [null, 2] }) as const);
    const stage = await createReadyStage({ outputs });
    const { service } = createService([stage]);
    const asked = service.infer({
      model: 'test',
      inputs: [x],
      outputs: ['c', 'a'],
      life: newLife(),
    });
    await settle();
    const [run] = stage.runner.runs;
    expect(run?.wanted).toBe(0b101);
    run?.finish([
      { ...output, index: 0 },
      { ...output, index: 2 },
    ]);
    expect((await asked).outputs.map(({ name }) => name)).toEqual(['c', 'a']);
  });
});

describe('each request is accounted for exactly once:', () => {
  test.each<[string, (stage: VersionStage) => void]>([
    ['OK', ({ runner }) => runner.runs[0]?.finish([output])],
    [
      'RUN_FAILED',
      ({ runner }) =>
        runner.runs[0]?.fail(new ServingError('RUN_FAILED', { model: 'test', problem: 'no' })),
    ],
    ['INTERNAL', ({ runner }) => runner.runs[0]?.fail(new TypeError('a bug'))],
  ])('%s', async (code, end) => {
    const stage = await createReadyStage();
    const { service, accounts } = createService([stage]);
    const asked = service.infer({ model: 'test', inputs: [x], life: newLife() });
    asked.catch(() => {});
    await settle();
    end(stage);
    await asked.catch(() => {});
    expect(accounts).toEqual([expect.objectContaining({ model: 'test', version: '1', code })]);
  });

  test('REQUEST_CANCELLED, not again when its run ends', async () => {
    const stage = await createReadyStage();
    const { service, accounts } = createService([stage]);
    const life = newLife();
    const asked = service.infer({ model: 'test', inputs: [x], life });
    asked.catch(() => {});
    await settle();
    life.end(new ServingError('REQUEST_CANCELLED', {}));
    stage.runner.runs[0]?.finish([output]);
    await settle();
    expect(accounts.map(({ code }) => code)).toEqual(['REQUEST_CANCELLED']);
  });

  test('INPUT_MISSING, without a run', async () => {
    const stage = await createReadyStage();
    const { service, accounts } = createService([stage]);
    const asked = service.infer({ model: 'test', inputs: [], life: newLife() });
    await expect(asked).rejects.toMatchObject({ code: 'INPUT_MISSING' });
    expect([accounts.length, stage.runner.runs]).toEqual([1, []]);
  });

  test('what reading its pictures throws', async () => {
    const { service, accounts } = createService([await pictureStage()]);
    const pictures = () => Promise.reject(new ServingError('URL_DISABLED', {}));
    const asked = service.predict({ pictures, life: newLife() });
    await expect(asked).rejects.toMatchObject({ code: 'URL_DISABLED' });
    expect(accounts.map(({ code }) => code)).toEqual(['URL_DISABLED']);
  });

  test('an unknown model is counted, under no name that a client made up', async () => {
    const { service, accounts } = createService([await createReadyStage()]);
    const asked = service.infer({ model: 'other', inputs: [x], life: newLife() });
    await expect(asked).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
    expect(accounts).toEqual([{ model: '', version: '', code: 'MODEL_NOT_FOUND', totalMs: 0 }]);
  });
});

describe('a drain', () => {
  test('answers what is in flight, refuses what comes, then ends the runners', async () => {
    const stage = await createReadyStage();
    const { service } = createService([stage]);
    const running = service.infer({ model: 'test', inputs: [x], life: newLife() });
    const waiting = service.infer({ model: 'test', inputs: [x], life: newLife() });
    await settle();
    const draining = service.drain();
    const late = service.infer({ model: 'test', inputs: [x], life: newLife() });
    await expect(late).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
    for (let i = 0; i < 2; i += 1) {
      stage.runner.runs[0]?.finish([output]);
      await settle();
    }
    expect([await running, await waiting]).toHaveLength(2);
    await draining;
    expect([stage.runner.dead, stage.served.state]).toEqual([true, 'UNLOADING']);
  });

  test('waits for pictures that are still fetched or decoded', async () => {
    const stage = await pictureStage();
    const fetched = Promise.withResolvers<readonly (typeof picture)[]>();
    const decoded = Promise.withResolvers<Picture>();
    const { service } = createService([stage], { pictures: { read: () => decoded.promise } });
    const asked = service.predict({ pictures: () => fetched.promise, life: newLife() });
    const draining = service.drain();
    await settle();
    fetched.resolve([picture]);
    await settle();
    decoded.resolve(pixels);
    await settle();
    expect(stage.runner.dead).toBe(false);
    stage.runner.runs[0]?.finish([output]);
    expect((await asked).results).toHaveLength(1);
    await draining;
    expect(stage.runner.dead).toBe(true);
  });

  test('ends when what is in flight fails', async () => {
    const stage = await createReadyStage();
    const { service } = createService([stage]);
    const asked = service.infer({ model: 'test', inputs: [x], life: newLife() });
    asked.catch(() => {});
    await settle();
    const draining = service.drain();
    stage.runner.runs[0]?.fail(new Error('no'));
    await draining;
    await expect(asked).rejects.toThrow('no');
  });
});

describe('readiness', () => {
  test('waits for the first load of every model, and wants one that serves', async () => {
    const loading = createVersionStage({ name: 'loading' });
    const { service } = createService([await createReadyStage(), loading]);
    expect(service.ready).toBe(false);
    const starting = loading.served.start();
    await settle();
    loading.runner.loadFails(refusal('no'));
    await starting;
    expect(service.ready).toBe(true);
  });

  test('does not wait for ever for a model whose runner dies at every start', async () => {
    const crashing = createVersionStage({ name: 'crashing' });
    const { service } = createService([await createReadyStage(), crashing]);
    void crashing.served.start();
    await settle();
    for (let death = 1; death <= 5; death += 1) {
      expect(service.ready).toBe(false);
      crashing.runner.die('killed by SIGSEGV');
      await settle();
      crashing.clock.advance(30_000);
    }
    expect(service.ready).toBe(true);
  });

  test('wants all of them with --strict-ready', async () => {
    const problem = new ServingError('MODEL_FILE_INVALID', { path: 'x', problem: 'no' });
    const stages = [await createReadyStage(), createVersionStage({ name: 'broken', problem })];
    expect(createService(stages, { strictReady: true }).service.ready).toBe(false);
    expect(createService(stages.slice(0, 1), { strictReady: true }).service.ready).toBe(true);
    expect(createService([], { strictReady: true }).service.ready).toBe(false);
  });

  test('ends with the announcement of a shutdown, while requests are still answered', async () => {
    const stage = await createReadyStage();
    const { service } = createService([stage]);
    service.announceShutdown();
    expect(service.ready).toBe(false);
    const asked = service.infer({ model: 'test', inputs: [x], life: newLife() });
    await settle();
    stage.runner.runs[0]?.finish([output]);
    expect((await asked).outputs).toHaveLength(1);
  });

  test('is lost with the last runner and comes back with the next', async () => {
    const stage = await createReadyStage();
    const { service } = createService([stage]);
    stage.runner.die('killed');
    await settle();
    expect(service.ready).toBe(false);
    stage.clock.advance(100);
    stage.runner.loaded();
    await settle();
    expect(service.ready).toBe(true);
  });
});
