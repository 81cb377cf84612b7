/**
 * Bodies that come compressed (RFC 9110 §8.4): gzip, and deflate in zlib's form, as the clients of Open
 * Inference send them. Unpacked by libuv's threads, piece by piece, each within the budget of bodies.
 */

import { messageOf, ServingError } from '../errors.ts';
import type { Hold } from '../serving/byte-budget.ts';
import type { BodyDone } from './request-body.ts';

export const bodyEncodings = ['gzip', 'deflate'] as const;
export type BodyEncoding = (typeof bodyEncodings)[number];

/** Pieces of the unpacked body: a guess from the packed one, within these. */
const [smallestPiece, largestPiece] = [16_384, 1024 ** 2];
const guessedRatio = 4;

/** Of a Content-Encoding header; undefined when the body comes as it is. Throws CONTENT_ENCODING_UNSUPPORTED. */
export function bodyEncodingOf(header: string | undefined): BodyEncoding | undefined {
  const name = header?.trim().toLowerCase() ?? '';
  if (name === '' || name === 'identity') return undefined;
  const known = bodyEncodings.find((encoding) => encoding === name.replace(/^x-/, ''));
  if (known) return known;
  throw new ServingError('CONTENT_ENCODING_UNSUPPORTED', {
    encoding: name.slice(0, 100),
    expected: bodyEncodings,
  });
}

export interface UnpackOptions {
  readonly encoding: BodyEncoding;
  readonly hold: Hold;
  /** Bytes of memory that a byte of the unpacked body costs while it is worked on. */
  readonly weight: number;
  /** The longest that it may be unpacked, in bytes. */
  readonly limit: number;
}

/**
 * Unpacks a body. Calls back once, with BODY_ENCODING_INVALID, BODY_TOO_LARGE, BODY_MEMORY_FULL, or
 * REQUEST_CANCELLED when the hold was released meanwhile. What the packed body held is given back.
 */
export function unpackBody(body: Buffer, options: UnpackOptions, done: BodyDone): void {
  const { encoding, hold, weight, limit } = options;
  if (body.length === 0) {
    done(null, body);
    return;
  }
  const { createGunzip, createInflate } = process.getBuiltinModule('node:zlib');
  const chunkSize = Math.min(largestPiece, Math.max(smallestPiece, guessedRatio * body.length));
  const stream = (encoding === 'gzip' ? createGunzip : createInflate)({ chunkSize });
  const pieces: Buffer[] = [];
  let length = 0;

  function fail(error: Error): void {
    stream.removeAllListeners('data').removeAllListeners('end').destroy();
    done(error);
  }

  function keep(piece: Buffer): void {
    length += piece.length;
    try {
      if (length > limit) throw new ServingError('BODY_TOO_LARGE', { limitBytes: limit });
      // Once more for when the pieces are put together.
      hold.grow((weight + 1) * piece.length);
      pieces.push(piece);
    } catch (error) {
      fail(error as Error);
    }
  }

  stream.on('data', keep);
  stream.once('error', (error) =>
    fail(new ServingError('BODY_ENCODING_INVALID', { encoding, problem: messageOf(error) })),
  );
  stream.once('end', () => {
    const [first] = pieces;
    const whole = first && pieces.length === 1 ? first : Buffer.concat(pieces, length);
    hold.shrink(hold.bytes - Math.min(hold.bytes, weight * length));
    done(null, whole);
  });
  stream.end(body);
}
