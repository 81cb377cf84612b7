import { describe, expect, test } from 'vitest';
import { ServingError } from '../errors.ts';
import { newLife } from './life.fixture.ts';
import { createLifeStage, createServingStage } from './model-life.fixture.ts';
import { settle } from './runner.fixture.ts';
import type { ServedVersion } from './served-version.ts';

const version = (served: ServedVersion): string => served.version.version;
const broken = new ServingError('MODEL_FILE_INVALID', { path: 'x.onnx', problem: 'it is empty' });

describe('a new version', () => {
  test('loads beside, takes over, and the old one goes with its runner', async () => {
    const stage = await createServingStage();
    stage.disk = { m: { 1: 'a', 2: 'a' } };
    await stage.look();
    expect(stage.states()).toBe('1:READY 2:LOADING');
    expect(version(stage.registry.resolve('m', undefined))).toBe('1');
    await stage.loaded('2');
    expect(version(stage.registry.resolve('m', undefined))).toBe('2');
    expect(stage.states()).toBe('2:READY');
    expect(stage.runnersOf('1')[0]?.dead).toBe(true);
  });

  test('waits with the end of the old one for those who hold it', async () => {
    const stage = await createServingStage();
    const held = stage.registry.resolve('m', undefined);
    held.hold();
    stage.disk = { m: { 1: 'a', 2: 'a' } };
    await stage.look();
    await stage.loaded('2');
    expect(stage.states()).toBe('1:UNLOADING 2:READY');
    expect(held.reason).toBe('the policy selects other versions');
    const answer = held.run({ inputs: [], wanted: 0 }, newLife());
    await settle();
    stage.runnersOf('1')[0]?.runs[0]?.finish([]);
    expect((await answer).outputs).toEqual([]);
    held.release();
    await settle();
    expect(stage.states()).toBe('2:READY');
    await expect(held.run({ inputs: [], wanted: 0 }, newLife())).rejects.toMatchObject({
      code: 'MODEL_NOT_READY',
    });
  });

  test('waits for them no longer than the limit', async () => {
    const stage = await createServingStage();
    stage.registry.resolve('m', undefined).hold();
    stage.disk = { m: { 1: 'a', 2: 'a' } };
    await stage.look();
    await stage.loaded('2');
    await stage.advance(999);
    expect(stage.states()).toBe('1:UNLOADING 2:READY');
    await stage.advance(1);
    expect(stage.states()).toBe('2:READY');
  });

  test('that fails leaves the old one, is tried again later, and says why', async () => {
    const stage = await createServingStage();
    stage.unreadable.set('2', broken);
    stage.disk = { m: { 1: 'a', 2: 'a' } };
    await stage.look();
    expect(stage.states()).toBe('1:READY 2:FAILED');
    const [, failed] = stage.registry.find('m').versions;
    expect(failed).toMatchObject({ reason: broken.message, failure: broken });
    await stage.advance(4999);
    expect(stage.registry.find('m').versions[1]).toBe(failed);
    stage.unreadable.clear();
    await stage.advance(1);
    await stage.loaded('2');
    expect(stage.states()).toBe('2:READY');
  });

  test('that goes on failing is tried after 5, 10 and 20 seconds', async () => {
    const stage = await createServingStage();
    stage.unreadable.set('2', broken);
    stage.disk = { m: { 1: 'a', 2: 'a' } };
    await stage.look();
    for (const wait of [5000, 10_000, 20_000]) {
      const [, before] = stage.registry.find('m').versions;
      await stage.advance(wait - 1);
      expect(stage.registry.find('m').versions[1]).toBe(before);
      await stage.advance(1);
      expect(stage.registry.find('m').versions[1]).not.toBe(before);
    }
  });

  test('that is removed while it loads leaves no process', async () => {
    const stage = await createServingStage();
    stage.disk = { m: { 1: 'a', 2: 'a' } };
    await stage.look();
    stage.disk = { m: { 1: 'a' } };
    await stage.look();
    expect(stage.states()).toBe('1:READY');
    expect(stage.runnersOf('2').every(({ dead }) => dead)).toBe(true);
  });

  test('does not make the server unready while it loads or when it fails', async () => {
    const stage = await createServingStage();
    stage.disk = { m: { 1: 'a', 2: 'a' } };
    await stage.look();
    const [, later] = stage.registry.find('m').versions;
    expect(later?.later).toBe(true);
    expect(stage.life.control.starting).toBe(false);
  });
});

