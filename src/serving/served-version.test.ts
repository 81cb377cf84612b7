import { describe, expect, test } from 'vitest';
import { ServingError } from '../errors.ts';
import type { FrameTensor } from '../runner/frames.ts';
import { newLife } from './life.fixture.ts';
import { order, refusal, settle } from './runner.fixture.ts';

import type { VersionStage } from './version.fixture.ts';
import { createReadyStage, createVersionStage } from './version.fixture.ts';
import type { PreparedVersion } from './version-preparation.ts';
import type { RunAnswer } from './version-queue.ts';

describe('the states of a version:', () => {
  test('it is LOADING, READY, UNAVAILABLE without a runner, and READY with the next', async () => {
    const stage = createVersionStage();
    expect(stage.served.state).toBe('LOADING');
    const starting = stage.served.start();
    await settle();
    stage.runner.loaded();
    await starting;
    expect([stage.served.state, stage.served.instanceCount]).toEqual(['READY', 1]);
    stage.runner.die('killed by SIGKILL');
    await settle();
    expect([stage.served.state, stage.served.reason]).toEqual([
      'UNAVAILABLE',
      'its runner ended (killed by SIGKILL)',
    ]);
    stage.clock.advance(100);
    stage.runner.loaded();
    await settle();
    expect([stage.served.state, stage.served.reason]).toEqual(['READY', undefined]);
    expect(stage.events).toEqual([
      'state READY',
      'runner-ready READY',
      'runner-gone READY',
      'state UNAVAILABLE',
      'state READY',
      'runner-ready READY',
    ]);
  });

  test('it is LOADING with what its preparation does as the reason', async () => {
    const over = Promise.withResolvers<PreparedVersion>();
    let note = (_phase: string): void => {};
    const stage = createVersionStage({
      prepare({ onPhase }) {
        note = onPhase;
        return over.promise;
      },
    });
    const starting = stage.served.start();
    note('converting');
    expect([stage.served.state, stage.served.reason]).toEqual(['LOADING', 'converting']);
    const { version, pictures, scores } = stage.served;
    over.resolve({ version, pictures, scores });
    await settle();
    expect([stage.served.state, stage.served.reason]).toEqual(['LOADING', undefined]);
    stage.runner.loaded();
    await starting;
    note('too late');
    expect([stage.served.state, stage.served.reason]).toEqual(['READY', undefined]);
  });

  test('it is gone once: when it has stopped, or its preparation failed', async () => {
    const gone: string[] = [];
    const onGone = ({ version }: { version: string }): void => void gone.push(version);
    const serving = await createReadyStage({ onGone });
    expect(gone).toEqual([]);
    await serving.served.stop();
    await serving.served.stop();
    expect(gone).toEqual(['1']);
    const prepare = (): Promise<PreparedVersion> => Promise.reject(new Error('it is broken'));
    const broken = createVersionStage({ version: '2', prepare, onGone });
    await broken.served.start();
    expect([broken.served.state, broken.served.reason]).toEqual(['FAILED', 'it is broken']);
    await broken.served.stop();
    expect(gone).toEqual(['1', '2']);
  });

  test('it stays READY while one of its runners lives', async () => {
    const { served, runners } = await createReadyStage({ instances: 2 });
    runners[0]?.die('killed');
    await settle();
    expect([served.state, served.instanceCount]).toEqual(['READY', 1]);
  });

  test('it is FAILED when the runtime refuses it', async () => {
    const stage = createVersionStage();
    const starting = stage.served.start();
    await settle();
    const refused = refusal('no such operator');
    stage.runner.loadFails(refused);
    await starting;
    expect([stage.served.state, stage.served.reason]).toEqual(['FAILED', refused.message]);
    expect([stage.runner.dead, stage.events]).toEqual([true, ['state FAILED']]);
  });

  test('it is LOADING with the reason while its runner dies at start, FAILED after five, READY when one loads', async () => {
    const stage = createVersionStage();
    let started = false;
    const starting = stage.served.start().then(() => {
      started = true;
    });
    await settle();
    const why = 'its runner ended before it served (killed by SIGSEGV); another is tried';
    for (let death = 1; death <= 6; death += 1) {
      stage.runner.die('killed by SIGSEGV');
      await settle();
      const state = death < 5 ? 'LOADING' : 'FAILED';
      expect([stage.served.state, stage.served.reason]).toEqual([state, why]);
      expect(started).toBe(death >= 5);
      await expect(stage.served.run({ inputs: [], wanted: 0 }, newLife())).rejects.toMatchObject({
        code: 'MODEL_NOT_READY',
      });
      stage.clock.advance(30_000);
    }
    await starting;
    stage.runner.loaded();
    await settle();
    expect([stage.served.state, stage.served.reason]).toEqual(['READY', undefined]);
    expect(stage.events.filter((event) => event.startsWith('state'))).toEqual([
      'state FAILED',
      'state READY',
    ]);
  });

  test('it is FAILED when none of the runners that replace one loads, and refuses instead of waiting', async () => {
    const stage = await createReadyStage();
    stage.runner.die('killed');
    await settle();
    const waiting = stage.served
      .run({ inputs: [], wanted: 0 }, newLife())
      .catch((error: unknown) => error);
    for (let death = 1; death <= 5; death += 1) {
      expect([stage.served.state, stage.served.waiting]).toEqual(['UNAVAILABLE', 1]);
      stage.clock.advance(30_000);
      stage.runner.die('killed again');
      await settle();
    }
    expect([stage.served.state, stage.served.waiting]).toEqual(['FAILED', 0]);
    expect(await waiting).toMatchObject({ code: 'MODEL_NOT_READY' });
    stage.clock.advance(30_000);
    stage.runner.loaded();
    await settle();
    expect(stage.served.state).toBe('READY');
  });

  test('it is UNAVAILABLE when all its idle runners hang, and READY with the next', async () => {
    const stage = await createReadyStage({ instances: 2, heartbeatMs: 1000 });
    for (const runner of stage.runners) runner.hang();
    stage.clock.advance(1000);
    await settle();
    stage.clock.advance(2000);
    await settle();
    expect([stage.served.state, stage.served.reason]).toEqual([
      'UNAVAILABLE',
      'its runner ended (it did not answer for 2000 ms)',
    ]);
    stage.clock.advance(100);
    stage.runner.loaded();
    await settle();
    expect(stage.served.state).toBe('READY');
  });

  test('it is UNLOADING when it is stopped while it is FAILED and tried again', async () => {
    const stage = createVersionStage({ loadLimitMs: 1000 });
    const starting = stage.served.start();
    await settle();
    stage.clock.advance(1000);
    await starting;
    expect(stage.served.state).toBe('FAILED');
    await stage.served.stop();
    stage.clock.advance(60_000);
    expect([stage.served.state, stage.runners.length]).toEqual(['UNLOADING', 1]);
  });

  test('it is FAILED when its order cannot be made', async () => {
    const makeOrder = () => Promise.reject(new Error('ENOENT: weights.bin'));
    const { served, runners } = createVersionStage({ makeOrder });
    await served.start();
    expect([served.state, served.reason, runners]).toEqual(['FAILED', 'ENOENT: weights.bin', []]);
  });

  test('it is FAILED from the start when its file is no model', async () => {
    const problem = new ServingError('MODEL_FILE_INVALID', {
      path: 'x.onnx',
      problem: 'it is empty',
    });
    const { served, runners } = createVersionStage({ problem });
    await served.start();
    expect([served.state, served.reason, runners]).toEqual(['FAILED', problem.message, []]);
    await served.stop();
    expect(served.state).toBe('FAILED');
  });

  test('it is UNLOADING when it is stopped, also while it loads', async () => {
    const ready = await createReadyStage();
    await ready.served.stop();
    expect([ready.served.state, ready.runner.dead]).toEqual(['UNLOADING', true]);
    const loading = createVersionStage();
    const starting = loading.served.start();
    await settle();
    await Promise.all([loading.served.stop(), starting]);
    expect([loading.served.state, loading.runner.dead]).toEqual(['UNLOADING', true]);
  });

  test('no runner starts when it is stopped before its order is made', async () => {
    const { promise, resolve } = Promise.withResolvers<typeof order>();
    const { served, runners } = createVersionStage({ makeOrder: () => promise });
    const starting = served.start();
    await served.stop();
    resolve(order);
    await starting;
    expect([served.state, runners]).toEqual(['UNLOADING', []]);
  });
});

