import { describe, expect, test } from 'vitest';
import type { TuningResult } from './batch-tuning.ts';
import { timeRuns, tuneBatch } from './batch-tuning.ts';
import type { FrameTensor } from './frames.ts';

interface Puppet {
  /** How long a run takes, in milliseconds; `count`: how many runs of so many rows came before. */
  readonly cost: (rows: number, count: number) => number;
  readonly rowBytes?: number;
  /** Rows of runs that the probe made. */
  readonly before?: readonly number[];
}

interface Outcome extends TuningResult {
  /** Rows of each run of the search. */
  readonly runs: readonly number[];
  readonly tookMs: number;
}

const rowsOf = (rows: number, rowBytes: number): FrameTensor[] => {
  const chunks = [{ byteLength: rows * rowBytes } as Uint8Array];
  return [{ index: 0, dtype: 'FP32', shape: [rows, 1], chunks }];
};

async function tune({ cost, rowBytes = 4, before = [] }: Puppet): Promise<Outcome> {
  let now = 0;
  const done: number[] = [];
  const run = async (inputs: readonly FrameTensor[]): Promise<readonly FrameTensor[]> => {
    const rows = inputs[0]?.shape[0] ?? 0;
    now += cost(rows, done.filter((one) => one === rows).length);
    done.push(rows);
    return [];
  };
  const runs = timeRuns(run, () => now);
  for (const rows of before) await runs.run(rowsOf(rows, rowBytes));
  const startedAt = now;
  done.length = 0;
  const result = await tuneBatch({
    runs,
    makeRows: (rows) => rowsOf(rows, rowBytes),
    now: () => now,
  });
  return { ...result, runs: done, tookMs: now - startedAt };
}

const triedOf = ({ batchSize }: Outcome): number[] => batchSize.measured.map(({ batch }) => batch);

/** Rows that cost nothing beside the run: every doubling pays. */
const tiny = (rows: number): number => 0.02 + rows * 0.0005;
/** Rows that cost what they cost: only what is around a run is saved. */
const linear =
  (ms: number) =>
  (rows: number): number =>
    rows * ms;
/** Weights that must be read once a run: rows are nearly free. */
const heavy =
  (ms: number) =>
  (rows: number): number =>
    ms + 0.02 * ms * rows;

describe('the batch is the smallest with 90% of the best rate:', () => {
  test.each<[string, (rows: number) => number, number]>([
    ['a tiny model takes many rows', tiny, 1024],
    ['a small model takes a few', linear(0.4), 8],
    ['a slow model, whose rows gain nothing, takes one', linear(40), 1],
    ['a model that gains for a while takes no more than that', (rows) => Math.max(4, rows), 4],
  ])('%s', async (_, cost, maxBatch) => {
    const outcome = await tune({ cost, before: [1, 2] });
    expect([outcome.batchSize.maxBatch, outcome.certain]).toEqual([maxBatch, true]);
  });

  test('with the rates that were measured, and why no more rows', async () => {
    const { batchSize } = await tune({ cost: (rows) => (rows < 4 ? 5 : 2.8 * rows) });
    expect(batchSize).toEqual({
      maxBatch: 2,
      reason: '363.6 rows/s, the most; more rows gain nothing',
      measured: [
        { batch: 1, runMs: 5, rowsPerSecond: 181.8 },
        { batch: 2, runMs: 5, rowsPerSecond: 363.6 },
        { batch: 4, runMs: 11.2, rowsPerSecond: 341.9 },
      ],
    });
  });
});

describe('no run is longer than', () => {
  test('50 ms, although more rows would pay', async () => {
    const outcome = await tune({ cost: (rows) => 10 + 5 * rows, before: [1, 2] });
    expect(outcome.batchSize.maxBatch).toBe(8);
    expect(outcome.batchSize.reason).toContain('more rows would run longer than 50 ms');
    expect(Math.max(...outcome.runs)).toBe(8);
  });

  test('two rows of a slow model one by one', async () => {
    const outcome = await tune({ cost: (rows) => 80 + 20 * rows, before: [1, 2] });
    expect(outcome.batchSize.maxBatch).toBe(4);
    expect(outcome.batchSize.reason).toContain('longer than 200 ms');
  });

  test('the bound, when one that was tried turns out to be', async () => {
    const outcome = await tune({ cost: (rows) => (rows < 4 ? 30 : 61) });
    expect([triedOf(outcome), outcome.batchSize.maxBatch]).toEqual([[1, 2, 4], 2]);
  });
});

