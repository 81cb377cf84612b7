/** Tensors as a program holds them, typed arrays and strings, to and from their bytes on the wire. */

import type { DType } from '../tensor/dtype.ts';
import { countBytesElements, elementCount, packBytes, unpackBytes } from '../tensor/tensor.ts';

/** The typed array of each dtype; FP16 and BF16 as their bits, BOOL as bytes of 0 and 1. */
export interface ArrayOfDType {
  BOOL: Uint8Array;
  UINT8: Uint8Array;
  UINT16: Uint16Array;
  UINT32: Uint32Array;
  UINT64: BigUint64Array;
  INT8: Int8Array;
  INT16: Int16Array;
  INT32: Int32Array;
  INT64: BigInt64Array;
  FP16: Uint16Array;
  BF16: Uint16Array;
  FP32: Float32Array;
  FP64: Float64Array;
  /** Each element's bytes; `textsOf` makes strings of them. */
  BYTES: Uint8Array[];
}

export type TensorData = ArrayOfDType[DType];
type NumberArray = Exclude<TensorData, Uint8Array[]>;

interface ArrayType {
  new (buffer: ArrayBuffer): NumberArray;
  readonly BYTES_PER_ELEMENT: number;
}

const arrayTypes: Readonly<Record<Exclude<DType, 'BYTES'>, ArrayType>> = {
  BOOL: Uint8Array,
  UINT8: Uint8Array,
  UINT16: Uint16Array,
  UINT32: Uint32Array,
  UINT64: BigUint64Array,
  INT8: Int8Array,
  INT16: Int16Array,
  INT32: Int32Array,
  INT64: BigInt64Array,
  FP16: Uint16Array,
  BF16: Uint16Array,
  FP32: Float32Array,
  FP64: Float64Array,
};

/** An element of a list that may stand in the place of a typed array. */
export type Scalar = number | bigint | boolean | string | Uint8Array;

/**
 * The bytes of an input: of a typed array of its dtype as a view, of any other list converted element by
 * element. Throws TypeError when the data is of another dtype or does not fill the shape.
 */
export function bytesOfData(
  name: string,
  dtype: DType,
  shape: readonly number[],
  data: TensorData | readonly Scalar[],
): Uint8Array {
  const expected = elementCount(shape);
  if (data.length !== expected)
    throw new TypeError(
      `input ${name} has ${data.length} elements; its shape [${shape.join(', ')}] takes ${expected}`,
    );
  if (dtype === 'BYTES') return packBytes(Array.from<Scalar, Uint8Array>(data, bytesOfText));
  const type = arrayTypes[dtype];
  if (ArrayBuffer.isView(data)) {
    if (!(data instanceof type))
      throw new TypeError(`input ${name} is a ${data.constructor.name}, which is not ${dtype}`);
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  }
  const array = new type(new ArrayBuffer(expected * type.BYTES_PER_ELEMENT));
  const isBig = dtype === 'INT64' || dtype === 'UINT64';
  for (const [i, value] of (data as readonly Scalar[]).entries()) {
    if (typeof value === 'string' || typeof value === 'object')
      throw new TypeError(`input ${name} has a ${typeof value} among its ${dtype} elements`);
    array[i] = isBig ? BigInt(value) : Number(value);
  }
  return new Uint8Array(array.buffer);
}

const encoder = new TextEncoder();

function bytesOfText(value: Scalar): Uint8Array {
  if (typeof value === 'string') return encoder.encode(value);
  if (value instanceof Uint8Array) return value;
  throw new TypeError(`an element of BYTES is a string or a Uint8Array, not a ${typeof value}`);
}

/** The elements of an output's bytes; undefined when they do not fill its shape. */
export function dataOfBytes(
  dtype: DType,
  shape: readonly number[],
  bytes: Uint8Array,
): TensorData | undefined {
  const expected = elementCount(shape);
  if (dtype === 'BYTES')
    return countBytesElements(bytes) === expected ? unpackBytes(bytes) : undefined;
  const type = arrayTypes[dtype];
  if (bytes.byteLength !== expected * type.BYTES_PER_ELEMENT) return undefined;
  // A copy of its own: parts of an answer begin anywhere.
  return new type(new Uint8Array(bytes).buffer);
}

/** The elements of an output that came as JSON, flat or nested; undefined when they do not fit. */
export function dataOfJson(
  dtype: DType,
  shape: readonly number[],
  list: unknown,
): TensorData | undefined {
  if (!Array.isArray(list)) return undefined;
  const flat = list.flat(Infinity) as Scalar[];
  try {
    const bytes = bytesOfData('', dtype, shape, flat);
    return dataOfBytes(dtype, shape, bytes);
  } catch {
    return undefined;
  }
}

/** The elements of a BYTES output as text. */
export function textsOf(data: readonly Uint8Array[]): string[] {
  const decoder = new TextDecoder();
  return data.map((element) => decoder.decode(element));
}
