/** Requests that load, unload and replace models at the same time: each gets a true answer, the last one holds. */

import { describe, expect, test } from 'vitest';
import { createRandom } from '../../test/models/random.ts';
import { ServingError } from '../errors.ts';
import type { LifeStage } from './model-life.fixture.ts';
import { createLifeStage } from './model-life.fixture.ts';
import { settle } from './runner.fixture.ts';

const broken = new ServingError('MODEL_FILE_INVALID', { path: 'x.onnx', problem: 'it is empty' });

interface Asked {
  readonly wants: 'READY' | 'nothing';
  /** 'done', or the code of the error. */
  answer?: string;
  /** Of all answers, from 1 on. */
  place?: number;
}

/** All living runners of these versions load. */
async function loadAll(stage: LifeStage, ...versions: string[]): Promise<void> {
  for (const version of versions)
    for (const runner of stage.runnersOf(version)) if (!runner.dead) runner.loaded();
  await settle();
}

function createRace(seed: number) {
  const random = createRandom(seed);
  const stage = createLifeStage({ mode: 'explicit', disk: { m: { 1: 'a' }, n: { 5: 'a' } } });
  const { control } = stage.life;
  const asked: Asked[] = [];
  let answers = 0;

  function ask(wants: Asked['wants'], call: () => Promise<void>): void {
    const one: Asked = { wants };
    asked.push(one);
    const note = (answer: string): void => {
      answers += 1;
      Object.assign(one, { answer, place: answers });
    };
    call().then(
      () => note('done'),
      (error: ServingError) => note(error.code),
    );
  }

  const calls = [
    () => ask('READY', () => control.load('m')),
    () => ask('nothing', () => control.unload('m')),
    () => ask('READY', () => control.reloadConfig({ models: [{ name: 'm', path: '/models/m' }] })),
    () =>
      ask('nothing', () => control.reloadConfig({ models: [{ name: 'n', path: '/models/n' }] })),
  ];
  return { stage, asked, random, ask: () => calls[Math.floor(random() * calls.length)]?.() };
}

describe('loads, unloads and reloads of one model at the same time', () => {
  test.each(Array.from({ length: 60 }, (_, seed) => seed))(
    'are each answered, and the last one that was done holds (%d)',
    async (seed) => {
      const { stage, asked, random, ask } = createRace(seed);
      for (let i = 0; i < 40; i += 1) {
        ask();
        if (random() < 0.5) await settle();
        if (random() < 0.3) await loadAll(stage, '1', '5');
      }
      for (let i = 0; i < 200 && asked.some(({ answer }) => !answer); i += 1)
        await loadAll(stage, '1', '5');
      const answers = new Set(asked.map(({ answer }) => answer));
      // MODEL_NOT_FOUND: the configuration that held just then did not name it.
      const known = ['done', 'MODEL_CONTROL_OVERTAKEN', 'MODEL_NOT_FOUND', 'RELOAD_REFUSED'];
      expect([...answers].filter((answer) => !known.includes(answer as string))).toEqual([]);
      const last = asked
        .filter(({ answer }) => answer === 'done')
        .sort((a, b) => (a.place ?? 0) - (b.place ?? 0))
        .at(-1);
      await settle();
      expect(stage.states()).toBe(last?.wants === 'READY' ? '1:READY' : '');
    },
  );
});

