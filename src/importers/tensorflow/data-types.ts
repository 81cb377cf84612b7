/**
 * TensorFlow's element types: their numbers in the files, their names, what they become in ONNX.
 * Source: tensorflow/core/framework/types.proto. References (number + 100) are read as plain ones.
 */

import type { ElementType } from '../../onnx/element-type.ts';

export type Numbers =
  | Float32Array
  | Float64Array
  | Int32Array
  | Int16Array
  | Int8Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

type NumbersClass = {
  new (length: number): Numbers;
  new (buffer: ArrayBuffer, offset?: number, length?: number): Numbers;
};

export interface DataType {
  readonly number: number;
  /** As TensorFlow writes it, `DT_` left out and in lower case. */
  readonly name: string;
  /** How it is computed; undefined for what no tensor of numbers or texts has. */
  readonly element: ElementType | undefined;
  /** Bytes of an element in a file; 0 where they vary. */
  readonly bytes: number;
  readonly Numbers: NumbersClass | undefined;
}

const row = (
  number: number,
  name: string,
  element?: ElementType,
  bytes = 0,
  Numbers?: unknown,
): DataType => ({ number, name, element, bytes, Numbers: Numbers as NumbersClass | undefined });

/** Half-precision floats are computed in single precision, as their CPU kernels mostly do. */
const rows: readonly DataType[] = [
  row(0, 'invalid'),
  row(1, 'float', 'FP32', 4, Float32Array),
  row(2, 'double', 'FP64', 8, Float64Array),
  row(3, 'int32', 'INT32', 4, Int32Array),
  row(4, 'uint8', 'UINT8', 1, Uint8Array),
  row(5, 'int16', 'INT16', 2, Int16Array),
  row(6, 'int8', 'INT8', 1, Int8Array),
  row(7, 'string', 'BYTES'),
  row(8, 'complex64'),
  row(9, 'int64', 'INT64', 8, BigInt64Array),
  row(10, 'bool', 'BOOL', 1, Uint8Array),
  row(11, 'qint8'),
  row(12, 'quint8'),
  row(13, 'qint32'),
  row(14, 'bfloat16', 'FP32', 2, Float32Array),
  row(15, 'qint16'),
  row(16, 'quint16'),
  row(17, 'uint16', 'UINT16', 2, Uint16Array),
  row(18, 'complex128'),
  row(19, 'half', 'FP32', 2, Float32Array),
  row(20, 'resource'),
  row(21, 'variant'),
  row(22, 'uint32', 'UINT32', 4, Uint32Array),
  row(23, 'uint64', 'UINT64', 8, BigUint64Array),
];

const byNumber = new Map(rows.map((type) => [type.number, type]));
const byName = new Map(rows.map((type) => [type.name, type]));

/** The type of a number in a file; `invalid` for one that is not known. */
export function dataTypeOf(number: number): DataType {
  return byNumber.get(number > 100 ? number - 100 : number) ?? (rows[0] as DataType);
}

/** The type of a name in this table. */
export function dataType(name: string): DataType {
  const type = byName.get(name);
  if (!type) throw new TypeError(`no data type ${name}`);
  return type;
}

/** TensorFlow's type of an ONNX element type that this importer makes. */
export function dataTypeOfElement(element: ElementType): DataType {
  const type = rows.find((candidate) => candidate.element === element);
  if (!type) throw new TypeError(`no data type for ${element}`);
  return type;
}

export const isFloating = ({ name }: DataType): boolean =>
  name === 'float' || name === 'double' || name === 'half' || name === 'bfloat16';

/** bfloat16 is the upper half of a float; half is IEEE's. Both become floats. */
export function numbersOf(type: DataType, bytes: Uint8Array): Numbers {
  const { Numbers, name } = type;
  if (!Numbers) throw new TypeError(`${name} has no numbers`);
  const aligned = bytes.byteOffset === 0 ? bytes : bytes.slice();
  if (name === 'half') return Float32Array.from(new Float16Array(aligned.buffer as ArrayBuffer));
  if (name === 'bfloat16') {
    const upper = Uint32Array.from(
      new Uint16Array(aligned.buffer as ArrayBuffer),
      (half) => half * 65536,
    );
    return new Float32Array(upper.buffer);
  }
  return new Numbers(aligned.buffer as ArrayBuffer);
}
