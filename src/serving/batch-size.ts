/**
 * How many rows a run of a version takes at most, and who says so: model.yaml before what was measured
 * at load, and that before a default. Does not own the measuring (runner/batch-tuning.ts).
 */

import type { PicturePlan } from '../pipeline/picture-plan.ts';
import { finalSize } from '../pipeline/picture-plan.ts';
import type { ReadModel, ReadVersion } from '../repository/read-model.ts';
import type { LoadReport } from '../runner/protocol.ts';
import type { TensorSpec } from '../tensor/tensor-spec.ts';

export interface RunSize {
  /** 1 where every request runs alone; it is then not cut, whatever its rows. */
  readonly maxBatch: number;
  readonly source: 'model.yaml' | 'measured' | 'default' | 'not batched';
  readonly reason: string;
}

/** Rows of a run where neither model.yaml nor a measurement says. */
export const defaultMaxBatch = 8;

/** Every input and output leaves its first dimension open, so that it can be a batch's. */
export function hasOpenBatch({ signature }: ReadVersion): boolean {
  const open = ({ shape, anyShape }: TensorSpec): boolean => anyShape === true || shape[0] === null;
  return signature !== undefined && [...signature.inputs, ...signature.outputs].every(open);
}

/** Why rows of several requests may not share a run, or undefined when they may. */
function findObstacle(
  { config }: ReadModel,
  version: ReadVersion,
  report: LoadReport | undefined,
): string | undefined {
  const { acrossRequests } = config.batching;
  if (acrossRequests === false) return 'model.yaml says acrossRequests: false';
  // model.yaml may allow what the probe cannot find out, not what the shapes rule out.
  const allowed = acrossRequests === true || report?.batching.acrossRequests === true;
  if (!allowed) return report?.batching.reason ?? 'it is not loaded yet';
  return hasOpenBatch(version)
    ? undefined
    : 'the first dimension of an input or output is fixed or missing';
}

/** `report`: of the first instance; until it is there no run is shared. */
export function runSizeOf(
  model: ReadModel,
  version: ReadVersion,
  report: LoadReport | undefined,
): RunSize {
  const obstacle = findObstacle(model, version, report);
  if (obstacle) return { maxBatch: 1, source: 'not batched', reason: obstacle };
  const { maxBatch } = model.config.batching;
  if (maxBatch) {
    return { maxBatch, source: 'model.yaml', reason: `model.yaml says maxBatch: ${maxBatch}` };
  }
  const measured = report?.batchSize;
  if (measured) {
    return { maxBatch: measured.maxBatch, source: 'measured', reason: measured.reason };
  }
  const reason = report?.batching.acrossRequests
    ? 'not measured, because the model leaves the size of its rows open'
    : 'not measured, because its inputs cannot be made up';
  return { maxBatch: defaultMaxBatch, source: 'default', reason };
}

/** What is measured with made-up rows holds for real ones only when all have the same size. */
function hasRowsOfOneSize({ signature }: ReadVersion, plan: PicturePlan | undefined): boolean {
  const sized = plan && finalSize(plan) ? plan.index : undefined;
  return (signature?.inputs ?? []).every(
    ({ shape, anyShape }, index) =>
      index === sized || (!anyShape && shape.every((dim, axis) => axis === 0 || dim !== null)),
  );
}

/** Whether a runner should find out at load how many rows pay. */
export function wantsMeasuring(
  { config }: ReadModel,
  version: ReadVersion,
  plan: PicturePlan | undefined,
): boolean {
  const { maxBatch, acrossRequests } = config.batching;
  if (maxBatch !== undefined || acrossRequests === false) return false;
  return hasRowsOfOneSize(version, plan);
}
