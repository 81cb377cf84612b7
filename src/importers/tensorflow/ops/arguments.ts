/** What handlers ask of their inputs, with refusals that name the node. */

import type { Constant } from '../constant.ts';
import { constantOf, listOf } from '../constant.ts';
import type { DataType } from '../data-types.ts';
import { dataType } from '../data-types.ts';
import type { Operation } from '../evaluate/operation.ts';
import type { Dim, Known, Sizes, Tensor, TfValue } from '../values.ts';

const kinds: Readonly<Record<TfValue['kind'], string>> = {
  constant: 'a constant',
  tensor: 'a tensor',
  sizes: 'sizes',
  variable: 'a variable',
  restored: 'a checkpoint',
  nothing: 'nothing',
  counter: "a loop's running number",
  condition: "a loop's condition",
  list: 'a list of tensors',
  pictures: 'encoded pictures',
};

export const isKnown = (value: TfValue | undefined): value is Known =>
  value?.kind === 'constant' || value?.kind === 'tensor' || value?.kind === 'sizes';

/** Input `i` as numbers. */
export function known(operation: Operation, inputs: readonly TfValue[], i: number): Known {
  const value = inputs[i];
  if (isKnown(value)) return value;
  if (!value) return operation.refuse(`it has no input ${i}`);
  return operation.refuse(
    `its input ${i} is ${kinds[value.kind]}`,
    'tensors of numbers are taken there',
  );
}

/** Input `i`, which must be known ahead. */
export function constantAt(operation: Operation, inputs: readonly TfValue[], i: number): Constant {
  const value = known(operation, inputs, i);
  if (value.kind === 'constant') return value;
  return operation.refuse(`its input ${i} is only known at run time`, 'a constant is taken there');
}

/** Input `i` as a list of whole numbers that are known ahead. */
export function intsAt(operation: Operation, inputs: readonly TfValue[], i: number): number[] {
  return listOf(constantAt(operation, inputs, i));
}

/** A single number that is known ahead, or the standard where the input is missing. */
export function intAt(
  operation: Operation,
  inputs: readonly TfValue[],
  i: number,
  standard?: number,
): number {
  if (inputs[i] === undefined && standard !== undefined) return standard;
  return intsAt(operation, inputs, i)[0] ?? standard ?? 0;
}

/** Whole numbers of which some may be open; undefined for a tensor that is only known at run time. */
export function sizeList(value: Known): readonly Dim[] | undefined {
  if (value.kind === 'sizes') return value.dims;
  return value.kind === 'constant' ? listOf(value) : undefined;
}

export function dimsOf(value: Known): readonly Dim[] {
  if (value.kind === 'tensor') return value.dims;
  if (value.kind === 'constant') return value.shape;
  return value.isScalar ? [] : [value.dims.length];
}

export const rankOf = (value: Known): number => dimsOf(value).length;

/** Sizes; a constant where none is open. */
export function sizesValue(
  dims: readonly Dim[],
  type: DataType = dataType('int32'),
  isScalar = false,
): Sizes | Constant {
  if (dims.every((dim) => typeof dim === 'number')) {
    return constantOf(type, isScalar ? [] : [dims.length], dims as readonly number[]);
  }
  return { kind: 'sizes', type, isScalar, dims };
}

export function tensorAt(
  operation: Operation,
  inputs: readonly TfValue[],
  i: number,
): Tensor | Constant {
  const value = known(operation, inputs, i);
  if (value.kind === 'sizes') return operation.refuse(`its input ${i} is a list of sizes`);
  return value;
}
