/**
 * How the bodies of answers go out: compressed (RFC 9110 §12.5.3) for clients that ask, where it saves
 * something, by libuv's threads; else as the pieces that they are made of.
 */

import type { OutgoingHttpHeaders } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { BodyEncoding } from './body-encoding.ts';
import { bodyEncodings } from './body-encoding.ts';

/** Shorter answers fit into one packet as they are. */
const leastBytes = 1024;
/** Of a long answer so much is tried first: floats hardly get shorter, texts of numbers do. */
const sampleBytes = 16_384;
const worthwhile = 0.8;
/** Up to here a body goes out together with its head. */
const mostShort = 4096;
/** A longer body of several pieces is not put together. */
const mostJoined = 65_536;
/** Higher levels take several times as long for little. */
const options = { level: 1 };

/** What a client would rather have, by its Accept-Encoding header; undefined: the answer as it is. */
export function answerEncodingOf(header: string | undefined): BodyEncoding | undefined {
  if (header === undefined) return undefined;
  const weights = new Map<string, number>();
  for (const part of header.toLowerCase().split(',').slice(0, 20)) {
    const [name = '', ...parameters] = part.split(';').map((piece) => piece.trim());
    const [, weight = '1'] = /^q=([\d.]+)$/.exec(parameters[0] ?? '') ?? [];
    weights.set(name.replace(/^x-/, ''), Number(weight));
  }
  const weightOf = (name: string): number => weights.get(name) ?? weights.get('*') ?? 0;
  const [best] = [...bodyEncodings].sort((a, b) => weightOf(b) - weightOf(a));
  return best && weightOf(best) > 0 ? best : undefined;
}

function pack(body: Buffer, encoding: BodyEncoding): Promise<Buffer> {
  const { gzip, deflate } = process.getBuiltinModule('node:zlib');
  return new Promise((resolve, reject) =>
    (encoding === 'gzip' ? gzip : deflate)(body, options, (error, packed) =>
      error ? reject(error) : resolve(packed),
    ),
  );
}

/** The packed body, or undefined when packing it is not worth it. */
export async function packAnswer(
  body: Buffer,
  encoding: BodyEncoding,
): Promise<Buffer | undefined> {
  if (body.length < leastBytes) return undefined;
  if (body.length > 2 * sampleBytes) {
    const sample = await pack(body.subarray(0, sampleBytes), encoding);
    if (sample.length > worthwhile * sampleBytes) return undefined;
  }
  const packed = await pack(body, encoding);
  return packed.length < body.length ? packed : undefined;
}

/**
 * Sends a short body as one string with the head: as a buffer it would be a second chunk, which costs a sixth
 * of the time of an empty answer (docs/decisions/http-path.md). Latin-1 keeps every byte.
 */
function sendShort(reply: FastifyReply, body: Buffer): FastifyReply {
  reply.hijack();
  const headers = reply.getHeaders() as OutgoingHttpHeaders;
  reply.raw.writeHead(reply.statusCode, { ...headers, 'content-length': body.length });
  reply.raw.end(body.toString('latin1'), 'latin1');
  return reply;
}

/** Writes the pieces one after the other: putting a long body together would copy all of it. */
function sendPieces(
  reply: FastifyReply,
  pieces: readonly Uint8Array[],
  length: number,
): FastifyReply {
  reply.hijack();
  const { raw } = reply;
  const headers = reply.getHeaders() as OutgoingHttpHeaders;
  raw.writeHead(reply.statusCode, { ...headers, 'content-length': length });
  raw.cork();
  for (const piece of pieces) raw.write(piece);
  raw.end();
  return reply;
}

/** Sends an answer in the encoding that the client asks for, or as it is. `pieces`: the body in order. */
export async function sendAnswer(
  { headers }: FastifyRequest,
  reply: FastifyReply,
  pieces: readonly Uint8Array[],
): Promise<FastifyReply> {
  const encoding = answerEncodingOf(headers['accept-encoding']);
  const length = pieces.reduce((total, piece) => total + piece.byteLength, 0);
  if (!encoding && pieces.length > 1 && length > mostJoined)
    return sendPieces(reply, pieces, length);
  const [first] = pieces;
  const body =
    first && pieces.length === 1
      ? Buffer.from(first.buffer, first.byteOffset, length)
      : Buffer.concat(pieces, length);
  if (!encoding && length <= mostShort) return sendShort(reply, body);
  const packed = encoding && (await packAnswer(body, encoding));
  if (!packed) return reply.send(body);
  return reply.header('content-encoding', encoding).header('vary', 'Accept-Encoding').send(packed);
}
