/**
 * Reads a tensor that stands in a graph. Its elements are raw bytes, or a list whose last value counts
 * for all that are left out. Raw bytes of some size stay in the file until they are needed.
 * Source: tensorflow/core/framework/tensor.proto, tensor_shape.proto.
 */

import type { ByteSource } from '../../../onnx/byte-source.ts';
import type { ProtobufReader } from '../../../onnx/protobuf-reader.ts';
import { InvalidModelError } from '../../problems.ts';
import type { Constant } from '../constant.ts';
import { checkMade, countOf, makeNumbers, storedConstant, textConstant } from '../constant.ts';
import type { DataType, Numbers } from '../data-types.ts';
import { dataTypeOf, numbersOf } from '../data-types.ts';

/** Sizes, null where open; undefined when not even the rank is known. */
export type TensorShape = readonly (number | null)[] | undefined;

const maxRank = 32;

/** `TensorShapeProto`: dim 2 (size 1), unknown_rank 3. */
export function readShape(reader: ProtobufReader): TensorShape {
  const dims: (number | null)[] = [];
  let isUnknown = false;
  reader.message({
    2: (r) => {
      let size = 0;
      r.message({
        1: (dim) => {
          size = dim.int();
        },
      });
      dims.push(size < 0 ? null : size);
      if (dims.length > maxRank) r.fail(`a shape of more than ${maxRank} dimensions`);
    },
    3: (r) => {
      isUnknown = r.int() !== 0;
    },
  });
  return isUnknown ? undefined : dims;
}

interface Fields {
  type: DataType;
  shape: number[];
  span: { readonly offset: number; readonly length: number } | undefined;
  readonly values: (number | bigint)[];
  readonly texts: Uint8Array[];
}

/**
 * `TensorProto`: dtype 1, shape 2, content 4, float 5, double 6, int 7, string 8, int64 10, bool 11,
 * half 13, uint32 16, uint64 17.
 */
export function readTensorProto(
  reader: ProtobufReader,
  source: ByteSource,
  place: string,
): Constant {
  const fields: Fields = {
    type: dataTypeOf(0),
    shape: [],
    span: undefined,
    values: [],
    texts: [],
  };
  const push = (value: number | bigint): void => void fields.values.push(value);
  reader.message({
    1: (r) => {
      fields.type = dataTypeOf(r.int());
    },
    2: (r) => {
      fields.shape = (readShape(r) ?? []).map((size) => size ?? 0);
    },
    4: (r) => {
      fields.span = r.span();
    },
    5: (r) => r.floats(push),
    6: (r) => r.doubles(push),
    7: (r) => r.ints(push),
    8: (r) => void fields.texts.push(r.bytes()),
    10: (r) => r.bigints(push),
    11: (r) => r.ints(push),
    13: (r) => r.ints(push),
    16: (r) => r.ints(push),
    17: (r) => r.bigints(push),
  });
  return toConstant(fields, source, place);
}

function toConstant(fields: Fields, source: ByteSource, place: string): Constant {
  const { type, shape, span, texts } = fields;
  const count = countOf(shape);
  if (!Number.isSafeInteger(count)) {
    throw new InvalidModelError(place, `its shape [${shape.join(', ')}] has too many elements`);
  }
  if (type.name === 'string')
    return textConstant(type, shape, fillTexts(texts, count, place), place);
  if (!type.Numbers) return { ...textConstant(type, shape, [], place) };
  if (span && span.length > 0) return fromContent(fields, span, source, place);
  checkMade(type, count, place);
  return storedConstant(type, shape, place, () => fromValues(fields, count, place));
}

function fillTexts(texts: readonly Uint8Array[], count: number, place: string): Uint8Array[] {
  if (count > 1_000_000) throw new InvalidModelError(place, `it has ${count} texts`);
  const last = texts.at(-1) ?? new Uint8Array();
  return Array.from({ length: count }, (_, i) => texts[i] ?? last);
}

function fromContent(
  { type, shape }: Fields,
  { offset, length }: { readonly offset: number; readonly length: number },
  source: ByteSource,
  place: string,
): Constant {
  const expected = countOf(shape) * type.bytes;
  if (length !== expected) {
    const problem = `it has ${length} bytes, but ${type.name} [${shape.join(', ')}] takes ${expected}`;
    throw new InvalidModelError(place, problem);
  }
  return storedConstant(type, shape, place, () => {
    const bytes = new Uint8Array(length);
    if (source.read(offset, bytes) < length) {
      throw new InvalidModelError(place, 'the file became shorter');
    }
    return numbersOf(type, bytes);
  });
}

function fromValues({ type, values }: Fields, count: number, place: string): Numbers {
  const isHalf = type.name === 'half' || type.name === 'bfloat16';
  const list = isHalf ? halves(type, values as number[]) : values;
  const numbers = makeNumbers(type, count, place);
  if (list.length > count) throw new InvalidModelError(place, 'it has more values than elements');
  for (let i = 0; i < list.length; i += 1) numbers[i] = asElement(numbers, list[i]) as never;
  const last = list.at(-1);
  if (last !== undefined) numbers.fill(asElement(numbers, last) as never, list.length);
  return numbers;
}

const asElement = (numbers: Numbers, value: number | bigint | undefined): number | bigint =>
  numbers instanceof BigInt64Array || numbers instanceof BigUint64Array
    ? BigInt(value ?? 0)
    : Number(value ?? 0);

/** `half_val` has the bits of each value as an integer. */
function halves(type: DataType, bits: readonly number[]): number[] {
  const bytes = new Uint8Array(Uint16Array.from(bits).buffer);
  return [...(numbersOf(type, bytes) as Float32Array)];
}
