/**
 * How long a request would wait now: what is ahead of it, by the rate at which instances have lately
 * worked.
 */

/** What the estimate is made of. */
export interface Load {
  /** Rows that run before a newcomer would. */
  readonly rowsAhead: number;
  readonly rowsRunning: number;
  readonly instances: number;
}

/** Weight of the newest run: the last ten or so make the rate. */
const newest = 0.1;
const longestRetryAfterSeconds = 60;

export class WaitEstimate {
  private rows = 0;
  private milliseconds = 0;

  /** A run of `rows` rows took so long on one instance. */
  addRun(rows: number, milliseconds: number): void {
    // Averages of rows and of time, not of their ratio: long runs count for what they are.
    const weight = this.rows === 0 ? 1 : newest;
    this.rows += weight * (rows - this.rows);
    this.milliseconds += weight * (milliseconds - this.milliseconds);
  }

  /** Milliseconds that one instance takes for a row; undefined before the first run. */
  get msPerRow(): number | undefined {
    return this.rows === 0 ? undefined : this.milliseconds / this.rows;
  }

  /** Milliseconds until a newcomer would run; undefined when nothing is known or no instance lives. */
  waitMs({ rowsAhead, rowsRunning, instances }: Load): number | undefined {
    if (this.msPerRow === undefined || instances === 0) return undefined;
    // What runs is half done on average.
    return ((rowsAhead + rowsRunning / 2) * this.msPerRow) / instances;
  }

  /** Whole seconds after which to try again, 1 to 60. */
  retryAfterSeconds(load: Load): number {
    const seconds = Math.ceil((this.waitMs(load) ?? 0) / 1000);
    return Math.min(longestRetryAfterSeconds, Math.max(1, seconds));
  }
}
