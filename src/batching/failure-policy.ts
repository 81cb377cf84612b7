/**
 * What becomes of a part whose run failed.
 *
 * - Its instance died: once more, alone, on another instance or on the one that replaces it. Whoever
 *   kills two instances is given up; its neighbours were only in its company.
 * - Its instance died before it began to run it: that was not its doing and does not count, so that
 *   several instances that die at once cost nobody the second try.
 * - Any other error of a run with company: once more, alone, so that one bad request fails itself and
 *   not its neighbours.
 * - Any other error of a run alone is its own.
 */

import { ServingError } from '../errors.ts';

export interface FailedRun {
  readonly error: unknown;
  /** Parts that ran together, this one included. */
  readonly company: number;
  /** Instances that died while they ran this part, this time included. */
  readonly deaths: number;
  /** Instances that had it and died before they began, this time included. */
  readonly innocentDeaths: number;
}

export interface FailurePolicy {
  /** True when the instance is gone; it gets nothing more, even before it is removed. */
  isDeath(error: unknown): boolean;
  /** True when that instance is known to have died before the run began. */
  isInnocent(error: unknown): boolean;
  /** True: the part runs once more, alone. False: its request fails with the error. */
  runsAgain(failed: FailedRun): boolean;
}

const isDeath = (error: unknown): boolean =>
  error instanceof ServingError && error.code === 'RUNNER_DIED';

const isInnocent = (error: unknown): boolean =>
  isDeath(error) && (error as ServingError<'RUNNER_DIED'>).details.neverStarted === true;

/** More instances than usually die at once; whoever meets more of them is not to be kept for ever. */
const mostInnocentDeaths = 16;

export const defaultFailurePolicy: FailurePolicy = {
  isDeath,
  isInnocent,
  runsAgain: ({ error, company, deaths, innocentDeaths }) =>
    isDeath(error) ? deaths < 2 && innocentDeaths < mostInnocentDeaths : company > 1,
};
