/**
 * A tensor whose bytes lie in several pieces, as those of a batch do: joining and cutting along the first
 * axis copies nothing.
 */

import type { DType } from './dtype.ts';
import { sizeOfDType } from './dtype.ts';
import { elementCount } from './tensor.ts';

export interface ChunkedTensor {
  /** Position in the model's list of inputs or outputs. */
  readonly index: number;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** The bytes in order; an element of BYTES lies in one piece. */
  readonly chunks: readonly Uint8Array[];
}

/** A place between two bytes of a list of chunks. */
interface Place {
  readonly chunk: number;
  readonly offset: number;
}

/** Moves on by so many bytes. */
function skipBytes(chunks: readonly Uint8Array[], from: Place, bytes: number): Place {
  let { chunk, offset } = from;
  let left = bytes;
  while (left > 0) {
    const rest = (chunks[chunk]?.byteLength ?? 0) - offset;
    if (chunk >= chunks.length) throw new RangeError('the tensor has fewer bytes than its shape');
    if (left < rest) return { chunk, offset: offset + left };
    left -= rest;
    chunk += 1;
    offset = 0;
  }
  return { chunk, offset };
}

/** Moves on by so many length-prefixed elements of BYTES. */
function skipElements(chunks: readonly Uint8Array[], from: Place, count: number): Place {
  let place = from;
  for (let i = 0; i < count; i += 1) {
    // An empty piece, or the end of one.
    while (place.offset >= (chunks[place.chunk]?.byteLength ?? 0) && place.chunk < chunks.length)
      place = { chunk: place.chunk + 1, offset: 0 };
    const piece = chunks[place.chunk];
    if (!piece || place.offset + 4 > piece.byteLength)
      throw new RangeError('the tensor has fewer elements than its shape');
    const view = new DataView(piece.buffer, piece.byteOffset, piece.byteLength);
    const offset = place.offset + 4 + view.getUint32(place.offset, true);
    if (offset > piece.byteLength) throw new RangeError('an element is longer than the data');
    place = { chunk: place.chunk, offset };
  }
  return place;
}

/** The bytes between two places, as views. */
function cut(chunks: readonly Uint8Array[], from: Place, to: Place): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let i = from.chunk; i <= to.chunk && i < chunks.length; i += 1) {
    const piece = chunks[i] as Uint8Array;
    const start = i === from.chunk ? from.offset : 0;
    const end = i === to.chunk ? to.offset : piece.byteLength;
    if (end > start) pieces.push(piece.subarray(start, end));
  }
  return pieces.length > 0 ? pieces : [new Uint8Array(0)];
}

/**
 * Cuts a tensor [n, …] into tensors of so many rows each, as views. The counts must add up to n.
 * Throws RangeError when the bytes do not fit the shape.
 */
export function splitRows(tensor: ChunkedTensor, counts: readonly number[]): ChunkedTensor[] {
  const { index, dtype, shape, chunks } = tensor;
  const rowShape = shape.slice(1);
  const perRow = elementCount(rowShape);
  const skip = dtype === 'BYTES' ? skipElements : skipBytes;
  const unit = dtype === 'BYTES' ? perRow : perRow * sizeOfDType(dtype);
  let from: Place = { chunk: 0, offset: 0 };
  return counts.map((rows) => {
    const to = skip(chunks, from, rows * unit);
    const part = { index, dtype, shape: [rows, ...rowShape], chunks: cut(chunks, from, to) };
    from = to;
    return part;
  });
}

/** Joins tensors of the same dtype and row shape along the first axis, without copying. */
export function joinRows(tensors: readonly ChunkedTensor[]): ChunkedTensor {
  const [first] = tensors;
  if (!first) throw new RangeError('nothing to join');
  let rows = 0;
  const chunks: Uint8Array[] = [];
  for (const tensor of tensors) {
    rows += tensor.shape[0] ?? 0;
    for (const chunk of tensor.chunks) chunks.push(chunk);
  }
  return { ...first, shape: [rows, ...first.shape.slice(1)], chunks };
}

/** The bytes in one piece: the piece itself when there is one, else a copy of them all. */
export function bytesOfChunks(chunks: readonly Uint8Array[]): Uint8Array {
  const [first] = chunks;
  if (first && chunks.length === 1) return first;
  let total = 0;
  for (const { byteLength } of chunks) total += byteLength;
  // Not from the pool, whose places are not aligned for typed arrays.
  const whole = Buffer.allocUnsafeSlow(total);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return whole;
}
