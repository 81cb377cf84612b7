import { describe, expect, test } from 'vitest';
import type { LoadedVersion, ModelSnapshot, VersionOnDisk } from './version-policy.ts';
import { nextActions, retryDelayMs } from './version-policy.ts';

/**
 * On disk `2`, `2b` is version 2 with other content, `2~` is not settled. Loaded `2:SERVING`, and
 * `2:FAILED@7` is due again at 7.
 */
function onDisk(text: string): VersionOnDisk[] {
  return text
    .split(' ')
    .filter(Boolean)
    .map((word) => {
      const [, version = '', stamp = ''] = /^(\d+)(\w*)/.exec(word) ?? [];
      return { version, stamp, settled: !word.endsWith('~') };
    });
}

function loaded(text: string): LoadedVersion[] {
  return text
    .split(' ')
    .filter(Boolean)
    .map((word, id) => {
      const [, version = '', stamp = '', state = '', at] =
        /^(\d+)(\w*):([A-Z]+)(?:@(\d+))?$/.exec(word) ?? [];
      const retryAt = at === undefined ? undefined : Number(at);
      return { id, version, stamp, state: state as LoadedVersion['state'], retryAt };
    });
}

const now = 10;

/** `+2` loads version 2, `>2` lets it go on, `-1` unloads version 1, `@12` looks again at 12. */
function next(disk: string, held: string, changes: Partial<ModelSnapshot> = {}): string {
  const all = loaded(held);
  const snapshot: ModelSnapshot = {
    asked: 'policy',
    policy: { policy: 'latest' },
    preserve: 'availability',
    labelled: [],
    onDisk: onDisk(disk),
    loaded: all,
    now,
    ...changes,
  };
  const { actions, lookAgainAt } = nextActions(snapshot);
  const words = actions.map((action) => {
    if (action.kind === 'load') return `+${action.version}${action.stamp}`;
    const { version, stamp } = all[action.id] as LoadedVersion;
    return `${action.kind === 'start' ? '>' : '-'}${version}${stamp}`;
  });
  return [...words, ...(lookAgainAt === undefined ? [] : [`@${lookAgainAt}`])].join(' ');
}

type Row = [
  sentence: string,
  disk: string,
  held: string,
  expected: string,
  changes?: Partial<ModelSnapshot>,
];

const all: Partial<ModelSnapshot> = { policy: { policy: 'all' } };
const two: Partial<ModelSnapshot> = { policy: { policy: 'latest', count: 2 } };
const specific: Partial<ModelSnapshot> = { policy: { policy: 'specific', list: [1, 3] } };
const resources: Partial<ModelSnapshot> = { preserve: 'resources' };
const nothing: Partial<ModelSnapshot> = { asked: 'nothing' };

describe('the versions that are wanted', () => {
  test.each<Row>([
    ['the newest is loaded', '1 2 3', '', '+3'],
    ['the newest two are loaded', '1 2 3', '', '+2 +3', two],
    ['all are loaded', '1 2 3', '', '+1 +2 +3', all],
    ['those that are listed are loaded', '1 2 3', '', '+1 +3', specific],
    ['one that a label names is loaded too', '1 2 3', '', '+1 +3', { labelled: ['1'] }],
    ['a label for a version that is not there loads nothing', '1 2', '', '+2', { labelled: ['9'] }],
    ['a listed version that is not there is not waited for', '1', '', '+1', specific],
    ['nothing is loaded when nothing is asked for', '1 2', '', '', nothing],
    ['what serves is not loaded again', '1 2', '2:SERVING', ''],
    ['what loads is not loaded again', '1 2', '2:LOADING', ''],
    ['one that is being unloaded is loaded again', '2', '2:UNLOADING', '+2'],
    ['one that may still be being copied is not loaded', '1 2~', '1:SERVING', ''],
    ['a half-copied only version is waited for', '1~', '', ''],
  ])('%s', (_, disk, held, expected, changes) => {
    expect(next(disk, held, changes)).toBe(expected);
  });
});