describe('the search ends', () => {
  test('after a few runs of each batch and 100 ms', async () => {
    for (const ms of [0.01, 0.1, 1, 3, 10, 20]) {
      for (const cost of [linear(ms), heavy(ms), tiny]) {
        const { tookMs, certain } = await tune({ cost });
        expect(tookMs).toBeLessThan(150);
        expect(certain).toBe(true);
      }
    }
  });

  test('at once for a slow model whose probe shows that two rows gain nothing', async () => {
    const outcome = await tune({ cost: linear(40), before: [1, 1, 2, 2] });
    expect([outcome.runs, triedOf(outcome)]).toEqual([[], [1, 2]]);
  });

  test('within the time of four rows, for a slow model whose rows are nearly free', async () => {
    const outcome = await tune({ cost: heavy(100), before: [1, 1, 2, 2] });
    expect(outcome.tookMs).toBeLessThan(500);
    expect(outcome.batchSize.maxBatch).toBeGreaterThan(2);
    expect(outcome.batchSize.reason).toContain('there was no time to try more rows');
  });

  test('without a run of minutes', async () => {
    const outcome = await tune({ cost: heavy(5000), before: [1, 2] });
    expect([outcome.runs, outcome.batchSize.maxBatch]).toEqual([[], 2]);
  });

  test('at 64 MB of inputs and outputs', async () => {
    const outcome = await tune({ cost: tiny, rowBytes: 2 ** 22 });
    expect([Math.max(...outcome.runs), outcome.batchSize.maxBatch]).toEqual([16, 16]);
    expect(outcome.batchSize.reason).toContain('more rows would be more than 64 MB');
  });
});

describe('a disturbance', () => {
  test('of some runs changes nothing', async () => {
    const calm = await tune({ cost: linear(0.4) });
    const noisy = await tune({ cost: (rows, count) => 0.4 * rows * (count % 2 === 0 ? 5 : 1) });
    expect(noisy.batchSize.maxBatch).toBe(calm.batchSize.maxBatch);
    expect(noisy.certain).toBe(true);
  });

  test('that is over by the second way up changes nothing', async () => {
    // Slow for the whole first sample of two rows.
    const cost = (rows: number, count: number) => (rows === 2 && count < 3 ? 2 : 0.4 * rows);
    const { batchSize } = await tune({ cost });
    expect(batchSize).toEqual((await tune({ cost: linear(0.4) })).batchSize);
  });

  test('that lasts makes the finding uncertain, so that it is not kept', async () => {
    const outcome = await tune({ cost: (rows) => (rows < 4 ? rows : 3 * rows) });
    expect([outcome.certain, outcome.batchSize.maxBatch]).toEqual([false, 2]);
    expect(outcome.batchSize.reason).toContain('disturbed');
  });

  test('that leaves no time for short runs makes it uncertain too', async () => {
    // Every other run waits for its turn.
    const cost = (rows: number, count: number) => (count % 2 === 0 ? 15 : 0) + tiny(rows);
    const outcome = await tune({ cost });
    expect([outcome.certain, outcome.batchSize.maxBatch]).toEqual([false, 64]);
    expect(outcome.batchSize.reason).toContain('because other work took it');
  });

  test('of one run of one row, after which there is no time for two, is not kept', async () => {
    const cost = (rows: number, count: number) => (rows === 1 && count === 1 ? 90 : 8 * rows);
    const outcome = await tune({ cost });
    expect([outcome.certain, triedOf(outcome)]).toEqual([false, [1]]);
    expect(outcome.batchSize.reason).toContain('because other work took it');
  });

  test('that makes no difference is no matter', async () => {
    const { certain, batchSize } = await tune({
      cost: (rows) => tiny(rows) * (rows < 1024 ? 1 : 1.3),
    });
    expect([certain, batchSize.maxBatch]).toEqual([true, 1024]);
  });
});

describe('a run that fails', () => {
  test('ends the search with what was found, which is not kept', async () => {
    const cost = (rows: number): number => {
      if (rows > 8) throw new Error('no memory');
      return tiny(rows);
    };
    const { certain, batchSize } = await tune({ cost });
    expect([certain, batchSize.maxBatch]).toEqual([false, 8]);
    expect(batchSize.reason).toContain('a run failed: no memory');
  });

  test('with one row leaves runs of one row', async () => {
    const cost = (): number => {
      throw new Error('no memory');
    };
    const { batchSize } = await tune({ cost });
    expect(batchSize).toEqual({ maxBatch: 1, reason: 'a run failed: no memory', measured: [] });
  });
});
