/**
 * TensorProto to tensor: `tensor_content`, or the field of values that belongs to the data type.
 *
 * Of values that are missing the last one is repeated, and without any there are zeros; values that are too
 * many are passed over. TensorFlow itself reads them so, and `tf.make_tensor_proto` relies on it to send
 * constants short. The bytes are a view on the message wherever they can be.
 * Source: tensorflow/core/framework/tensor.proto and `Tensor::FromProto`.
 */

import { ServingError } from '../../errors.ts';
import type { DType } from '../../tensor/dtype.ts';
import { sizeOfDType } from '../../tensor/dtype.ts';
import type { NamedTensor } from '../../tensor/tensor.ts';
import { elementCount, mostBytesElements } from '../../tensor/tensor.ts';
import type { NarrowArray } from '../protobuf/repeated-numbers.ts';
import {
  findFixed,
  findVarints,
  readBools,
  readFixed,
  readVarints,
  readVarints64,
} from '../protobuf/repeated-numbers.ts';
import { allowFields, WireReader, wireTypes } from '../protobuf/wire-reader.ts';
import type { Steps } from '../steps.ts';
import { dtypeOfNumber, nameOfNumber } from './data-types.ts';
import type { TensorRoom } from './tensor-room.ts';

/** Field numbers of TensorProto. */
export const tensorFields = {
  dtype: 1,
  shape: 2,
  content: 4,
  float: 5,
  double: 6,
  int: 7,
  string: 8,
  int64: 10,
  bool: 11,
  half: 13,
  uint32: 16,
  uint64: 17,
} as const;

/** Fields that are walked over between two yields. */
const stepFields = 8192;
const maxRank = 32;
const maxDim = 0xffff_ffff;

/** What stands in front of the values. */
interface TensorHead {
  readonly dtype: number;
  readonly shape: readonly number[];
  readonly content: Uint8Array | undefined;
}

function refuse(input: string, problem: string): never {
  throw new ServingError('INPUT_DATA_INVALID', { input, problem });
}

function readDim(reader: WireReader, input: string): number {
  let size = 0;
  while (reader.next()) {
    if (reader.field === 1) size = reader.integer();
    else reader.skip();
  }
  if (size < 0 || size > maxDim)
    refuse(input, `its shape has the dimension ${size}; expected 0 to ${maxDim}`);
  return size;
}

function readShape(reader: WireReader, shape: number[], input: string): void {
  while (reader.next()) {
    if (reader.field === 3 && reader.bool()) refuse(input, 'its shape has an unknown rank');
    else if (reader.field === 2) {
      shape.push(readDim(reader.message(), input));
      if (shape.length > maxRank) refuse(input, `its shape has more than ${maxRank} dimensions`);
    } else if (reader.field !== 3) reader.skip();
  }
}

/** Every element of DT_STRING is a field. */
function readerOf(message: Uint8Array): WireReader {
  return new WireReader(message, 0, message.length, 0, allowFields(2 * mostBytesElements));
}

function* readHead(message: Uint8Array, input: string): Steps<TensorHead> {
  const reader = readerOf(message);
  const shape: number[] = [];
  let dtype = 0;
  let content: Uint8Array | undefined;
  for (let fields = 1; reader.next(); fields += 1) {
    if (fields % stepFields === 0) yield;
    if (reader.field === tensorFields.dtype) dtype = reader.int32();
    else if (reader.field === tensorFields.shape) readShape(reader.message(), shape, input);
    else if (reader.field === tensorFields.content) content = reader.view();
    else reader.skip();
  }
  return { dtype, shape, content };
}