describe('availability first', () => {
  test.each<Row>([
    ['a new version loads beside the one that serves', '1 2', '1:SERVING', '+2'],
    ['the old one stays while the new one loads', '1 2', '1:SERVING 2:LOADING', ''],
    ['the old one goes when the new one serves', '1 2', '1:SERVING 2:SERVING', '-1'],
    ['one that is on its way out is not told again', '1 2', '1:UNLOADING 2:SERVING', ''],
    ['the old one stays when the new one fails', '1 2', '1:SERVING 2:FAILED', ''],
    [
      'the old one stays until all that is wanted has finished loading',
      '1 2 3',
      '1:SERVING 2:SERVING 3:LOADING',
      '',
      two,
    ],
    [
      'the old one stays while a wanted one is still being copied',
      '1 2 3~',
      '1:SERVING 2:SERVING',
      '',
      two,
    ],
    [
      'the old one goes when one wanted version serves and the other failed',
      '1 2 3',
      '1:SERVING 2:SERVING 3:FAILED',
      '-1',
      two,
    ],
    ['a removed newest version is replaced by the one before it first', '1', '2:SERVING', '+1'],
    ['a removed version goes when the one before it serves', '1', '1:SERVING 2:SERVING', '-2'],
    ['the only version that serves stays when its folder is gone', '', '1:SERVING', ''],
    ['several stay when all folders are gone', '', '1:SERVING 2:SERVING', '', two],
    ['replaced files load beside the old content', '1b', '1a:SERVING', '+1b'],
    ['the old content stays while the new one loads', '1b', '1a:SERVING 1b:LOADING', ''],
    ['the old content goes when the new one serves', '1b', '1a:SERVING 1b:SERVING', '-1a'],
    ['the old content stays when the new one is broken', '1b', '1a:SERVING 1b:FAILED', ''],
    ['a load whose files changed meanwhile is given up', '1b~', '1a:LOADING', '-1a'],
    ['a load that nobody wants any more is given up', '1 3', '1:SERVING 2:LOADING', '-2 +3'],
    [
      'a version that a label names stays beside the newest',
      '1 2',
      '1:SERVING 2:SERVING',
      '',
      { labelled: ['1'] },
    ],
    [
      'all goes when nothing is asked for',
      '1 2',
      '1:SERVING 2:LOADING 3:FAILED',
      '-1 -2 -3',
      nothing,
    ],
  ])('%s', (_, disk, held, expected, changes) => {
    expect(next(disk, held, changes)).toBe(expected);
  });
});

describe('resources first', () => {
  test.each<Row>([
    ['a new version is read beside the old one', '1 2', '1:SERVING', '+2'],
    ['the old one stays while the new one is read', '1 2', '1:SERVING 2:LOADING', ''],
    ['the old one goes when the new one is prepared', '1 2', '1:SERVING 2:PREPARED', '-1'],
    ['the new one waits until the old one is gone', '1 2', '1:UNLOADING 2:PREPARED', ''],
    ['the new one goes on when the old one is gone', '1 2', '2:PREPARED', '>2'],
    ['the old one stays while the new one may still be being copied', '1 2~', '1:SERVING', ''],
    ['the old one stays when its folder is gone and nothing takes its place', '', '1:SERVING', ''],
    ['the old one stays when the new one cannot be read', '1 2', '1:SERVING 2:FAILED', ''],
    ['what failed is in nobody’s way', '1 2', '1:FAILED 2:PREPARED', '-1 >2'],
    ['what is wanted and serves stays', '1 2', '2:SERVING', ''],
    ['a prepared version that nobody wants any more goes', '1', '1:SERVING 2:PREPARED', '-2'],
  ])('%s', (_, disk, held, expected) => {
    expect(next(disk, held, resources)).toBe(expected);
  });

  test('what was prepared goes on at once where there is room for both', () => {
    expect(next('1 2', '1:SERVING 2:PREPARED')).toBe('>2');
  });
});

describe('a failed load', () => {
  test.each<Row>([
    ['is tried again when it is time', '2', '2:FAILED@10', '+2'],
    ['is looked at again when it will be time', '2', '2:FAILED@15', '@15'],
    ['is left to the runners that try by themselves', '2', '2:FAILED', ''],
    ['is tried at once when its files change', '2b', '2a:FAILED@99', '+2b'],
    ['waits until changed files are settled', '2b~', '2a:FAILED@99', ''],
    ['falls back to the next lower version where nothing serves', '1 2 3', '3:FAILED@99', '+2 @99'],
    ['goes on with its fallback', '1 2 3', '2:LOADING 3:FAILED@99', '@99'],
    ['goes on with its fallback while it is tried again', '1 2 3', '2:LOADING 3:FAILED@10', '+3'],
    ['gives up a fallback whose files changed', '1 2b 3', '2a:LOADING 3:FAILED@99', '-2a @99'],
    ['does not fall back while another serves', '1 2 3', '1:SERVING 3:FAILED@99', '@99'],
    ['falls back once more when that failed too', '1 2 3', '2:FAILED 3:FAILED@99', '+1 @99'],
    [
      'falls back three times at most',
      '1 2 3 4 5',
      '2:FAILED 3:FAILED 4:FAILED 5:FAILED@99',
      '@99',
    ],
    ['keeps its fallback until it serves itself', '1 2', '1:SERVING 2:FAILED@99', '@99'],
    ['ends its fallback when it serves', '1 2', '1:SERVING 2:SERVING', '-1'],
  ])('%s', (_, disk, held, expected, changes) => {
    expect(next(disk, held, changes)).toBe(expected);
  });

  test.each([
    [1, 5000],
    [2, 10_000],
    [4, 40_000],
    [10, 300_000],
    [1e9, 300_000],
  ])('after %d failures waits %d ms', (failures, expected) => {
    expect(retryDelayMs(failures)).toBe(expected);
  });
});

