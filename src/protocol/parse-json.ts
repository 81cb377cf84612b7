import { isUtf8 } from 'node:buffer';
import { ServingError } from '../errors.ts';
import { findJsonError } from './find-json-error.ts';

/**
 * Parses a JSON body (RFC 8259): UTF-8, with or without a byte order mark. For bodies of a few strings;
 * megabytes of numbers have their own reader.
 *
 * Throws JSON_INVALID with the place, and never with text of the body.
 */
export function parseJson(body: Uint8Array): unknown {
  if (body.length === 0) refuse('it is empty');
  if (!isUtf8(body)) refuse('it is not UTF-8');
  const start = body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf ? 3 : 0;
  const text = Buffer.from(body.buffer, body.byteOffset, body.length).toString('utf8', start);
  try {
    return JSON.parse(text);
  } catch {
    refuse(describe(text));
  }
}

function describe(text: string): string {
  const { at, expected } = findJsonError(text);
  if (at >= text.length) return `it ends where ${expected} was expected`;
  const before = text.slice(0, at);
  const line = before.split('\n').length;
  return `expected ${expected} at line ${line}, column ${at - before.lastIndexOf('\n')}`;
}

function refuse(problem: string): never {
  throw new ServingError('JSON_INVALID', { problem });
}
