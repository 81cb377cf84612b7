/**
 * Frames over a byte stream: gathers what arrives in arbitrary pieces into whole frames.
 *
 * Each frame gets one buffer of its own (8-byte aligned, never pooled), because its tensors become
 * typed arrays that live as long as the request does.
 */

import type { Duplex } from 'node:stream';
import type { Frame, FrameHeader } from './frames.ts';
import { decodeFrame, encodeFrame, headerBytes, maxFrameBytes, readHeader } from './frames.ts';

export interface FrameReader {
  push(chunk: Uint8Array): void;
}

/**
 * Calls `onFrame` for each whole frame, and `onHeader` before room is made for its bytes. `push` throws
 * RangeError when the bytes cannot be a frame, and what the two throw.
 */
export function createFrameReader(
  onFrame: (frame: Frame) => void,
  onHeader: (header: FrameHeader) => void = () => {},
): FrameReader {
  const header = Buffer.alloc(headerBytes);
  let frame: Buffer | undefined;
  let filled = 0;

  function startFrame(): Buffer {
    const length = header.readUInt32LE(0);
    if (length < headerBytes || length > maxFrameBytes) throw new RangeError('broken frame');
    onHeader(readHeader(header));
    const buffer = Buffer.allocUnsafeSlow(length);
    header.copy(buffer);
    return buffer;
  }

  /** Copies up to the end of the current target; returns how many bytes it took. */
  function fill(chunk: Uint8Array, offset: number): number {
    const target = frame ?? header;
    const count = Math.min(target.byteLength - filled, chunk.byteLength - offset);
    target.set(chunk.subarray(offset, offset + count), filled);
    filled += count;
    if (!frame && filled === headerBytes) frame = startFrame();
    return count;
  }

  return {
    push(chunk) {
      let offset = 0;
      while (offset < chunk.byteLength) {
        offset += fill(chunk, offset);
        if (!frame || filled < frame.byteLength) continue;
        const whole = frame;
        frame = undefined;
        filled = 0;
        onFrame(decodeFrame(whole));
      }
    },
  };
}

/** Up to this size, copying a piece costs less than a write of its own. */
const smallPiece = 16_384;

/** Neighbours that are small become one piece: a frame of many small tensors is then a few writes. */
function joinSmall(pieces: readonly Uint8Array[]): Uint8Array[] {
  const joined: Uint8Array[] = [];
  let from = 0;
  const take = (to: number): void => {
    if (to - from === 1) joined.push(pieces[from] as Uint8Array);
    else if (to > from) joined.push(Buffer.concat(pieces.slice(from, to)));
  };
  for (let i = 0; i < pieces.length; i += 1) {
    if ((pieces[i] as Uint8Array).byteLength <= smallPiece) continue;
    take(i);
    joined.push(pieces[i] as Uint8Array);
    from = i + 1;
  }
  take(pieces.length);
  return joined;
}

/** Writes a frame in one system call where the stream allows it. */
export function writeFrame(stream: Duplex, frame: Frame): void {
  const pieces = joinSmall(encodeFrame(frame));
  stream.cork();
  for (const piece of pieces) stream.write(piece);
  stream.uncork();
}
