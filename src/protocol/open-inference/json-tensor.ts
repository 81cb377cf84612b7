/**
 * Tensors as JSON numbers, flat or nested, to and from bytes.
 * Source: Open Inference Protocol, "Tensor Data". A first form: the issue about protocols replaces the
 * general JSON parser on long data and carries NaN, infinities and 64-bit integers exactly.
 */

import { ServingError } from '../../errors.ts';
import type { DType } from '../../tensor/dtype.ts';
import { sizeOfDType } from '../../tensor/dtype.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { elementCount, packBytes, unpackBytes } from '../../tensor/tensor.ts';

type Put = (view: DataView, offset: number, value: number | bigint | boolean) => void;

const floats: Partial<Record<DType, Put>> = {
  FP32: (view, offset, value) => view.setFloat32(offset, Number(value), true),
  FP64: (view, offset, value) => view.setFloat64(offset, Number(value), true),
};

interface IntegerRange {
  readonly low: bigint;
  readonly high: bigint;
  readonly put: Put;
}

const integer = (low: bigint, high: bigint, put: Put): IntegerRange => ({ low, high, put });

const integers: Partial<Record<DType, IntegerRange>> = {
  INT8: integer(-128n, 127n, (view, offset, value) => view.setInt8(offset, Number(value))),
  INT16: integer(-(2n ** 15n), 2n ** 15n - 1n, (view, offset, value) =>
    view.setInt16(offset, Number(value), true),
  ),
  INT32: integer(-(2n ** 31n), 2n ** 31n - 1n, (view, offset, value) =>
    view.setInt32(offset, Number(value), true),
  ),
  INT64: integer(-(2n ** 63n), 2n ** 63n - 1n, (view, offset, value) =>
    view.setBigInt64(offset, BigInt(value), true),
  ),
  UINT8: integer(0n, 255n, (view, offset, value) => view.setUint8(offset, Number(value))),
  UINT16: integer(0n, 2n ** 16n - 1n, (view, offset, value) =>
    view.setUint16(offset, Number(value), true),
  ),
  UINT32: integer(0n, 2n ** 32n - 1n, (view, offset, value) =>
    view.setUint32(offset, Number(value), true),
  ),
  UINT64: integer(0n, 2n ** 64n - 1n, (view, offset, value) =>
    view.setBigUint64(offset, BigInt(value), true),
  ),
};

function fail(input: string, problem: string): never {
  throw new ServingError('INPUT_DATA_INVALID', { input, problem });
}

/** A value of the request for a message: short, whatever it is. */
function show(value: unknown): string {
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

function flatten(data: readonly unknown[], into: unknown[], depth: number, input: string): void {
  if (depth > 16) fail(input, 'it is nested deeper than 16 lists');
  for (const item of data) {
    if (Array.isArray(item)) flatten(item, into, depth + 1, input);
    else into.push(item);
  }
}

function writeNumber(
  view: DataView,
  offset: number,
  value: unknown,
  dtype: DType,
  input: string,
): void {
  const asFloat = floats[dtype];
  if (asFloat) {
    if (typeof value !== 'number') fail(input, `${show(value)} is not a number`);
    const fits = Number.isFinite(dtype === 'FP32' ? Math.fround(value) : value);
    if (!fits) fail(input, `a number is too large for ${dtype}`);
    if (dtype === 'FP32' && !Number.isFinite(Math.fround(value)))
      fail(input, `${value} does not fit into FP32`);
    asFloat(view, offset, value);
    return;
  }
  const range = integers[dtype];
  if (!range) fail(input, `${dtype} cannot be sent as JSON numbers; use the binary tensor form`);
  if (typeof value !== 'number' || !Number.isInteger(value))
    fail(input, `${show(value)} is not an integer`);
  if (!Number.isSafeInteger(value))
    fail(input, `${value} is too large for a JSON number; use the binary tensor form`);
  const exact = BigInt(value);
  if (exact < range.low || exact > range.high) fail(input, `${value} does not fit into ${dtype}`);
  range.put(view, offset, exact);
}

function encodeStrings(values: readonly unknown[], input: string): Uint8Array {
  return packBytes(
    values.map((value) =>
      typeof value === 'string'
        ? Buffer.from(value)
        : fail(input, `${show(value)} is not a string`),
    ),
  );
}

/** JSON `data` of an input as bytes. Throws INPUT_DATA_INVALID. */
export function encodeJsonData(
  input: string,
  dtype: DType,
  shape: readonly number[],
  data: readonly unknown[],
): Uint8Array {
  const values: unknown[] = [];
  flatten(data, values, 0, input);
  const expected = elementCount(shape);
  if (values.length !== expected)
    fail(
      input,
      `it has ${values.length} elements; the shape [${shape.join(', ')}] takes ${expected}`,
    );
  if (dtype === 'BYTES') return encodeStrings(values, input);
  const size = sizeOfDType(dtype);
  const bytes = new Uint8Array(values.length * size);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => {
    if (dtype !== 'BOOL') writeNumber(view, i * size, value, dtype, input);
    else if (typeof value === 'boolean') bytes[i] = value ? 1 : 0;
    else fail(input, `${show(value)} is not true or false`);
  });
  return bytes;
}

type Get = (view: DataView, offset: number) => number | bigint | boolean;

const readers: Partial<Record<DType, Get>> = {
  BOOL: (view, offset) => view.getUint8(offset) !== 0,
  INT8: (view, offset) => view.getInt8(offset),
  INT16: (view, offset) => view.getInt16(offset, true),
  INT32: (view, offset) => view.getInt32(offset, true),
  INT64: (view, offset) => view.getBigInt64(offset, true),
  UINT8: (view, offset) => view.getUint8(offset),
  UINT16: (view, offset) => view.getUint16(offset, true),
  UINT32: (view, offset) => view.getUint32(offset, true),
  UINT64: (view, offset) => view.getBigUint64(offset, true),
  FP32: (view, offset) => view.getFloat32(offset, true),
  FP64: (view, offset) => view.getFloat64(offset, true),
};

/** True when JSON has a form for the dtype. */
export function hasJsonForm(dtype: DType): boolean {
  return dtype === 'BYTES' || dtype in readers;
}

/**
 * A tensor's elements as the text of a flat JSON list. Floats are written with the fewest digits that
 * give the same number of their own type back; NaN and infinities as the bare tokens that Triton writes.
 */
export function decodeToJsonText({ dtype, shape, data }: Tensor): string {
  if (dtype === 'BYTES') {
    return JSON.stringify(
      unpackBytes(data).map((element) => Buffer.from(element).toString('utf8')),
    );
  }
  const get = readers[dtype] as Get;
  const size = sizeOfDType(dtype);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const texts = new Array<string>(elementCount(shape));
  for (let i = 0; i < texts.length; i += 1) {
    const value = get(view, i * size);
    texts[i] =
      dtype === 'FP32'
        ? shortestFloat(value as number)
        : Object.is(value, -0)
          ? '-0.0'
          : String(value);
  }
  return `[${texts.join(',')}]`;
}

function shortestFloat(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (Object.is(value, -0)) return '-0.0';
  for (let digits = 6; digits < 9; digits += 1) {
    const text = String(Number(value.toPrecision(digits)));
    if (Math.fround(Number(text)) === value) return text;
  }
  return String(Number(value.toPrecision(9)));
}