describe('a request', () => {
  test('is answered with its outputs and the time it ran', async () => {
    const { served, runner } = await createReadyStage();
    const running = served.run({ inputs: [], wanted: 0 }, newLife());
    runner.runs[0]?.finish([]);
    expect(await running).toMatchObject({ outputs: [], timings: { runMs: 1 } });
  });

  test('to a version that does not serve is refused at once', async () => {
    const { served } = createVersionStage();
    await expect(served.run({ inputs: [], wanted: 0 }, newLife())).rejects.toMatchObject({
      code: 'MODEL_NOT_READY',
    });
  });

  test('whose runner dies is run once more on another', async () => {
    const { served, runners } = await createReadyStage({ instances: 2 });
    const running = served.run({ inputs: [], wanted: 0 }, newLife());
    const [first] = runners.filter(({ runs }) => runs.length > 0);
    first?.die('killed');
    await settle();
    const [second] = runners.filter(({ runs }) => runs.length > 0);
    expect(second).not.toBe(first);
    second?.runs[0]?.finish([]);
    expect((await running).outputs).toEqual([]);
  });

  test('whose only runner dies waits for the one that replaces it', async () => {
    const stage = await createReadyStage();
    const running = stage.served.run({ inputs: [], wanted: 0 }, newLife());
    stage.runner.die('killed');
    await settle();
    expect([stage.served.state, stage.served.waiting]).toEqual(['UNAVAILABLE', 1]);
    stage.clock.advance(100);
    stage.runner.loaded();
    await settle();
    stage.runner.runs[0]?.finish([]);
    expect((await running).outputs).toEqual([]);
  });

  test('that waits in a version which is unloaded is answered by the next runner, or told at once when that does not load', async () => {
    const inputs: FrameTensor[] = [{ index: 0, dtype: 'FP32', shape: [1], chunks: [] }];
    async function wait(): Promise<{ stage: VersionStage; run: Promise<unknown> }> {
      const stage = await createReadyStage();
      stage.served.hold();
      stage.runner.die('killed');
      await settle();
      const run = stage.served
        .run({ inputs, wanted: 0 }, newLife())
        .catch((error: unknown) => error);
      void stage.served.retire(10_000, 'its files have changed');
      stage.clock.advance(100);
      await settle();
      return { stage, run };
    }
    const answered = await wait();
    answered.stage.runner.loaded();
    await settle();
    expect(answered.stage.runner.runs).toHaveLength(1);

    const told = await wait();
    told.stage.runner.loadFails(refusal('its file has changed'));
    await settle();
    expect(await told.run).toMatchObject({ code: 'MODEL_NOT_READY' });
  });

  test('that waits for a runner which did not load is told as soon as its version is unloaded', async () => {
    const stage = await createReadyStage();
    stage.served.hold();
    stage.runner.die('killed');
    await settle();
    const run = stage.served.run({ inputs: [], wanted: 0 }, newLife()).catch((error) => error);
    stage.clock.advance(100);
    await settle();
    stage.runner.loadFails(refusal('its file has changed'));
    await settle();
    expect([stage.served.state, stage.served.waiting]).toEqual(['UNAVAILABLE', 1]);
    void stage.served.retire(10_000, 'its files have changed');
    expect(await run).toMatchObject({ code: 'MODEL_NOT_READY' });
  });

  test('that kills two runners is given up', async () => {
    const stage = await createReadyStage();
    const running = stage.served.run({ inputs: [], wanted: 0 }, newLife());
    running.catch(() => {});
    stage.runner.die('poison');
    await settle();
    stage.clock.advance(100);
    stage.runner.loaded();
    await settle();
    stage.runner.die('poison again');
    await expect(running).rejects.toMatchObject({ code: 'RUNNER_DIED' });
    expect(stage.served.waiting).toBe(0);
  });

  test('does not lose its second try to a runner that dies before it begins', async () => {
    const stage = await createReadyStage({ instances: 4 });
    const running = stage.served.run({ inputs: [], wanted: 0 }, newLife());
    const holder = () => stage.runners.find(({ runs }) => runs.length > 0);
    expect(holder()?.runs[0]?.announced).toBe(false);
    holder()?.die('killed');
    await settle();
    for (const how of ['killed', 'killed too']) {
      expect(holder()?.runs[0]?.announced).toBe(true);
      holder()?.dieUnstarted(how);
      await settle();
    }
    holder()?.runs[0]?.finish([]);
    expect((await running).outputs).toEqual([]);
  });

  test('whose run takes too long ends its runner and runs once more', async () => {
    const stage = await createReadyStage({ runLimitMs: 2000 });
    const running = stage.served.run({ inputs: [], wanted: 0 }, newLife());
    stage.clock.advance(2000);
    await settle();
    expect(stage.served.reason).toBe('its runner ended (its run took longer than 2000 ms)');
    stage.clock.advance(100);
    stage.runner.loaded();
    await settle();
    stage.runner.runs[0]?.finish([]);
    expect((await running).outputs).toEqual([]);
  });

  test('that fails is not run again', async () => {
    const { served, runner } = await createReadyStage();
    const running = served.run({ inputs: [], wanted: 0 }, newLife());
    runner.runs[0]?.fail(new ServingError('RUN_FAILED', { model: 'test', problem: 'no' }));
    await expect(running).rejects.toMatchObject({ code: 'RUN_FAILED' });
    expect(served.running).toBe(0);
  });

  test('that waits when its client goes is never run', async () => {
    const { served, runner } = await createReadyStage();
    const first = served.run({ inputs: [], wanted: 1 }, newLife());
    const life = newLife();
    const waiting = served.run({ inputs: [], wanted: 2 }, life);
    life.end(new ServingError('REQUEST_CANCELLED', {}));
    await expect(waiting).rejects.toMatchObject({ code: 'REQUEST_CANCELLED' });
    runner.runs[0]?.finish([]);
    await first;
    expect(runner.runs).toEqual([]);
  });

  test('that waits or runs when the version is stopped fails at once', async () => {
    const { served } = await createReadyStage();
    const requests = [1, 2, 3].map(() => served.run({ inputs: [], wanted: 0 }, newLife()));
    for (const request of requests) request.catch(() => {});
    await served.stop();
    for (const request of requests) {
      await expect(request).rejects.toMatchObject({
        code: 'MODEL_NOT_READY',
        details: { state: 'UNLOADING' },
      });
    }
  });

  test('never gets a runner that has just died', async () => {
    const { served, runners } = await createReadyStage({ instances: 2 });
    const requests = Array.from({ length: 20 }, () =>
      served.run({ inputs: [], wanted: 0 }, newLife()),
    );
    const [first, second] = runners;
    first?.die('killed');
    await settle();
    while (second?.runs.length) {
      second.runs[0]?.finish([]);
      await settle();
    }
    expect(await Promise.all(requests)).toHaveLength(20);
  });
});

