/** Arithmetic on sizes of which some are open: it stays with the sizes instead of becoming nodes. */

import type { Constant } from '../constant.ts';
import { listOf } from '../constant.ts';
import type { Operation } from '../evaluate/operation.ts';
import type { Dim, Sizes, TfValue } from '../values.ts';
import { sizesValue } from './arguments.ts';
import { combineSizes, multiplySizes } from './reductions.ts';

type Combine = (a: Dim, b: Dim) => Dim;

const plain =
  (op: string, compute: (a: number, b: number) => number, neutral: number): Combine =>
  (a, b) => {
    if (typeof a === 'number' && typeof b === 'number') return compute(a, b);
    return b === neutral ? a : combineSizes(op, a, b);
  };

const combine: Readonly<Record<string, Combine>> = {
  Mul: multiplySizes,
  Add: plain('Add', (a, b) => a + b, 0),
  AddV2: plain('Add', (a, b) => a + b, 0),
  Sub: plain('Sub', (a, b) => a - b, 0),
  FloorDiv: plain('Div', (a, b) => Math.floor(a / b), 1),
  Maximum: plain('Max', Math.max, Number.NEGATIVE_INFINITY),
  Minimum: plain('Min', Math.min, Number.POSITIVE_INFINITY),
};

const isSizes = (value: TfValue | undefined): value is Sizes | Constant =>
  value?.kind === 'sizes' || (value?.kind === 'constant' && /^u?int/.test(value.type.name));

/** The result, or undefined when the inputs are not all sizes of few elements. */
export function combineSizeLists(
  { op }: Operation,
  inputs: readonly TfValue[],
): TfValue | undefined {
  const combineTwo = Object.hasOwn(combine, op) ? combine[op] : undefined;
  const [a, b] = inputs;
  if (!combineTwo || !isSizes(a) || !isSizes(b) || (a.kind === 'constant' && b.kind === 'constant'))
    return undefined;
  const [left, right] = [listFrom(a), listFrom(b)];
  if (!left || !right) return undefined;
  const length = Math.max(left.length, right.length);
  if (![left.length, right.length].every((own) => own === 1 || own === length)) return undefined;
  const dims = Array.from({ length }, (_, i) =>
    combineTwo(left[left.length === 1 ? 0 : i] as Dim, right[right.length === 1 ? 0 : i] as Dim),
  );
  const isScalar = [a, b].every((value) =>
    value.kind === 'sizes' ? value.isScalar : value.shape.length === 0,
  );
  return sizesValue(dims, a.type, isScalar);
}

function listFrom(value: Sizes | Constant): readonly Dim[] | undefined {
  if (value.kind === 'sizes') return value.dims;
  return value.shape.length <= 1 && (value.shape[0] ?? 1) <= 32 ? listOf(value) : undefined;
}
