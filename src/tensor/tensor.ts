/**
 * A tensor as it travels through the server: dtype, shape and the bytes, which are a view on whatever
 * buffer they arrived in. Nothing here copies.
 *
 * Numbers are little-endian and row-major; BOOL is one byte an element. BYTES elements are each a 4-byte
 * little-endian length followed by that many bytes (the layout of the binary tensor extension).
 */

import type { DType } from './dtype.ts';
import { sizeOfDType } from './dtype.ts';

export interface Tensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

export interface NamedTensor extends Tensor {
  readonly name: string;
}

/** Number of elements of a shape; 1 for a scalar, 0 when a dimension is 0. */
export function elementCount(shape: readonly number[]): number {
  let count = 1;
  for (const dim of shape) count *= dim;
  return count;
}

/** Length in bytes that a tensor of numbers must have. Not defined for BYTES. */
export function byteLengthOf(dtype: DType, shape: readonly number[]): number {
  return sizeOfDType(dtype) * elementCount(shape);
}

/**
 * Elements that a tensor of BYTES may have. Each becomes a string of its own in the runner, some 400 bytes and
 * a microsecond however short it is, so that a message of 60 bytes could ask for gigabytes and minutes.
 */
export const mostBytesElements = 1_000_000;

/** Counts the elements of BYTES data; -1 when a length runs past the end. */
export function countBytesElements(data: Uint8Array): number {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let offset = 0;
  let count = 0;
  while (offset < data.byteLength) {
    if (offset + 4 > data.byteLength) return -1;
    offset += 4 + view.getUint32(offset, true);
    count += 1;
  }
  return offset === data.byteLength ? count : -1;
}

/** Joins elements into the length-prefixed layout of BYTES. */
export function packBytes(elements: readonly Uint8Array[]): Uint8Array {
  let total = 0;
  for (const element of elements) total += 4 + element.byteLength;
  const packed = new Uint8Array(total);
  const view = new DataView(packed.buffer);
  let offset = 0;
  for (const element of elements) {
    view.setUint32(offset, element.byteLength, true);
    packed.set(element, offset + 4);
    offset += 4 + element.byteLength;
  }
  return packed;
}

/** Splits BYTES data into views of its elements. The data must have passed `countBytesElements`. */
export function unpackBytes(data: Uint8Array): Uint8Array[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const elements: Uint8Array[] = [];
  let offset = 0;
  while (offset < data.byteLength) {
    const length = view.getUint32(offset, true);
    elements.push(data.subarray(offset + 4, offset + 4 + length));
    offset += 4 + length;
  }
  return elements;
}