test('each unload says why', () => {
  const base = {
    asked: 'policy',
    policy: { policy: 'latest' },
    preserve: 'availability',
    labelled: [],
    now,
  } as const;
  const why = (disk: string, held: string, asked: ModelSnapshot['asked'] = 'policy'): unknown =>
    nextActions({ ...base, asked, onDisk: onDisk(disk), loaded: loaded(held) }).actions[0];
  expect(why('1 2', '1:SERVING 2:SERVING')).toMatchObject({
    why: 'the policy selects other versions',
  });
  expect(why('2', '1:SERVING 2:SERVING')).toMatchObject({ why: 'its folder is gone' });
  expect(why('2b', '2a:SERVING 2b:SERVING')).toMatchObject({ why: 'its files have changed' });
  expect(why('2', '2:SERVING', 'nothing')).toMatchObject({ why: 'the model is unloaded' });
});

/** Whatever happens in whatever order, the policy gets where it should, and something serves all the way. */
test('any sequence of copies, replacements and removals ends with the wanted versions, and one serves all the while', () => {
  let seed = 1;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return (seed >>> 8) % below;
  };
  for (let round = 0; round < 300; round += 1) {
    let disk: VersionOnDisk[] = [{ version: '1', stamp: 'a', settled: true }];
    let held: LoadedVersion[] = [{ id: 0, version: '1', stamp: 'a', state: 'SERVING' }];
    let ids = 1;
    const step = (): boolean => {
      const { actions } = nextActions({
        asked: 'policy',
        policy: { policy: 'latest', count: 1 + (round % 2) },
        preserve: 'availability',
        labelled: round % 3 === 0 ? ['2'] : [],
        onDisk: disk,
        loaded: held,
        now,
      });
      for (const action of actions) {
        if (action.kind === 'start') continue;
        if (action.kind === 'unload') {
          held = held.flatMap((one) =>
            one.id !== action.id
              ? [one]
              : one.state === 'SERVING'
                ? [{ ...one, state: 'UNLOADING' as const }]
                : [],
          );
        } else {
          const { version, stamp } = action;
          held = held.filter((one) => one.state !== 'FAILED' || one.version !== version);
          held.push({ id: ids++, version, stamp, state: 'LOADING' });
        }
      }
      // Something that was started ends, one way or the other.
      const moving = held.filter(({ state }) => state === 'LOADING' || state === 'UNLOADING');
      const ends = moving[random(Math.max(1, moving.length))];
      if (ends?.state === 'UNLOADING') held = held.filter((one) => one !== ends);
      else if (ends) {
        const state = ends.stamp === 'bad' ? ('FAILED' as const) : ('SERVING' as const);
        held = held.map((one) => (one === ends ? { ...one, state } : one));
      }
      return actions.length > 0 || ends !== undefined;
    };
    for (let change = 0; change < 12; change += 1) {
      const version = String(1 + random(5));
      const stamp = ['a', 'b', 'bad'][random(3)] as string;
      disk = disk.filter((one) => one.version !== version);
      if (random(4) > 0) disk = [...disk, { version, stamp, settled: random(3) > 0 }];
      disk.sort((a, b) => Number(a.version) - Number(b.version));
      for (let i = random(4); i > 0; i -= 1) step();
      expect(held.some(({ state }) => state === 'SERVING')).toBe(true);
    }
    disk = disk.map((one) => ({ ...one, settled: true }));
    let steps = 0;
    while (step() && steps < 100) steps += 1;
    expect(steps).toBeLessThan(100);
    const newest = disk.at(-1);
    if (newest && newest.stamp !== 'bad') {
      expect(held).toContainEqual(
        expect.objectContaining({ version: newest.version, stamp: newest.stamp, state: 'SERVING' }),
      );
    }
  }
});
