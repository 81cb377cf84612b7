/**
 * A tensor whose elements are known: from the graph itself, from a checkpoint, or computed from such.
 * Large ones stay in their file until they are needed.
 *
 * Owns: type, shape, elements. Does not own: what becomes of them in the ONNX graph.
 */

import { InvalidModelError } from '../problems.ts';
import type { DataType, Numbers } from './data-types.ts';
import { isFloating } from './data-types.ts';

export interface Constant {
  readonly kind: 'constant';
  readonly type: DataType;
  readonly shape: readonly number[];
  /** Where it comes from, for messages and for names. */
  readonly place: string;
  /** The elements in C order, not to be changed. TypeError for a tensor of texts. */
  read(): Numbers;
  /** The elements of a tensor of texts. */
  readonly texts?: readonly Uint8Array[] | undefined;
}

/** Arrays of so many elements are kept once they were read. */
const keptElements = 65_536;
/** Bytes of an array that is made from a rule (one value repeated, a range), not read. */
const maxMadeBytes = 256 * 1024 * 1024;

export const countOf = (shape: readonly number[]): number =>
  shape.reduce((count, dim) => count * dim, 1);

/** Elements that are read when asked for. */
export function storedConstant(
  type: DataType,
  shape: readonly number[],
  place: string,
  read: () => Numbers,
): Constant {
  let kept: Numbers | undefined;
  const keeps = countOf(shape) <= keptElements;
  return {
    kind: 'constant',
    type,
    shape,
    place,
    read() {
      if (kept) return kept;
      const numbers = read();
      if (keeps) kept = numbers;
      return numbers;
    },
  };
}

/** Elements given as numbers; integers are cut to their type's range, as a cast would not do. */
export function constantOf(
  type: DataType,
  shape: readonly number[],
  values: ArrayLike<number>,
  place = 'constant',
): Constant {
  const numbers = makeNumbers(type, countOf(shape), place);
  if (isFloating(type) && values.length === numbers.length) numbers.set(values as never);
  else {
    for (let i = 0; i < numbers.length; i += 1) {
      numbers[i] = toElement(type, values[i] ?? 0) as never;
    }
  }
  return storedConstant(type, shape, place, () => numbers);
}

export function textConstant(
  type: DataType,
  shape: readonly number[],
  texts: readonly Uint8Array[],
  place: string,
): Constant {
  const read = (): never => {
    throw new InvalidModelError(place, 'it holds texts where numbers are needed');
  };
  return { kind: 'constant', type, shape, place, read, texts };
}

/** Throws InvalidModelError before more is allocated than any network needs. */
export function checkMade({ bytes }: Pick<DataType, 'bytes'>, count: number, place: string): void {
  if (count * bytes <= maxMadeBytes) return;
  throw new InvalidModelError(place, `it has ${count} elements, more than can be computed ahead`);
}

/** A new array of zeros. */
export function makeNumbers(type: DataType, count: number, place: string): Numbers {
  if (!type.Numbers) throw new InvalidModelError(place, `a tensor of ${type.name} has no numbers`);
  checkMade(type, count, place);
  return new type.Numbers(count);
}

const int64Max = 2n ** 63n - 1n;

/** A number as an element of that type's array. */
export function toElement(type: DataType, value: number): number | bigint {
  if (type.name === 'int64') {
    if (value >= 2 ** 63) return int64Max;
    return value <= -(2 ** 63) ? -int64Max - 1n : BigInt(Math.trunc(value));
  }
  if (type.name === 'uint64') return BigInt.asUintN(64, BigInt(Math.trunc(value)));
  if (type.name === 'bool') return value === 0 ? 0 : 1;
  return value;
}

/** The elements as doubles; 64-bit integers beyond 2^53 lose their last digits. */
export function doublesOf(constant: Constant): Float64Array {
  const numbers = constant.read();
  if (numbers instanceof Float64Array) return numbers;
  if (numbers instanceof BigInt64Array || numbers instanceof BigUint64Array) {
    return Float64Array.from(numbers as ArrayLike<bigint>, Number);
  }
  return new Float64Array(numbers);
}

/** The elements as a plain list, of a small tensor such as a shape. */
export function listOf(constant: Constant): number[] {
  return [...doublesOf(constant)];
}

/** The same elements under another shape of as many. */
export function reshapeConstant(constant: Constant, shape: readonly number[]): Constant {
  if (constant.texts) return { ...constant, shape };
  return storedConstant(constant.type, shape, constant.place, () => constant.read());
}
