/** What a model says about one of its inputs or outputs. */

import type { DType } from './dtype.ts';

/** A dimension: a number, or null where the model leaves it open. */
export type Dimension = number | null;

export interface TensorSpec {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly Dimension[];
  /** The model does not even say the rank: `shape` is empty and any shape is taken. */
  readonly anyShape?: true;
}

/** The open dimensions as -1, the way every protocol's metadata writes them. */
export function wireShape(shape: readonly Dimension[]): number[] {
  return shape.map((dim) => dim ?? -1);
}