describe('a version whose content changed', () => {
  test('is loaded beside the old content, which then goes', async () => {
    const stage = await createServingStage();
    const before = stage.registry.resolve('m', '1');
    stage.disk = { m: { 1: 'b' } };
    await stage.look();
    expect(stage.states()).toBe('1:READY 1:LOADING');
    expect(stage.registry.resolve('m', '1')).toBe(before);
    await stage.loaded('1');
    expect(stage.states()).toBe('1:READY');
    expect(stage.registry.resolve('m', '1')).not.toBe(before);
  });
});

describe('what is wrong on disk', () => {
  test('with the repository as a whole changes nothing', async () => {
    const stage = await createServingStage();
    stage.broken = new ServingError('PATH_UNREADABLE', { path: '/models', problem: 'EIO' });
    await stage.look();
    await stage.advance(10_000);
    await stage.look();
    expect(stage.states()).toBe('1:READY');
  });

  test('with a model.yaml keeps what it said before, and is told', async () => {
    const stage = await createServingStage();
    stage.yamls.m = 'versions: {labels: {stable: 1}, traffic: {stable: 90}}';
    await stage.look();
    expect(stage.states()).toBe('1:READY');
    const [warning] = stage.registry.find('m').warnings ?? [];
    expect(warning).toContain('line 1: versions.traffic: the shares must add up to 100, got 90');
    stage.yamls.m = 'versions: {labels: {stable: 1}}';
    await stage.look();
    expect(stage.registry.find('m').warnings).toEqual([]);
    expect(version(stage.registry.resolve('m', 'stable'))).toBe('1');
  });

  test('a label to a version that is not there is told with its place, and the model serves', async () => {
    const stage = await createServingStage({ yaml: 'versions: {labels: {canary: 7}}' });
    expect(stage.registry.find('m').warnings).toEqual([
      '/models/m: versions.labels.canary: there is no version 7; versions here: 1',
    ]);
    expect(stage.states()).toBe('1:READY');
  });
});

describe('a model that is removed', () => {
  test('is unloaded and forgotten when two looks have not seen it', async () => {
    const stage = await createServingStage();
    stage.disk = {};
    await stage.look();
    expect(stage.states()).toBe('1:READY');
    await stage.advance(100);
    await stage.look();
    expect(() => stage.registry.find('m')).toThrow("unknown model: 'm'");
    expect(stage.runnersOf('1')[0]?.dead).toBe(true);
  });

  test('and comes back before that goes on as if nothing had been', async () => {
    const stage = await createServingStage();
    const served = stage.registry.resolve('m', undefined);
    stage.disk = {};
    await stage.look();
    stage.disk = { m: { 1: 'a' } };
    await stage.look();
    await stage.advance(1000);
    await stage.look();
    expect(stage.registry.resolve('m', undefined)).toBe(served);
  });
});

test('at the end nothing is loaded in place of what is stopped', async () => {
  const stage = await createServingStage();
  const served = stage.registry.resolve('m', undefined);
  stage.life.close();
  await served.stop();
  stage.disk = { m: { 1: 'a', 2: 'a' } };
  await stage.look();
  await stage.advance(100_000);
  expect(stage.runnersOf('1')).toHaveLength(1);
  expect(stage.runnersOf('2')).toHaveLength(0);
});