/** The array's own bytes. */
const bytesOf = ({ buffer, byteOffset, byteLength }: NarrowArray | BigInt64Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** Varints into a new array of the right length; what is missing is the last of them. */
function* readNarrow<T extends NarrowArray>(
  into: T,
  message: Uint8Array,
  field: number,
): Steps<Uint8Array> {
  const runs = yield* findVarints(message, field);
  const given = yield* readVarints(message, runs, into);
  if (given > 0 && given < into.length) into.fill(into[given - 1] as number, given);
  return bytesOf(into);
}

function* readWide(into: BigInt64Array, message: Uint8Array, field: number): Steps<Uint8Array> {
  const runs = yield* findVarints(message, field);
  const given = yield* readVarints64(message, runs, new Uint32Array(into.buffer));
  if (given > 0 && given < into.length) into.fill(into[given - 1] as bigint, given);
  return bytesOf(into);
}

function* readFlags(into: Uint8Array, message: Uint8Array): Steps<Uint8Array> {
  const runs = yield* findVarints(message, tensorFields.bool);
  const given = yield* readBools(message, runs, into);
  if (given > 0 && given < into.length) into.fill(into[given - 1] as number, given);
  return into;
}

/** Integers of a dtype that are sent as varints, `count` of them. */
function readIntegers(dtype: DType, message: Uint8Array, count: number): Steps<Uint8Array> {
  const { int, int64, half, uint32, uint64 } = tensorFields;
  switch (dtype) {
    case 'INT8':
      return readNarrow(new Int8Array(count), message, int);
    case 'UINT8':
      return readNarrow(new Uint8Array(count), message, int);
    case 'INT16':
      return readNarrow(new Int16Array(count), message, int);
    case 'UINT16':
      return readNarrow(new Uint16Array(count), message, int);
    case 'INT32':
      return readNarrow(new Int32Array(count), message, int);
    case 'UINT32':
      return readNarrow(new Uint32Array(count), message, uint32);
    case 'FP16':
    case 'BF16':
      return readNarrow(new Uint16Array(count), message, half);
    case 'BOOL':
      return readFlags(new Uint8Array(count), message);
    default:
      return readWide(new BigInt64Array(count), message, dtype === 'INT64' ? int64 : uint64);
  }
}

/** `whole` with its last `size` bytes again and again, up to `length`. */
function repeatLast(whole: Uint8Array, size: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  bytes.set(whole);
  let filled = whole.length;
  if (filled === 0) return bytes;
  const from = filled - size;
  while (filled < length) {
    // Twice as much each time; what is copied is whole values, all the same.
    const some = Math.min(filled - from, length - filled);
    bytes.copyWithin(filled, from, from + some);
    filled += some;
  }
  return bytes;
}

/** Visits the first `most` strings, as places in the message: there may be millions of empty ones. */
function eachString(
  message: Uint8Array,
  most: number,
  visit: (start: number, end: number) => void,
): void {
  const reader = readerOf(message);
  for (let count = 0; count < most && reader.next(); ) {
    if (reader.field !== tensorFields.string) {
      reader.skip();
      continue;
    }
    reader.expect(wireTypes.bytes);
    const length = reader.length();
    const start = reader.advance(length);
    visit(start, start + length);
    count += 1;
  }
}

function readStrings(
  message: Uint8Array,
  count: number,
  input: string,
  room: TensorRoom,
): Uint8Array {
  if (count > mostBytesElements)
    refuse(input, `it has more than ${mostBytesElements} elements, the limit for DT_STRING`);
  let given = 0;
  let total = 0;
  let last = message.subarray(0, 0);
  eachString(message, count, (start, end) => {
    given += 1;
    total += 4 + end - start;
    last = message.subarray(start, end);
  });
  const all = total + (count - given) * (4 + last.byteLength);
  room.claim(all, input);
  const packed = Buffer.allocUnsafeSlow(all);
  let at = 0;
  const put = (element: Uint8Array): void => {
    at = packed.writeUInt32LE(element.byteLength, at);
    packed.set(element, at);
    at += element.byteLength;
  };
  eachString(message, count, (start, end) => put(message.subarray(start, end)));
  for (let i = given; i < count; i += 1) put(last);
  return packed;
}

function* readValues(
  dtype: DType,
  message: Uint8Array,
  count: number,
  input: string,
  room: TensorRoom,
): Steps<Uint8Array> {
  if (dtype === 'BYTES') return readStrings(message, count, input, room);
  const size = sizeOfDType(dtype);
  const length = count * size;
  if (dtype === 'FP32' || dtype === 'FP64') {
    const field = dtype === 'FP32' ? tensorFields.float : tensorFields.double;
    const runs = yield* findFixed(message, field, dtype === 'FP32' ? 4 : 8);
    const given = yield* readFixed(message, runs, length);
    if (given.length === length) return given;
    room.claim(length, input);
    return repeatLast(given, size, length);
  }
  room.claim(length, input);
  return yield* readIntegers(dtype, message, count);
}

/**
 * Reads one TensorProto. `input` names it in messages; what it takes beyond the message is claimed from
 * `room` before it is made. Throws PROTOBUF_INVALID, INPUT_DATA_INVALID and what `room` throws.
 */
export function* decodeTensorProto(
  message: Uint8Array,
  input: string,
  room: TensorRoom,
): Steps<NamedTensor> {
  const { dtype: number, shape, content } = yield* readHead(message, input);
  const dtype = dtypeOfNumber(number);
  if (!dtype)
    refuse(input, `it is ${nameOfNumber(number)}; expected numbers, DT_BOOL or DT_STRING`);
  const count = elementCount(shape);
  if (!Number.isSafeInteger(count * 8))
    refuse(input, `its shape [${shape.join(', ')}] has too many elements`);
  if (!content || content.length === 0)
    return {
      name: input,
      dtype,
      shape,
      data: yield* readValues(dtype, message, count, input, room),
    };
  if (dtype === 'BYTES')
    refuse(input, 'DT_STRING has its values in string_val, not tensor_content');
  const expected = count * sizeOfDType(dtype);
  if (content.length !== expected) {
    refuse(
      input,
      `its tensor_content has ${content.length} bytes; ${dtype} [${shape.join(', ')}] takes ${expected}`,
    );
  }
  return { name: input, dtype, shape, data: content };
}
