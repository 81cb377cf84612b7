/**
 * What becomes of a part whose run failed.
 *
 * - Its instance died: once more, alone, on another instance or on the one that replaces it. Whoever
 *   kills two instances is given up; its neighbours were only in its company.
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
}

export interface FailurePolicy {
  /** True when the instance is gone; it gets nothing more, even before it is removed. */
  isDeath(error: unknown): boolean;
  /** True: the part runs once more, alone. False: its request fails with the error. */
  runsAgain(failed: FailedRun): boolean;
}

const isDeath = (error: unknown): boolean =>
  error instanceof ServingError && error.code === 'RUNNER_DIED';

export const defaultFailurePolicy: FailurePolicy = {
  isDeath,
  runsAgain: ({ error, company, deaths }) => (isDeath(error) ? deaths < 2 : company > 1),
};