describe('at the start', () => {
  test('a broken newest version is followed by the one before it', async () => {
    const stage = createLifeStage({ disk: { m: { 1: 'a', 2: 'a' } } });
    stage.unreadable.set('2', broken);
    await stage.look();
    expect(stage.states()).toBe('1:LOADING 2:FAILED');
    await stage.loaded('1');
    await stage.life.started;
    expect(stage.states()).toBe('1:READY 2:FAILED');
  });

  test('a server waits for what loads or may still be being copied', async () => {
    const stage = createLifeStage({ disk: { m: { 1: 'a~' } } });
    await stage.look();
    expect(stage.life.control.starting).toBe(true);
    stage.disk = { m: { 1: 'a' } };
    await stage.look();
    expect(stage.life.control.starting).toBe(true);
    await stage.loaded('1');
    expect(stage.life.control.starting).toBe(false);
  });
});

describe('who may change what:', () => {
  const { control } = createLifeStage().life;
  test.each([
    ['load', () => control.load('m')],
    ['unload', () => control.unload('m')],
    ['reload', () => control.reloadConfig({ models: [] })],
    ['traffic', () => control.changeTraffic('m', { kind: 'reset' })],
  ])('%s is refused unless the mode is explicit', async (_, ask) => {
    await expect(ask()).rejects.toMatchObject({
      code: 'MODEL_CONTROL_REFUSED',
      kind: 'permission-denied',
      message: expect.stringContaining('--model-control explicit'),
    });
  });

  test('everybody may ask what there is', async () => {
    const stage = await createServingStage({ disk: { m: { 1: 'a', 2: 'a' } } });
    expect(await stage.life.control.index()).toEqual([
      { name: 'm', version: '1', state: 'UNLOADED', reason: '' },
      { name: 'm', version: '2', state: 'READY', reason: '' },
    ]);
  });
});

