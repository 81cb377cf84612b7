/**
 * The frames that cross between the server and a runner, over a socket pair.
 *
 *   offset 0   u32  length of the whole frame in bytes
 *          4   u16  kind
 *          6   u16  session within the runner
 *          8   u32  request id
 *         12   u32  length of meta in bytes
 *         16   u32  number of tensors
 *         20   u32  result: elapsed time of the run in microseconds; run: mask of wanted outputs (0 = all)
 *         24        meta: JSON for control frames, tensor descriptors for run and result
 *                   padding to a multiple of 8
 *                   the tensors' bytes, each padded to a multiple of 8
 *
 * A descriptor is u16 index, u8 dtype, u8 rank, u32 byte length, rank × u32 dimensions.
 * All numbers are little-endian. Payloads start at multiples of 8, and a frame is received into one
 * buffer of its own, so a payload is a typed array without a copy.
 *
 * Owns the layout. Does not own what a frame means (protocol.ts).
 */

import type { DType } from '../tensor/dtype.ts';
import { dtypes } from '../tensor/dtype.ts';

export const headerBytes = 24;
/** A frame larger than this is a broken peer, not a request. */
export const maxFrameBytes = 0x7fff_ffff;

export interface FrameTensor {
  /** Position in the session's list of inputs or outputs. */
  readonly index: number;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** The bytes, in one piece or in the pieces that a batch is made of. */
  readonly chunks: readonly Uint8Array[];
}

export interface FrameHeader {
  readonly kind: number;
  readonly session: number;
  readonly requestId: number;
}

export interface Frame extends FrameHeader {
  /** Result: microseconds of the run. Run: bit i set = output i is wanted, 0 = all. */
  readonly word: number;
  /** JSON text of a control frame, empty for run and result frames. */
  readonly json: string;
  readonly tensors: readonly FrameTensor[];
}

/** Not with `& ~7`, which makes negative numbers of lengths beyond 2^31. */
const padded = (bytes: number): number => Math.ceil(bytes / 8) * 8;
const padding = new Uint8Array(8);

function byteLengthOfChunks(chunks: readonly Uint8Array[]): number {
  let total = 0;
  for (const chunk of chunks) total += chunk.byteLength;
  return total;
}

function metaLengthOf(frame: Frame, json: Buffer | undefined): number {
  if (json) return json.byteLength;
  let length = 0;
  for (const tensor of frame.tensors) length += 8 + 4 * tensor.shape.length;
  return length;
}

function writeDescriptors(head: Buffer, tensors: readonly FrameTensor[]): void {
  let offset = headerBytes;
  for (const { index, dtype, shape, chunks } of tensors) {
    head.writeUInt16LE(index, offset);
    head.writeUInt8(dtypes.indexOf(dtype), offset + 2);
    head.writeUInt8(shape.length, offset + 3);
    head.writeUInt32LE(byteLengthOfChunks(chunks), offset + 4);
    offset += 8;
    for (const dim of shape) offset = head.writeUInt32LE(dim, offset);
  }
}

/** Encodes a frame as the pieces to write, in order; the tensors' bytes are not copied. */
export function encodeFrame(frame: Frame): Uint8Array[] {
  const json = frame.json ? Buffer.from(frame.json) : undefined;
  const metaLength = metaLengthOf(frame, json);
  const head = Buffer.alloc(headerBytes + padded(metaLength));
  const pieces: Uint8Array[] = [head];
  let length = head.byteLength;
  for (const { chunks } of frame.tensors) {
    const bytes = byteLengthOfChunks(chunks);
    for (const chunk of chunks) if (chunk.byteLength > 0) pieces.push(chunk);
    if (padded(bytes) > bytes) pieces.push(padding.subarray(0, padded(bytes) - bytes));
    length += padded(bytes);
  }
  if (length > maxFrameBytes) throw new RangeError(`a frame of ${length} bytes is too long`);
  head.writeUInt32LE(length, 0);
  head.writeUInt16LE(frame.kind, 4);
  head.writeUInt16LE(frame.session, 6);
  head.writeUInt32LE(frame.requestId, 8);
  head.writeUInt32LE(metaLength, 12);
  head.writeUInt32LE(frame.tensors.length, 16);
  head.writeUInt32LE(frame.word, 20);
  if (json) json.copy(head, headerBytes);
  else writeDescriptors(head, frame.tensors);
  return pieces;
}

/** What a frame is, from its first bytes alone. */
export function readHeader(buffer: Buffer): FrameHeader {
  return {
    kind: buffer.readUInt16LE(4),
    session: buffer.readUInt16LE(6),
    requestId: buffer.readUInt32LE(8),
  };
}

function readShape(buffer: Buffer, offset: number, rank: number): number[] {
  const shape = new Array<number>(rank);
  for (let axis = 0; axis < rank; axis += 1) shape[axis] = buffer.readUInt32LE(offset + 4 * axis);
  return shape;
}

/** Decodes one whole frame; the tensors are views on `buffer`. Throws RangeError on a broken one. */
export function decodeFrame(buffer: Buffer): Frame {
  const metaLength = buffer.readUInt32LE(12);
  const tensorCount = buffer.readUInt32LE(16);
  const tensors: FrameTensor[] = [];
  let offset = headerBytes;
  const metaEnd = headerBytes + metaLength;
  if (metaEnd > buffer.byteLength) throw new RangeError('broken frame');
  let payload = headerBytes + padded(metaLength);
  for (let i = 0; i < tensorCount; i += 1) {
    const rank = buffer.readUInt8(offset + 3);
    const byteLength = buffer.readUInt32LE(offset + 4);
    const dtype = dtypes[buffer.readUInt8(offset + 2)];
    const fits = offset + 8 + 4 * rank <= metaEnd && payload + byteLength <= buffer.byteLength;
    if (!dtype || !fits) throw new RangeError('broken frame');
    tensors.push({
      index: buffer.readUInt16LE(offset),
      dtype,
      shape: readShape(buffer, offset + 8, rank),
      chunks: [buffer.subarray(payload, payload + byteLength)],
    });
    offset += 8 + 4 * rank;
    payload += padded(byteLength);
  }
  return {
    ...readHeader(buffer),
    word: buffer.readUInt32LE(20),
    json: tensorCount === 0 ? buffer.toString('utf8', headerBytes, headerBytes + metaLength) : '',
    tensors,
  };
}
