/**
 * A tensor's elements as JSON text: floats with the fewest digits that give the same number of their dtype
 * back, 64-bit integers with all of theirs, NaN and the infinities as the bare words that Triton and
 * TensorFlow Serving write.
 */

import type { DType } from '../../tensor/dtype.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { unpackBytes } from '../../tensor/tensor.ts';
import type { Steps } from '../steps.ts';
import { stepBytes } from '../steps.ts';
import { withPoint, writeFloat } from './float-text.ts';
import type { TextSink } from './text-sink.ts';

/** Writes the element of this index. */
export type ElementWriter = (sink: TextSink, index: number) => void;

export interface WriteOptions {
  /** Whole floats as 3.0 instead of 3. */
  readonly point?: boolean;
  /** How an element of BYTES is written; as a string of its UTF-8 when absent. */
  readonly text?: (sink: TextSink, element: Uint8Array) => void;
}

type Get = (view: DataView, offset: number) => number | bigint | boolean;

const readers: Partial<Record<DType, readonly [size: number, get: Get]>> = {
  BOOL: [1, (view, offset) => view.getUint8(offset) !== 0],
  INT8: [1, (view, offset) => view.getInt8(offset)],
  INT16: [2, (view, offset) => view.getInt16(offset, true)],
  INT32: [4, (view, offset) => view.getInt32(offset, true)],
  INT64: [8, (view, offset) => view.getBigInt64(offset, true)],
  UINT8: [1, (view, offset) => view.getUint8(offset)],
  UINT16: [2, (view, offset) => view.getUint16(offset, true)],
  UINT32: [4, (view, offset) => view.getUint32(offset, true)],
  UINT64: [8, (view, offset) => view.getBigUint64(offset, true)],
};

/** For a dtype with a JSON form. */
export function createElementWriter(
  { dtype, data }: Tensor,
  { point = false, text = writeUtf8 }: WriteOptions = {},
): ElementWriter {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (dtype === 'FP32') {
    return (sink, index) => {
      const value = view.getFloat32(4 * index, true);
      if (value !== 0 && value - value === 0) writeFloat(sink, value, point);
      else sink.ascii(specialText(value, point));
    };
  }
  if (dtype === 'FP64') {
    return (sink, index) => {
      const value = view.getFloat64(8 * index, true);
      const isSpecial = value === 0 || value - value !== 0;
      sink.ascii(isSpecial ? specialText(value, point) : withPoint(String(value), point));
    };
  }
  if (dtype === 'BYTES') {
    const elements = unpackBytes(data);
    return (sink, index) => text(sink, elements[index] as Uint8Array);
  }
  const [size, get] = readers[dtype] as readonly [number, Get];
  return (sink, index) => sink.ascii(String(get(view, size * index)));
}

/** 0, -0, NaN and the infinities. */
function specialText(value: number, point: boolean): string {
  if (Object.is(value, -0)) return '-0.0';
  return value === 0 && point ? '0.0' : String(value);
}

function writeUtf8(sink: TextSink, element: Uint8Array): void {
  const { buffer, byteOffset, byteLength } = element;
  sink.text(JSON.stringify(Buffer.from(buffer, byteOffset, byteLength).toString('utf8')));
}

/** Lists nested as `shape` says, of the elements from `first` on; a scalar for []. */
export function* writeElements(
  sink: TextSink,
  write: ElementWriter,
  shape: readonly number[],
  first = 0,
): Steps<void> {
  const zero = shape.indexOf(0);
  // What would be in an empty list is not written.
  const dims = zero === -1 ? shape : shape.slice(0, zero + 1);
  const length = dims.at(-1);
  if (length === undefined) {
    write(sink, first);
    return;
  }
  /** Of each list but the innermost: how many innermost ones it holds. */
  const rowsIn = dims.slice(0, -1).map((_, axis) => product(dims.slice(axis, -1)));
  const rows = rowsIn[0] ?? 1;
  let pause = sink.written + stepBytes;
  let index = first;
  for (let row = 0; row < rows; row += 1) {
    sink.reserve(2 * dims.length);
    if (row > 0) sink.bytes[sink.at++] = 0x2c;
    for (const one of rowsIn) if (row % one === 0) sink.bytes[sink.at++] = 0x5b;
    sink.bytes[sink.at++] = 0x5b;
    for (let i = 0; i < length; i += 1) {
      if (i > 0) {
        sink.reserve(1);
        sink.bytes[sink.at++] = 0x2c;
      }
      write(sink, index);
      index += 1;
      if (sink.written < pause) continue;
      pause = sink.written + stepBytes;
      yield;
    }
    sink.reserve(dims.length);
    sink.bytes[sink.at++] = 0x5d;
    for (const one of rowsIn) if ((row + 1) % one === 0) sink.bytes[sink.at++] = 0x5d;
    if (sink.written < pause) continue;
    pause = sink.written + stepBytes;
    yield;
  }
}

const product = (dims: readonly number[]): number => dims.reduce((count, dim) => count * dim, 1);
