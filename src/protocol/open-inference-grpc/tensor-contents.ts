/**
 * InferTensorContents: the elements of a tensor in the repeated field of their type.
 * Source: Open Inference Protocol, GRPC, "InferTensorContents". FP16 and BF16 have no field there.
 *
 * Floats are a view of the message where they come packed, as all clients send them. Integers are read
 * into the tensor's own width; one that does not fit is refused.
 */

import { ServingError } from '../../errors.ts';
import type { DType } from '../../tensor/dtype.ts';
import { elementCount, mostBytesElements } from '../../tensor/tensor.ts';
import type { NarrowArray } from '../protobuf/repeated-numbers.ts';
import {
  countFixedBytes,
  countVarints,
  findFixed,
  findVarints,
  readBools,
  readFixed,
  readVarints,
  readVarints64,
} from '../protobuf/repeated-numbers.ts';
import { allowFields, WireReader, wireTypes } from '../protobuf/wire-reader.ts';
import type { Steps } from '../steps.ts';

export interface TypedTensor {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** The bytes of the InferTensorContents. */
  readonly contents: Uint8Array;
}

/** Is asked before memory is taken for so many bytes; throws when there is none. */
export type Reserve = (bytes: number) => void;

function fail({ name: input }: TypedTensor, problem: string): never {
  throw new ServingError('INPUT_DATA_INVALID', { input, problem });
}

function checkCount(tensor: TypedTensor, field: string, count: number): void {
  const { shape } = tensor;
  const expected = elementCount(shape);
  if (count !== expected)
    fail(
      tensor,
      `it has ${count} elements in ${field}; the shape [${shape.join(', ')}] takes ${expected}`,
    );
}

function* readBool(tensor: TypedTensor, reserve: Reserve): Steps<Uint8Array> {
  const runs = yield* findVarints(tensor.contents, 1);
  const count = yield* countVarints(tensor.contents, runs);
  checkCount(tensor, 'bool_contents', count);
  reserve(count);
  const bytes = new Uint8Array(count);
  yield* readBools(tensor.contents, runs, bytes);
  return bytes;
}

const bytesOf = ({ buffer, byteOffset, byteLength }: NarrowArray): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

type Wide = Int32ArrayConstructor | Uint32ArrayConstructor;
type Narrow =
  | Int8ArrayConstructor
  | Uint8ArrayConstructor
  | Int16ArrayConstructor
  | Uint16ArrayConstructor;

/** Values that are made narrow between two yields. */
const stepValues = 65_536;

/** INT8, INT16 and INT32 share a field, and so do their unsigned sisters. */
function readNarrow(number: number, field: string, Wide: Wide, Narrow?: Narrow) {
  return function* (tensor: TypedTensor, reserve: Reserve): Steps<Uint8Array> {
    const runs = yield* findVarints(tensor.contents, number);
    const count = yield* countVarints(tensor.contents, runs);
    checkCount(tensor, field, count);
    reserve(4 * count);
    const wide = new Wide(count);
    yield* readVarints(tensor.contents, runs, wide);
    if (!Narrow) return bytesOf(wide);
    const values = new Narrow(count);
    for (let from = 0; from < count; from += stepValues) {
      values.set(wide.subarray(from, from + stepValues), from);
      for (let i = from; i < Math.min(count, from + stepValues); i += 1)
        if (values[i] !== wide[i]) fail(tensor, `${wide[i]} does not fit into ${tensor.dtype}`);
      yield;
    }
    return bytesOf(values);
  };
}

function readWide(number: number, field: string) {
  return function* (tensor: TypedTensor, reserve: Reserve): Steps<Uint8Array> {
    const runs = yield* findVarints(tensor.contents, number);
    const count = yield* countVarints(tensor.contents, runs);
    checkCount(tensor, field, count);
    reserve(8 * count);
    const halves = new Uint32Array(2 * count);
    yield* readVarints64(tensor.contents, runs, halves);
    return bytesOf(halves);
  };
}

function readFloats(number: number, field: string, size: 4 | 8) {
  return function* (tensor: TypedTensor): Steps<Uint8Array> {
    const runs = yield* findFixed(tensor.contents, number, size);
    const bytes = countFixedBytes(runs);
    checkCount(tensor, field, bytes / size);
    return yield* readFixed(tensor.contents, runs, bytes);
  };
}

/** Texts between two yields. */
const stepElements = 2048;

/** Every element is a field. */
function readerOf({ contents }: TypedTensor): WireReader {
  return new WireReader(contents, 0, contents.length, 0, allowFields(2 * mostBytesElements));
}

/** Into the length-prefixed layout that BYTES has everywhere else. */
function* readBytes(tensor: TypedTensor, reserve: Reserve): Steps<Uint8Array> {
  const field = 8;
  if (elementCount(tensor.shape) > mostBytesElements)
    fail(tensor, `it has more than ${mostBytesElements} elements, the limit for BYTES`);
  let count = 0;
  let total = 0;
  let walked = 0;
  for (const counter = readerOf(tensor); counter.next(); ) {
    if (counter.field !== field) counter.skip();
    else {
      count += 1;
      counter.expect(wireTypes.bytes);
      const length = counter.length();
      counter.advance(length);
      total += 4 + length;
    }
    if (++walked % stepElements === 0) yield;
  }
  checkCount(tensor, 'bytes_contents', count);
  reserve(total);
  const packed = Buffer.allocUnsafeSlow(total);
  let at = 0;
  for (const reader = readerOf(tensor); reader.next(); ) {
    if (++walked % stepElements === 0) yield;
    if (reader.field !== field) {
      reader.skip();
      continue;
    }
    const element = reader.view();
    at = packed.writeUInt32LE(element.byteLength, at);
    packed.set(element, at);
    at += element.byteLength;
  }
  return packed;
}

// biome-ignore lint/correctness/useYield: it fails before
function* refuseHalf(tensor: TypedTensor): Steps<never> {
  fail(tensor, `${tensor.dtype} has no typed contents; send it in raw_input_contents`);
}

const readers: Record<DType, (tensor: TypedTensor, reserve: Reserve) => Steps<Uint8Array>> = {
  BOOL: readBool,
  INT8: readNarrow(2, 'int_contents', Int32Array, Int8Array),
  INT16: readNarrow(2, 'int_contents', Int32Array, Int16Array),
  INT32: readNarrow(2, 'int_contents', Int32Array),
  INT64: readWide(3, 'int64_contents'),
  UINT8: readNarrow(4, 'uint_contents', Uint32Array, Uint8Array),
  UINT16: readNarrow(4, 'uint_contents', Uint32Array, Uint16Array),
  UINT32: readNarrow(4, 'uint_contents', Uint32Array),
  UINT64: readWide(5, 'uint64_contents'),
  FP32: readFloats(6, 'fp32_contents', 4),
  FP64: readFloats(7, 'fp64_contents', 8),
  BYTES: readBytes,
  FP16: refuseHalf,
  BF16: refuseHalf,
};

/**
 * The elements as the bytes that a tensor has everywhere else. Throws INPUT_DATA_INVALID when they are
 * not as many as the shape takes, PROTOBUF_INVALID, and what `reserve` throws.
 */
export function readContents(tensor: TypedTensor, reserve: Reserve): Steps<Uint8Array> {
  return readers[tensor.dtype](tensor, reserve);
}