describe('a request that is overtaken', () => {
  const open = () => {
    const stage = createLifeStage({ mode: 'explicit', disk: { m: { 1: 'a', 2: 'a' } } });
    return { stage, control: stage.life.control };
  };

  test('an unload by a load says so, and the model serves', async () => {
    const { stage, control } = open();
    const first = control.load('m');
    await settle();
    await loadAll(stage, '2');
    await first;
    stage.registry.resolve('m', undefined).hold();
    const unloading = control.unload('m');
    const loading = control.load('m');
    await expect(unloading).rejects.toMatchObject({
      code: 'MODEL_CONTROL_OVERTAKEN',
      kind: 'aborted',
      message:
        'Unloading model m was given up: a later request asks to load it. Send it again if it is still wanted.',
    });
    await settle();
    await loadAll(stage, '2');
    await loading;
    expect(stage.states()).toBe('2:UNLOADING 2:READY');
  });

  test('a load by a load of the same is not, and one with another configuration is', async () => {
    const { stage, control } = open();
    const loads = [control.load('m'), control.load('m')];
    await settle();
    const other = control.load('m', { versions: { policy: 'all' } });
    const answers = Promise.allSettled(loads);
    await settle();
    await loadAll(stage, '1', '2');
    await other;
    expect((await answers).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await expect(loads[0]).rejects.toThrow('asks to load it with another configuration');
    expect(stage.states()).toBe('1:READY 2:READY');
    const same = [control.load('m'), control.load('m')];
    await settle();
    await loadAll(stage, '2');
    await Promise.all(same);
  });

  test('a load by the end of the server is told so', async () => {
    const { stage, control } = open();
    const loading = control.load('m');
    await settle();
    stage.life.close();
    await expect(loading).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
    await expect(control.unload('m')).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  });
});

describe('a configuration that is refused changes nothing:', () => {
  async function serving() {
    const disk = { m: { 1: 'a', 2: 'a' }, n: { 5: 'a' }, o: { 7: 'a' } };
    const stage = createLifeStage({ mode: 'explicit', disk });
    const { control } = stage.life;
    const loading = Promise.all([control.load('m'), control.load('n')]);
    await settle();
    await loadAll(stage, '2', '5');
    await loading;
    const states = () => ['m', 'n', 'o'].map((name) => stage.states(name));
    return { stage, control, states };
  }
  const named = (name: string, more = {}) => ({ name, path: `/models/${name}`, ...more });

  test.each([
    [
      'a name that leads elsewhere',
      [named('../m', { labels: { 5: 1 } })],
      'model name "../m": expected letters, digits, ".", "_" and "-"\n  model ../m: label "5" does not start with a letter',
    ],
    [
      'a label without a version',
      [named('m', { labels: { stable: 9 } })],
      'model m: label stable is for version 9; versions in /nowhere/m: 1, 2',
    ],
    [
      'a version that is not there',
      [named('o'), named('m', { versions: { policy: 'specific', list: [1, 4] } })],
      'model m: there is no version 4; versions in /nowhere/m: 1, 2',
    ],
  ])('%s', async (_, models, problem) => {
    const { stage, control, states } = await serving();
    const before = stage.registry.models.map(({ versions }) => versions);
    await expect(control.reloadConfig({ models })).rejects.toMatchObject({
      code: 'RELOAD_REFUSED',
      message: expect.stringContaining(problem),
    });
    await settle();
    expect(states()).toEqual(['2:READY', '5:READY', '']);
    expect(stage.registry.models.map(({ versions }) => versions)).toEqual(before);
    expect(stage.runnersOf('7')).toEqual([]);
  });

  test('what loads of it is unloaded when something does not', async () => {
    const { stage, control, states } = await serving();
    stage.unreadable.set('1', broken);
    const reloading = control.reloadConfig({
      models: [named('o'), named('m', { versions: { policy: 'all' } })],
    });
    const refused = expect(reloading).rejects.toMatchObject({
      code: 'RELOAD_REFUSED',
      message: expect.stringContaining(broken.message),
    });
    await settle();
    expect(states()).toEqual(['1:FAILED 2:READY', '5:READY', '7:LOADING']);
    await loadAll(stage, '7');
    await refused;
    await settle();
    expect(states()).toEqual(['2:READY', '5:READY', '']);
    // And a later one is none the worse for it.
    const next = control.reloadConfig({ models: [named('o')] });
    await settle();
    await loadAll(stage, '7');
    await next;
    await settle();
    expect(states()).toEqual(['', '', '7:READY']);
  });

  test('a version that went for one of a refused configuration is loaded again', async () => {
    const { stage, control, states } = await serving();
    stage.unreadable.set('7', broken);
    const reloading = control.reloadConfig({
      models: [named('m', { versions: { policy: 'specific', list: [1] } }), named('o')],
    });
    const refused = expect(reloading).rejects.toMatchObject({ code: 'RELOAD_REFUSED' });
    await settle();
    await loadAll(stage, '1');
    // Version 2 has gone by then: one is loaded again before the answer says that all is as it was.
    await loadAll(stage, '2');
    await refused;
    await settle();
    expect(states()).toEqual(['2:READY', '5:READY', '']);
  });

  test('what was sent with a load before holds again', async () => {
    const { stage, control, states } = await serving();
    const loading = control.load('m', { versions: { policy: 'all' } });
    await settle();
    await loadAll(stage, '1');
    await loading;
    await expect(
      control.reloadConfig({ models: [named('m', { labels: { a: 9 } })] }),
    ).rejects.toMatchObject({ code: 'RELOAD_REFUSED' });
    await control.load('m', { versions: { policy: 'all' } });
    expect(states()).toEqual(['1:READY 2:READY', '5:READY', '']);
  });
});
