/**
 * A loop over rows whose body works element by element needs no loop: all rows are taken at once. Values
 * that stand for one row to TensorFlow are marked, and only operators are let through that treat every
 * row alike.
 */

import type { Operation } from '../evaluate/operation.ts';
import type { Known, Tensor, TfValue } from '../values.ts';
import { isKnown, rankOf } from './arguments.ts';

/** Something in the body is not done row by row; the loop has to be one. */
export class NotEveryRowError extends Error {}

const alike = new Set([
  'Identity',
  'StopGradient',
  'CheckNumerics',
  'EnsureShape',
  'Cast',
  'Add',
  'AddV2',
  'Sub',
  'Mul',
  'RealDiv',
  'Div',
  'Maximum',
  'Minimum',
  'Pow',
  'Square',
  'Sqrt',
  'Rsqrt',
  'Neg',
  'Abs',
  'Exp',
  'Log',
  'Relu',
  'Relu6',
  'Sigmoid',
  'Tanh',
  'ClipByValue',
]);

/** The places where a row goes in or out as it is. */
const carriers = new Set(['TensorListSetItem', 'TensorArrayWriteV3']);

const isEvery = (value: TfValue): value is Tensor =>
  value.kind === 'tensor' && value.isEveryRow === true;

/** Runs the handler; throws NotEveryRowError where its operator may not see all rows. */
export function everyRow(
  { op }: Operation,
  inputs: readonly TfValue[],
  run: (inputs: readonly TfValue[]) => TfValue | readonly TfValue[],
): TfValue | readonly TfValue[] {
  const rows = inputs.filter(isEvery);
  if (rows.length === 0 || carriers.has(op)) return run(inputs);
  const rank = Math.min(...rows.map((row) => row.dims.length - 1));
  const others = inputs.filter((input) => !isEvery(input));
  const fits = others.every((input) => isKnown(input) && rankOf(input as Known) <= rank);
  const isSameRank = rows.every((row) => row.dims.length - 1 === rank);
  if (!alike.has(op) || !fits || !isSameRank) throw new NotEveryRowError();
  const result = run(
    inputs.map((input) => (isEvery(input) ? { ...input, isEveryRow: undefined } : input)),
  );
  if ('kind' in result && result.kind === 'tensor') return { ...result, isEveryRow: true };
  throw new NotEveryRowError();
}