describe('requests that load and unload', () => {
  async function serving(disk = { m: { 1: 'a' } } as Record<string, Record<string, string>>) {
    const stage = createLifeStage({ mode: 'explicit', disk });
    const { control } = stage.life;
    return { stage, control };
  }

  test('a load settles when the version serves', async () => {
    const { stage, control } = await serving();
    let done = false;
    const loading = control.load('m').then(() => {
      done = true;
    });
    await settle();
    expect([done, stage.states()]).toEqual([false, '1:LOADING']);
    await stage.loaded('1');
    await loading;
    expect(stage.states()).toBe('1:READY');
  });

  test('a load that fails says why, and what served serves', async () => {
    const { stage, control } = await serving();
    const first = control.load('m');
    await settle();
    await stage.loaded('1');
    await first;
    stage.disk = { m: { 1: 'a', 2: 'a' } };
    stage.unreadable.set('2', broken);
    await expect(control.load('m')).rejects.toBe(broken);
    expect(stage.states()).toBe('1:READY 2:FAILED');
    stage.unreadable.clear();
    const again = control.load('m');
    await settle();
    await stage.loaded('2');
    await again;
    await settle();
    expect(stage.states()).toBe('2:READY');
  });

  test('a load of one model does not load what is new of another', async () => {
    const { stage, control } = await serving({ m: { 1: 'a' }, n: { 5: 'a' } });
    const first = control.load('m');
    await settle();
    await stage.loaded('1');
    await first;
    expect(stage.states('n')).toBe('');
    expect(await control.index()).toContainEqual({
      name: 'n',
      version: '5',
      state: 'UNLOADED',
      reason: '',
    });
  });

  test('what comes with it takes the place of model.yaml until the next load', async () => {
    const { stage, control } = await serving({ m: { 1: 'a', 2: 'a' } });
    const loading = control.load('m', { versions: { policy: 'all' } });
    await settle();
    await stage.loaded('1');
    await stage.loaded('2');
    await loading;
    expect(stage.states()).toBe('1:READY 2:READY');
    await control.load('m');
    await settle();
    expect(stage.states()).toBe('2:READY');
  });

  test('what comes with a load that fails does not hold', async () => {
    const { stage, control } = await serving({ m: { 1: 'a', 2: 'a' } });
    const loading = control.load('m', { versions: { policy: 'specific', list: [1] } });
    await settle();
    await stage.loaded('1');
    await loading;
    stage.unreadable.set('2', broken);
    await expect(control.load('m', { versions: { policy: 'all' } })).rejects.toBe(broken);
    await settle();
    expect(stage.states()).toBe('1:READY');
    expect(stage.registry.find('m').model.config.versions).toMatchObject({ list: [1] });
  });

  test('neither does what came with an earlier one that failed beside it', async () => {
    const { stage, control } = await serving();
    stage.unreadable.set('1', broken);
    const first = control.load('m', { instances: 2 });
    const second = control.load('m', { instances: 3 });
    const codes = (await Promise.allSettled([first, second])).map((one) =>
      one.status === 'rejected' ? one.reason.code : 'done',
    );
    expect(codes).toEqual(['MODEL_CONTROL_OVERTAKEN', broken.code]);
    expect(stage.overrides).toEqual({});
  });

  test('nothing is kept of models that are not there, however they are asked for', async () => {
    const { stage, control } = await serving();
    const asked = [0, 1, 2].flatMap((i) => [
      control.load(`gone-${i}`, { instances: 2 }),
      control.load(`gone-${i}`, { instances: 3 }),
      control.unload(`gone-${i}`),
    ]);
    const outcomes = await Promise.allSettled(asked);
    expect(outcomes.map(({ status }) => status)).not.toContain('fulfilled');
    expect(stage.overrides).toEqual({});
  });

  test('a model.yaml with a mistake is why a load is refused, and what served serves', async () => {
    const { stage, control } = await serving();
    const first = control.load('m');
    await settle();
    await stage.loaded('1');
    await first;
    stage.yamls.m = 'nonsense: 1';
    await expect(control.load('m')).rejects.toMatchObject({ code: 'MODEL_YAML_INVALID' });
    expect(stage.states()).toBe('1:READY');
  });

  test('an unload settles when its processes are gone, and it can be loaded again', async () => {
    const { stage, control } = await serving();
    const first = control.load('m');
    await settle();
    await stage.loaded('1');
    await first;
    await control.unload('m');
    expect(stage.states()).toBe('');
    expect(stage.runnersOf('1')[0]?.dead).toBe(true);
    expect(() => stage.registry.resolve('m', undefined)).toThrow('is not ready (UNLOADED)');
    const again = control.load('m');
    await settle();
    await stage.loaded('1');
    await again;
    expect(stage.states()).toBe('1:READY');
  });

  test('an unload while it loads ends the load', async () => {
    const { stage, control } = await serving();
    const loading = control.load('m');
    await settle();
    const unloading = control.unload('m');
    await unloading;
    await expect(loading).rejects.toMatchObject({
      code: 'MODEL_CONTROL_OVERTAKEN',
      message: expect.stringContaining('a later request asks to unload it'),
    });
    expect(stage.states()).toBe('');
  });

  test.each(['load', 'unload'] as const)(
    '%s of a model that is not there is refused',
    async (what) => {
      const { control } = await serving();
      await expect(control[what]('nope')).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
    },
  );

  test('a reload loads what it names and unloads the rest', async () => {
    const { stage, control } = await serving({ m: { 1: 'a' }, n: { 5: 'a' } });
    const first = control.load('m');
    await settle();
    await stage.loaded('1');
    await first;
    const reloading = control.reloadConfig({ models: [{ name: 'n', path: '/models/n' }] });
    await settle();
    await stage.loaded('5');
    await reloading;
    await settle();
    expect(stage.states('n')).toBe('5:READY');
    expect(() => stage.registry.find('m')).toThrow("unknown model: 'm'");
  });
});

