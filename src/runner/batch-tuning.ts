/**
 * Finds how many rows a run should take at most: the smallest batch that gives 90% of the best rows per
 * second, among those whose run nobody minds waiting for (docs/decisions/batching.md).
 *
 * Times 1, 2, 4, 8, … made-up rows for as long as more rows pay. The fastest of several runs counts,
 * and short runs are timed once more on a second way up: another process that takes the core for a
 * moment is then not mistaken for a slow batch. Owns the search; does not own what a row is.
 */

import { messageOf } from '../errors.ts';
import type { RunTensors } from './batch-probe.ts';
import type { FrameTensor } from './frames.ts';
import type { BatchRate, BatchSize } from './protocol.ts';

/** Milliseconds of the fastest run of so many rows, and the bytes that it took and gave. */
interface Timing {
  readonly ms: number;
  readonly bytes: number;
}

/** Runs, and what they took: whoever runs through it, the probe too, spares the search a run. */
export interface TimedRuns {
  readonly run: RunTensors;
  /** By the rows of the first input. */
  readonly fastest: ReadonlyMap<number, Timing>;
}

export interface TuningOptions {
  readonly runs: TimedRuns;
  /** The model's inputs, so many rows of them. */
  readonly makeRows: (rows: number) => readonly FrameTensor[];
  /** Milliseconds from some time on. */
  readonly now: () => number;
}

export interface TuningResult {
  readonly batchSize: BatchSize;
  /** False when another load may find something else (a run failed, or other work had the core). */
  readonly certain: boolean;
}

/** The share of the best rate that is enough: what is missing is not worth a longer run. */
const enough = 0.9;
/** Rows that do not add so much to the rate are not worth the search for more. */
const worthwhile = 1.05;
/** Behind a full run, then in one: 100 ms, which people take for at once. */
const boundMs = 50;
/** A slow model may run as long as two of its rows one by one: nobody waits longer for that. */
const boundRows = 2;
/**
 * What a run costs besides the model under load: the way there and back, the processes' turns on the
 * cores. Two cores of ours paid 1 to 2 ms, so that runs of more rows pay even where the model gains nothing.
 */
export const aroundMs = 0.5;
const mostRows = 1024;
const mostBytes = 64 * 1024 ** 2;

/** A batch is run at least twice and for so long, each time that it is timed. */
const sampleMs = 2;
const leastRuns = 2;
/** Runs as long as this are timed once, unless that is doubtful. */
const longMs = 20;
/** Twice the rows take up to this times as long; three runs may show it. */
const mostGrowth = 2.3;
const mostDoubts = 3;
/** Below this, two batches in a row must gain nothing, and be seen to, before the search ends. */
const shortMs = 5;
/** The whole search takes 100 ms, or as long as four rows of a slow model, which took more to probe. */
const leastBudgetMs = 100;
const mostBudgetMs = 500;
const budgetRows = 4;

function bytesOf(tensors: readonly FrameTensor[]): number {
  let total = 0;
  for (const { chunks } of tensors) for (const chunk of chunks) total += chunk.byteLength;
  return total;
}

/** Keeps the fastest run of each number of rows. */
export function timeRuns(run: RunTensors, now: () => number): TimedRuns {
  const fastest = new Map<number, Timing>();
  return {
    fastest,
    async run(inputs) {
      const startedAt = now();
      const outputs = await run(inputs);
      const rows = inputs[0]?.shape[0] ?? 1;
      const ms = Math.min(now() - startedAt, fastest.get(rows)?.ms ?? Number.POSITIVE_INFINITY);
      fastest.set(rows, { ms, bytes: bytesOf(inputs) + bytesOf(outputs) });
      return outputs;
    },
  };
}

const noGain = 'more rows gain nothing';
/** Short runs alone do not use the time up, nor do a few of one row. */
const noTurn = 'there was no time to try more rows, because other work took it';

const round = (value: number): number => Number(value.toPrecision(4));
const rateOf = (rows: number, ms: number): number => (1000 * rows) / (ms + aroundMs);

function choose(timings: ReadonlyMap<number, number>, bound: number, why: string): BatchSize {
  const measured = [...timings].map(
    ([batch, ms]): BatchRate => ({
      batch,
      runMs: round(ms),
      rowsPerSecond: round(rateOf(batch, ms)),
    }),
  );
  const allowed = measured.filter(({ batch, runMs }) => batch === 1 || runMs <= bound);
  const best = allowed.reduce((a, b) => (b.rowsPerSecond > a.rowsPerSecond ? b : a), {
    batch: 1,
    rowsPerSecond: 0,
  });
  const { batch: maxBatch, rowsPerSecond } = allowed.find(
    (one) => one.rowsPerSecond >= enough * best.rowsPerSecond,
  ) ?? { batch: 1, rowsPerSecond: 0 };
  const share =
    maxBatch === best.batch
      ? 'the most'
      : `${Math.round((100 * rowsPerSecond) / best.rowsPerSecond)}% of the ${best.rowsPerSecond} with ${best.batch}`;
  const rate = rowsPerSecond > 0 ? `${rowsPerSecond} rows/s, ${share}; ` : '';
  return { maxBatch, reason: `${rate}${why}`, measured };
}

