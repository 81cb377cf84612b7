import type { IncomingMessage } from 'node:http';
import { ServingError } from '../errors.ts';

const firstBytes = 65_536;

/**
 * Reads the body of an answer of at most `maxBytes`. Chunks are copied into one growing buffer, so that
 * a body in pieces of one byte costs no more memory than another; nothing is set aside for a
 * Content-Length that may never come.
 *
 * Throws URL_FETCH_FAILED when the body is or says that it is longer.
 */
export async function readBody(
  response: IncomingMessage,
  maxBytes: number,
  host: string,
): Promise<Uint8Array> {
  if (Number(response.headers['content-length'] ?? 0) > maxBytes) refuse(host, maxBytes);
  let body = Buffer.allocUnsafeSlow(Math.min(firstBytes, maxBytes));
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    const needed = length + chunk.length;
    if (needed > maxBytes || isMostlyFraming(response, maxBytes)) refuse(host, maxBytes);
    if (needed > body.length)
      body = grow(body, Math.min(maxBytes, Math.max(needed, 2 * body.length)));
    length += chunk.copy(body, length);
  }
  return body.subarray(0, length);
}

/** Chunked pieces of one byte take six on the wire, and the parser's time. */
function isMostlyFraming({ socket }: IncomingMessage, maxBytes: number): boolean {
  return socket.bytesRead > 2 * maxBytes + firstBytes;
}

function grow(body: Buffer, size: number): Buffer<ArrayBuffer> {
  const grown = Buffer.allocUnsafeSlow(size);
  body.copy(grown);
  return grown;
}

function refuse(host: string, maxBytes: number): never {
  const problem = `its answer is longer than the limit of ${maxBytes} bytes`;
  throw new ServingError('URL_FETCH_FAILED', { host, problem });
}
