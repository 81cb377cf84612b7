/** A change of the machine's date moves no deadline, no limit and no heartbeat. */

import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { newLife } from '../src/serving/life.fixture.ts';
import { createReadyStage } from '../src/serving/version.fixture.ts';
import { root } from './support/modelship.ts';

afterEach(() => {
  vi.useRealTimers();
});

const year = 365 * 24 * 3_600_000;

test.each([
  ['forward', year],
  ['back', -year],
])(
  'a request that waits while the date jumps %s is neither given up nor kept for ever',
  async (_, jump) => {
    // Date alone: the timers of the scheduler stay the machine's own.
    vi.useFakeTimers({ toFake: ['Date'] });
    const { served, runner } = await createReadyStage({ heartbeatMs: 1000, runLimitMs: 5000 });
    const running = served.run({ inputs: [], wanted: 0 }, newLife(60_000));
    const waiting = served.run({ inputs: [], wanted: 0 }, newLife(60_000));
    const short = served.run({ inputs: [], wanted: 0 }, newLife(200));
    vi.setSystemTime(Date.now() + jump);
    await expect(short).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    runner.runs[0]?.finish([]);
    await running;
    await vi.waitUntil(() => runner.runs.length > 0);
    runner.runs[0]?.finish([]);
    const { timings } = await waiting;
    expect(timings.queueMs).toBeGreaterThanOrEqual(0);
    expect(timings.queueMs).toBeLessThan(year / 2);
    expect(served.state).toBe('READY');
  },
);

test('nothing that waits, runs or restarts reads the date', () => {
  const files = ['batching', 'runner', 'serving', 'processes', 'cli'].flatMap((name) =>
    globSync(`src/${name}/**/*.ts`, { cwd: root }),
  );
  const readers = files
    .filter((file) => !/\.(test|fixture)\.ts$/.test(file))
    .flatMap((file) =>
      readFileSync(join(root, file), 'utf8')
        .split('\n')
        .filter((line) => /\bDate\.now\b|\bnew Date\b/.test(line))
        .map((line) => `${file}: ${line.trim()}`),
    );
  // When something began, for people to read, and files, whose times are dates.
  const mayRead = /since = new Date\(\);$|createTrafficStore\(|createRepository\(/;
  expect(readers.filter((line) => !mayRead.test(line))).toEqual([]);
});
