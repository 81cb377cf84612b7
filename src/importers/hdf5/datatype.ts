/**
 * Datatypes and dataspaces of HDF5: numbers, texts of fixed and of variable length, their shapes.
 * Source: HDF5 File Format Specification 3.0, IV.A.2.b and IV.A.2.d.
 */

import type { Hdf5Cursor } from './hdf5-bytes.ts';
import { invalidHdf5, unsupportedHdf5 } from './hdf5-bytes.ts';

export type Hdf5Type =
  | { readonly kind: 'float' | 'int' | 'uint'; readonly size: number; readonly bigEndian: boolean }
  | { readonly kind: 'text'; readonly size: number }
  | { readonly kind: 'variable-text'; readonly size: number }
  | { readonly kind: 'other'; readonly size: number; readonly what: string };

const classes = [
  'fixed-point',
  'float',
  'time',
  'text',
  'bit field',
  'opaque',
  'compound',
  'reference',
  'enumeration',
  'variable-length',
  'array',
];

/** Throws InvalidModelError for a datatype that cannot be; one that is not read is `other`. */
export function readDatatype(cursor: Hdf5Cursor): Hdf5Type {
  const kind = cursor.u8() & 0x0f;
  const bits = cursor.u8();
  cursor.skip(2);
  const size = cursor.u32();
  const bigEndian = (bits & 1) !== 0;
  if (kind === 0 && [1, 2, 4, 8].includes(size)) {
    return { kind: bits & 8 ? 'int' : 'uint', size, bigEndian };
  }
  if (kind === 1 && isIeee(cursor, size)) return { kind: 'float', size, bigEndian };
  if (kind === 3) return { kind: 'text', size };
  if (kind === 8) return readDatatype(cursor);
  if (kind === 9 && (bits & 0x0f) === 1) return { kind: 'variable-text', size };
  return { kind: 'other', size, what: classes[kind] ?? `class ${kind}` };
}

/** Exponent and mantissa of half, single and double; anything else would be read as something it is not. */
function isIeee(cursor: Hdf5Cursor, size: number): boolean {
  cursor.skip(4);
  const [exponentAt, exponentBits, , mantissaBits] = cursor.take(4);
  const layouts: Record<number, readonly number[]> = {
    2: [10, 5, 10],
    4: [23, 8, 23],
    8: [52, 11, 52],
  };
  return layouts[size]?.join() === [exponentAt, exponentBits, mantissaBits].join();
}

const largestRank = 32;

/** The shape; [] for a scalar, [0] for a null dataspace. */
export function readDataspace(cursor: Hdf5Cursor): number[] {
  const version = cursor.u8();
  const rank = cursor.u8();
  cursor.skip(1);
  if (version !== 1 && version !== 2) throw invalidHdf5(cursor.place, 'its shape cannot be read');
  if (rank > largestRank) throw invalidHdf5(cursor.place, `it has ${rank} dimensions`);
  const type = cursor.u8();
  if (version === 1) cursor.skip(4);
  if (version === 2 && type === 2) return [0];
  return Array.from({ length: rank }, () => cursor.length());
}

/** Elements of a shape; throws when they are more than can be. */
export function countElements(shape: readonly number[], place: string): number {
  const count = shape.reduce((product, dim) => product * dim, 1);
  if (shape.every((dim) => dim >= 0) && Number.isSafeInteger(count)) return count;
  throw invalidHdf5(place, `its shape [${shape.join(', ')}] has too many elements`);
}

type NumberType = Extract<Hdf5Type, { kind: 'float' | 'int' | 'uint' }>;

export function isNumber(type: Hdf5Type): type is NumberType {
  return type.kind === 'float' || type.kind === 'int' || type.kind === 'uint';
}

/** Little-endian from big, in place. */
export function toLittleEndian(bytes: Uint8Array, { size, bigEndian }: NumberType): void {
  if (!bigEndian || size === 1) return;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (size === 2) buffer.swap16();
  else if (size === 4) buffer.swap32();
  else buffer.swap64();
}

/** Little-endian elements as floats: a view where they are FP32 already. `bytes` starts at a multiple of 8. */
export function toFloats(bytes: Uint8Array, type: Hdf5Type, place: string): Float32Array {
  if (!isNumber(type)) {
    const what = type.kind === 'other' ? type.what : type.kind;
    throw unsupportedHdf5(place, `its elements are of the type ${what}`, 'numbers are read');
  }
  const { buffer, byteOffset, byteLength } = bytes;
  const { kind, size } = type;
  const count = byteLength / size;
  if (kind === 'float' && size === 4) return new Float32Array(buffer, byteOffset, count);
  if (kind === 'float' && size === 8) {
    return Float32Array.from(new Float64Array(buffer, byteOffset, count));
  }
  if (kind === 'float') return fromHalf(new Uint16Array(buffer, byteOffset, count));
  if (size === 8) {
    const wide = new BigInt64Array(buffer, byteOffset, count);
    return Float32Array.from(wide, Number);
  }
  const arrays = {
    int: { 1: Int8Array, 2: Int16Array, 4: Int32Array },
    uint: { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array },
  } as const;
  return Float32Array.from(new arrays[kind as 'int'][size as 1](buffer, byteOffset, count));
}

/** IEEE half to single precision. */
export function fromHalf(halves: Uint16Array): Float32Array {
  return Float32Array.from(halves, (half) => {
    const sign = half & 0x8000 ? -1 : 1;
    const exponent = (half >> 10) & 0x1f;
    const fraction = half & 0x3ff;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  });
}
