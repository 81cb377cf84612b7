/** The service inside this process, over real runners: they misbehave, load for long, and are unloaded. */

import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { findModels } from '../src/repository/find-models.ts';
import { readModel } from '../src/repository/read-model.ts';
import { spawnRunner } from '../src/runner/runner-process.ts';
import { allMisdeeds, spawnStubRunner } from '../src/runner/stub-runner.fixture.ts';
import { buildService, startModels } from '../src/serving/build-service.ts';
import type { InferenceService } from '../src/serving/inference-service.ts';
import { newLife } from '../src/serving/life.fixture.ts';
import { createLog } from '../src/telemetry/log.ts';
import { writeTestModel } from './models/test-models.ts';
import { temporaryFolder } from './support/modelship.ts';
import { waitUntilGone } from './support/processes.ts';
import { waitUntil } from './support/wait-until.ts';

const folder = temporaryFolder();
for (const name of ['one', 'two'])
  writeTestModel(join(folder.path, 'both'), 'half-plus-two', 1, name);
writeTestModel(join(folder.path, 'single'), 'half-plus-two', 1, 'one');
const services: InferenceService[] = [];

afterAll(async () => {
  await Promise.all(services.map((service) => service.stop()));
  folder[Symbol.dispose]();
});

interface Stage {
  readonly service: InferenceService;
  /** The processes, in the order in which the models got them. */
  readonly children: ChildProcess[];
  ask(model: string, value: number): Promise<number>;
}

function createStage(name: string, startFirst: () => ChildProcess = () => spawnRunner({})): Stage {
  const children: ChildProcess[] = [];
  const { service } = buildService({
    models: findModels(join(folder.path, name)).map(readModel),
    cache: Promise.resolve(undefined),
    pictures: { read: () => Promise.reject(new Error('no pictures here')) } as never,
    log: createLog('silent', false),
    runnerEnvironment: {},
    takeRunner() {
      children.push(children.length === 0 ? startFirst() : spawnRunner({}));
      return children.at(-1);
    },
    instances: 1,
    threads: 1,
    strictReady: false,
    runLimitMs: 20_000,
    heartbeatMs: 5000,
  });
  services.push(service);
  return {
    service,
    children,
    async ask(model, value) {
      const data = new Uint8Array(Float32Array.of(value).buffer);
      const inputs = [{ name: 'x', dtype: 'FP32', shape: [1], data }] as const;
      const { outputs } = await service.infer({ model, inputs, life: newLife() });
      return new Float32Array(new Uint8Array(outputs[0]?.data ?? []).buffer)[0] as number;
    },
  };
}

test.each(allMisdeeds)(
  'a runner that %s is replaced, and its requests are answered by the next',
  async (misdeed) => {
    const { service, children, ask } = createStage('single', () => spawnStubRunner(misdeed));
    await startModels(service);
    expect(service.ready).toBe(true);
    expect(await Promise.all([ask('one', 2), ask('one', 4), ask('one', 6)])).toEqual([3, 4, 5]);
    expect(children).toHaveLength(2);
    expect(children[0]?.signalCode).toBe('SIGKILL');
  },
);

describe('while one model', () => {
  const pidOf = ({ children }: Stage, i: number): number => children[i]?.pid as number;
  const versionOf = ({ service }: Stage, model: string) => service.registry.find(model).versions[0];

  test('loads for long the other serves, and then both do', async () => {
    const stage = createStage('both', () => {
      const child = spawnRunner({});
      child.kill('SIGSTOP');
      return child;
    });
    const loading = startModels(stage.service);
    const late = await waitUntil('one serves', () => {
      const [one, two] = ['one', 'two'].map((name) => versionOf(stage, name)?.state);
      return one === 'READY' ? 'two' : two === 'READY' ? 'one' : undefined;
    });
    const ready = late === 'one' ? 'two' : 'one';
    const values = Array.from({ length: 100 }, (_, i) => i);
    const answers = await Promise.all(values.map((value) => stage.ask(ready, value)));
    expect(answers).toEqual(values.map((value) => value / 2 + 2));
    expect(versionOf(stage, late)?.state).toBe('LOADING');
    await expect(stage.ask(late, 2)).rejects.toMatchObject({ code: 'MODEL_NOT_READY' });
    stage.children[0]?.kill('SIGCONT');
    await loading;
    expect(await stage.ask(late, 2)).toBe(3);
  });

  test('is unloaded its process is gone with all its memory, and the other serves on', async () => {
    const stage = createStage('both');
    await startModels(stage.service);
    const pids = [pidOf(stage, 0), pidOf(stage, 1)];
    const gone = versionOf(stage, 'one');
    const values = Array.from({ length: 200 }, (_, i) => i);
    const answers = Promise.all(values.map((value) => stage.ask('two', value)));
    await gone?.stop();
    const left = pids.filter((pid) => isAlive(pid));
    expect(left).toHaveLength(1);
    await waitUntilGone(pids.filter((pid) => !left.includes(pid)));
    expect(await answers).toEqual(values.map((value) => value / 2 + 2));
    await expect(stage.ask('one', 2)).rejects.toMatchObject({
      code: 'MODEL_NOT_READY',
      details: { state: 'UNLOADING' },
    });
    expect(await stage.ask('two', 2)).toBe(3);
    expect(stage.children).toHaveLength(2);
  });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