describe('labels and traffic', () => {
  const yaml =
    'versions: {policy: all, labels: {stable: 1, canary: 2}, traffic: {stable: 90, canary: 10}}';

  async function serving(replicas?: number) {
    const disk = { m: { 1: 'a', 2: 'a', 3: 'a' } };
    const stage = createLifeStage({
      mode: 'explicit',
      disk,
      yaml,
      ...(replicas ? { replicas } : {}),
    });
    const { control } = stage.life;
    const loading = control.load('m');
    await settle();
    for (const one of ['1', '2', '3']) await stage.loaded(one);
    await loading;
    return { stage, control, rules: () => stage.registry.rulesOf(stage.registry.find('m')) };
  }

  test('a request that names no version gets one by its point', async () => {
    const { stage } = await serving();
    expect(version(stage.registry.resolve('m', undefined))).toBe('1');
    expect(version(stage.registry.resolve('m', 'canary'))).toBe('2');
    expect(stage.registry.trafficOf(stage.registry.find('m'), '2')).toBe(10);
  });

  test('promote makes the canary stable at once and keeps what was', async () => {
    const { stage, control, rules } = await serving();
    await control.changeTraffic('m', { kind: 'promote' });
    expect(rules()).toMatchObject({
      source: 'run time',
      labels: { stable: '2', canary: '2', previous: '1' },
      shares: [{ target: 'stable', percent: 100 }],
    });
    expect(version(stage.registry.resolve('m', undefined))).toBe('2');
    await control.changeTraffic('m', { kind: 'rollback' });
    expect(rules()).toMatchObject({ source: 'model.yaml', labels: { stable: '1', canary: '2' } });
  });

  test('promote in steps gives a version a share first', async () => {
    const { control, rules } = await serving();
    await control.changeTraffic('m', { kind: 'promote', version: '3', percent: 25 });
    expect(rules().shares).toEqual([
      { target: 'stable', percent: 75 },
      { target: 'canary', percent: 25 },
    ]);
    await control.changeTraffic('m', { kind: 'promote', percent: 50 });
    await control.changeTraffic('m', { kind: 'promote' });
    expect(rules().labels).toEqual({ stable: '3', canary: '3', previous: '1' });
    for (const expected of [50, 25]) {
      await control.changeTraffic('m', { kind: 'rollback' });
      expect(rules().shares[1]?.percent).toBe(expected);
    }
    await control.changeTraffic('m', { kind: 'rollback' });
    expect(rules().source).toBe('model.yaml');
    await expect(control.changeTraffic('m', { kind: 'rollback' })).rejects.toThrow(
      'nothing was changed at run time',
    );
  });

  test('what was promoted stays loaded although the policy does not select it', async () => {
    const { stage, control } = await serving();
    await control.changeTraffic('m', { kind: 'promote' });
    stage.yamls.m = '';
    const loading = control.load('m');
    await settle();
    await loading;
    await settle();
    // 3 by the policy, 2 as stable, 1 as previous.
    expect(stage.states()).toBe('1:READY 2:READY 3:READY');
  });

  test.each<
    [string, Parameters<Awaited<ReturnType<typeof serving>>['control']['changeTraffic']>[1], string]
  >([
    [
      'a version that does not serve',
      { kind: 'promote', version: '9' },
      'label "stable" is for version 9, which does not serve',
    ],
    [
      'a label that is none',
      { kind: 'set', traffic: { gold: 100 } },
      'there is no label "gold"; labels: stable, canary',
    ],
    [
      'shares that do not add up',
      { kind: 'set', traffic: { stable: 50 } },
      'the shares add up to 50, expected 100',
    ],
    [
      'a label with the name of a version',
      { kind: 'set', labels: { 7: '1' } },
      'label "7": expected a name that starts with a letter',
    ],
    [
      'a shadow that is none',
      { kind: 'set', shadow: { to: 'gold', percent: 1, tolerance: 0 } },
      'there is no label "gold" for the shadow',
    ],
    [
      'a promotion of what is stable',
      { kind: 'promote', version: '1', percent: 10 },
      'version 1 is stable already',
    ],
  ])('%s is refused and changes nothing', async (_, change, problem) => {
    const { control, rules } = await serving();
    const before = rules();
    await expect(control.changeTraffic('m', change)).rejects.toMatchObject({
      code: 'TRAFFIC_INVALID',
      message: expect.stringContaining(problem),
    });
    expect(rules()).toEqual(before);
  });

  test('with several replicas they are refused', async () => {
    const { control } = await serving(3);
    await expect(control.changeTraffic('m', { kind: 'promote' })).rejects.toMatchObject({
      code: 'RUNTIME_CHANGE_REFUSED',
      message: expect.stringContaining('--runtime-changes allow'),
    });
  });
});