/** Runs the model a few hundred times if it is tiny, and only where more rows may pay if it is not. */
export async function tuneBatch({ runs, makeRows, now }: TuningOptions): Promise<TuningResult> {
  const { fastest } = runs;
  const startedAt = now();
  /** Batches in the order in which they were timed. */
  const tried: number[] = [];
  const msOf = (rows: number): number => fastest.get(rows)?.ms ?? Number.POSITIVE_INFINITY;
  const bound = (): number => Math.max(boundMs, boundRows * msOf(1));
  const budget = (): number =>
    Math.min(mostBudgetMs, Math.max(leastBudgetMs, budgetRows * msOf(1)));
  const inTime = (ms: number): boolean => now() - startedAt + ms <= budget();

  /** Twice the rows took so much longer that something else must have had the core meanwhile. */
  const isDoubtful = (rows: number): boolean =>
    rows > 1 && msOf(rows) > mostGrowth * msOf(rows / 2);

  /** What is known already to take `enoughMs` is not run again, unless it is doubtful. */
  async function sample(rows: number, enoughMs: number): Promise<void> {
    const again = (): boolean => isDoubtful(rows) && inTime(msOf(rows));
    if (fastest.has(rows) && msOf(rows) >= enoughMs && !again()) return;
    const inputs = makeRows(rows);
    const until = now() + sampleMs;
    for (let count = 1; ; count += 1) {
      await runs.run(inputs);
      if (again() && count < mostDoubts) continue;
      if (msOf(rows) >= longMs || (count >= leastRuns && now() >= until)) return;
    }
  }

  /** How long a run should take by what the last doubling added: at least no less, at most twice. */
  function expectedMs(rows: number): number {
    const last = msOf(rows / 2);
    const added = rows > 2 ? 2 * (last - msOf(rows / 4)) : last;
    return last + Math.max(0, Math.min(last, added));
  }

  /** Why so many rows are not tried, when the best rate so far is `best`. */
  function findObstacle(rows: number, best: number): string | undefined {
    if (rows > mostRows) return `more than ${mostRows} rows are not tried`;
    const bytes = (fastest.get(1)?.bytes ?? 0) * rows;
    if (bytes > mostBytes) return 'more rows would be more than 64 MB';
    if (fastest.has(rows)) return undefined;
    const ms = expectedMs(rows);
    if (ms > bound()) return `more rows would run longer than ${Math.round(bound())} ms`;
    const foreseen = rows > 2 && msOf(rows / 2) >= shortMs;
    if (foreseen && rateOf(rows, ms) < worthwhile * best) return noGain;
    if (!inTime(ms)) {
      // Of one row, runs of half of this time had been made.
      const isShort = ms < shortMs || (rows === 2 && 4 * ms < budget());
      return isShort ? noTurn : 'there was no time to try more rows';
    }
    return undefined;
  }

  /** Returns why it ended. */
  async function climb(): Promise<string> {
    let best = 0;
    let idle = 0;
    for (let rows = 1; ; rows *= 2) {
      const obstacle = rows > 1 && findObstacle(rows, best);
      if (obstacle) return obstacle;
      await sample(rows, shortMs);
      tried.push(rows);
      const ms = msOf(rows);
      const rate = rateOf(rows, ms);
      idle = rate >= worthwhile * best ? 0 : idle + 1;
      best = Math.max(best, rate);
      if (idle >= (ms < shortMs ? 2 : 1)) return noGain;
    }
  }

  async function climbAgain(): Promise<void> {
    for (const rows of tried) {
      const ms = msOf(rows);
      if (ms < longMs && inTime(Math.max(sampleMs, leastRuns * ms))) await sample(rows, longMs);
    }
  }

  /** The times, and what they would be without the doubtful ones: do both lead to the same batch? */
  function conclude(why: string): TuningResult {
    const timings = new Map(tried.map((rows) => [rows, msOf(rows)]));
    const calm = new Map<number, number>();
    for (const rows of tried)
      calm.set(rows, isDoubtful(rows) ? 2 * (calm.get(rows / 2) ?? 0) : msOf(rows));
    const batchSize = choose(timings, bound(), why);
    const endedInDoubt = why === noGain && isDoubtful(tried.at(-1) ?? 1);
    const same = choose(calm, bound(), why).maxBatch === batchSize.maxBatch;
    if (same && !endedInDoubt && why !== noTurn) return { batchSize, certain: true };
    const reason = `${batchSize.reason}; other work disturbed the measurement, which is not kept`;
    return { batchSize: { ...batchSize, reason }, certain: false };
  }

  try {
    const why = await climb();
    await climbAgain();
    return conclude(why);
  } catch (error) {
    const why = `a run failed: ${messageOf(error).slice(0, 200)}`;
    return { ...conclude(why), certain: false };
  }
}