describe('requests that wait', () => {
  const rowsOf = (...values: readonly number[]) => ({
    index: 0,
    dtype: 'FP32' as const,
    shape: [values.length, 2],
    chunks: [new Uint8Array(Float32Array.from(values.flatMap((one) => [one, one])).buffer)],
  });
  const rowOf = (value: number) => rowsOf(value);

  /** The model: its input as its output. */
  function echo({ runner }: VersionStage): number | undefined {
    const [run] = runner.runs;
    run?.finish(run.inputs);
    return run?.inputs[0]?.shape[0];
  }

  async function echoAll(stage: VersionStage): Promise<(number | undefined)[]> {
    const sizes: (number | undefined)[] = [];
    while (stage.runner.runs.length > 0) {
      sizes.push(echo(stage));
      await settle();
    }
    return sizes;
  }

  const firstValueOf = ({ outputs }: RunAnswer): number => {
    const [tensor] = outputs as readonly [FrameTensor];
    const { buffer, byteOffset } = tensor.chunks[0] as Uint8Array<ArrayBuffer>;
    return new Float32Array(buffer, byteOffset, 1)[0] as number;
  };

  test('share a run, and each gets its own rows', async () => {
    const stage = await createReadyStage({ config: { batching: { maxBatch: 8, maxDelayMs: 0 } } });
    const values = Array.from({ length: 12 }, (_, i) => i);
    const answers = values.map((value) =>
      stage.served.run({ inputs: [rowOf(value)], wanted: 0 }, newLife()),
    );
    expect(await echoAll(stage)).toEqual([1, 8, 3]);
    expect((await Promise.all(answers)).map(firstValueOf)).toEqual(values);
  });

  test('share runs of as many rows as were measured, and large ones are cut', async () => {
    const stage = createVersionStage();
    const starting = stage.served.start();
    await settle();
    stage.runner.loaded({ batchSize: { maxBatch: 3, reason: 'test', measured: [] } });
    await starting;
    void stage.served.run({ inputs: [rowsOf(1, 2, 3, 4, 5, 6, 7)], wanted: 0 }, newLife());
    for (let i = 0; i < 4; i += 1)
      void stage.served.run({ inputs: [rowOf(i)], wanted: 0 }, newLife());
    expect(await echoAll(stage)).toEqual([3, 3, 3, 2]);
  });

  test('stay whole, however large, where rows depend on their company', async () => {
    const stage = createVersionStage();
    const starting = stage.served.start();
    await settle();
    stage.runner.loaded({ batching: { acrossRequests: false, reason: 'test' } });
    await starting;
    const large = Array.from({ length: 20 }, (_, i) => i);
    void stage.served.run({ inputs: [rowsOf(...large)], wanted: 0 }, newLife());
    void stage.served.run({ inputs: [rowOf(20)], wanted: 0 }, newLife());
    expect(await echoAll(stage)).toEqual([20, 1]);
  });

  test('do not when they want other outputs', async () => {
    const stage = await createReadyStage();
    for (const wanted of [1, 1, 2, 1])
      void stage.served.run({ inputs: [rowOf(0)], wanted }, newLife());
    expect(await echoAll(stage)).toEqual([1, 2, 1]);
  });

  test('do not when the probe found that rows depend on their company', async () => {
    const stage = createVersionStage();
    const starting = stage.served.start();
    await settle();
    stage.runner.loaded({ batching: { acrossRequests: false, reason: 'test' } });
    await starting;
    for (let i = 0; i < 3; i += 1)
      void stage.served.run({ inputs: [rowOf(i)], wanted: 0 }, newLife());
    expect(await echoAll(stage)).toEqual([1, 1, 1]);
  });

  test('do not when the batch is fixed, whatever model.yaml says', async () => {
    const batching = { acrossRequests: true, maxDelayMs: 0 };
    const inputs = [{ name: 'x', dtype: 'FP32', shape: [1, 2] }] as const;
    const stage = await createReadyStage({ inputs, config: { batching } });
    for (let i = 0; i < 3; i += 1)
      void stage.served.run({ inputs: [rowOf(i)], wanted: 0 }, newLife());
    expect(await echoAll(stage)).toEqual([1, 1, 1]);
  });

  test('are answered alone when the outputs of their run are not theirs row by row', async () => {
    const stage = await createReadyStage();
    const answers = [1, 2, 3].map((value) =>
      stage.served.run({ inputs: [rowOf(value)], wanted: 0 }, newLife()),
    );
    echo(stage);
    await settle();
    stage.runner.runs[0]?.finish([rowOf(9)]);
    await settle();
    expect(await echoAll(stage)).toEqual([1, 1]);
    expect((await Promise.all(answers)).map(firstValueOf)).toEqual([1, 2, 3]);
  });

  test('are refused before their pictures are decoded when the queue is full', async () => {
    const queue = { maxRequests: 1, maxBytes: 100, timeoutMs: 1000 };
    const { served } = await createReadyStage({ config: { queue } });
    for (let i = 0; i < 2; i += 1) void served.run({ inputs: [rowOf(i)], wanted: 0 }, newLife());
    expect(() => served.reserve(1, 1, newLife())).toThrow(
      'The queue of model test is full (1 requests)',
    );
  });
});
