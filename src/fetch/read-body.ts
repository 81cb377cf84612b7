import type { IncomingMessage } from 'node:http';
import { ServingError } from '../errors.ts';

const firstBytes = 65_536;
const readAheadBytes = 262_144;

/** Memory that is shared with others. `grow` throws when there is none left, and that is thrown on. */
export interface Room {
  grow(bytes: number): void;
}

export interface BodyLimits {
  readonly maxBytes: number;
  readonly url: { readonly host: string };
  readonly room?: Room | undefined;
}

/**
 * Reads the body of an answer of at most `maxBytes`. Chunks are copied into one growing buffer, so that
 * a body in pieces of one byte costs no more memory than another; nothing is set aside for a
 * Content-Length that may never come.
 *
 * Throws URL_FETCH_FAILED when the body is or says that it is longer, or is mostly chunk framing.
 */
export async function readBody(
  response: IncomingMessage,
  { maxBytes, url: { host }, room }: BodyLimits,
): Promise<Uint8Array> {
  if (Number(response.headers['content-length'] ?? 0) > maxBytes) refuse(host, longer(maxBytes));
  let body = make(Math.min(firstBytes, maxBytes), room);
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    const needed = length + chunk.length;
    if (needed > maxBytes) refuse(host, longer(maxBytes));
    if (isMostlyFraming(response, needed)) refuse(host, 'its answer comes in too small pieces');
    if (needed > body.length)
      body = grow(body, Math.min(maxBytes, Math.max(needed, 2 * body.length)), room);
    length += chunk.copy(body, length);
  }
  return body.subarray(0, length);
}

/**
 * Every piece of a chunked body costs a callback, however small. 60 bytes on average are asked for,
 * and what was read ahead is not held against the sender.
 */
function isMostlyFraming({ socket }: IncomingMessage, received: number): boolean {
  return socket.bytesRead > 1.1 * received + readAheadBytes;
}

function make(size: number, room: Room | undefined): Buffer<ArrayBuffer> {
  room?.grow(size);
  return Buffer.allocUnsafeSlow(size);
}

/** The old one is garbage from now on, so only the difference is asked for. */
function grow(body: Buffer, size: number, room: Room | undefined): Buffer<ArrayBuffer> {
  room?.grow(size - body.length);
  const grown = Buffer.allocUnsafeSlow(size);
  body.copy(grown);
  return grown;
}

function longer(maxBytes: number): string {
  return `its answer is longer than the limit of ${maxBytes} bytes`;
}

function refuse(host: string, problem: string): never {
  throw new ServingError('URL_FETCH_FAILED', { host, problem });
}
