/**
 * Sums of one model version since the server started, beside the distributions of version-metrics.ts:
 * the statistics extension wants counts by outcome and by exact batch size.
 */

export interface Tally {
  readonly count: number;
  readonly milliseconds: number;
}

export interface VersionStatistics {
  /** Milliseconds since 1970; 0 before the first run. */
  readonly lastRunAt: number;
  readonly rows: number;
  readonly runs: number;
  /** Requests by outcome, with their whole time. */
  readonly success: Tally;
  readonly fail: Tally;
  /** How long requests waited for a free instance. */
  readonly queue: Tally;
  /** How long requests were in the runtime; each of a shared run counts the whole run. */
  readonly infer: Tally;
  /** Runs by their rows. */
  readonly batches: ReadonlyMap<number, Tally>;
}

class Sum implements Tally {
  count = 0;
  milliseconds = 0;

  add(milliseconds: number, count = 1): void {
    this.count += count;
    this.milliseconds += milliseconds;
  }
}

/** Where runs are not cut, clients choose their rows: further sizes are not told apart. */
const mostSizes = 256;

export class VersionTotals implements VersionStatistics {
  lastRunAt = 0;
  rows = 0;
  runs = 0;
  readonly success = new Sum();
  readonly fail = new Sum();
  readonly queue = new Sum();
  readonly infer = new Sum();
  readonly batches = new Map<number, Sum>();

  addRequest(code: string, milliseconds: number): void {
    (code === 'OK' ? this.success : this.fail).add(milliseconds);
  }

  /** `waitMs`: of each request of the run. `now`: milliseconds since 1970. */
  addRun(rows: number, waitMs: readonly number[], runMs: number, now: number): void {
    this.lastRunAt = now;
    this.rows += rows;
    this.runs += 1;
    for (const wait of waitMs) this.queue.add(wait);
    this.infer.add(runMs * waitMs.length, waitMs.length);
    this.sizeOf(rows)?.add(runMs);
  }

  private sizeOf(rows: number): Sum | undefined {
    const found = this.batches.get(rows);
    if (found || this.batches.size >= mostSizes) return found;
    const made = new Sum();
    this.batches.set(rows, made);
    return made;
  }
}
