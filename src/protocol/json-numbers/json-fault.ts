/** Refusals of a JSON text, with the place and never with text of the body. */

import { ServingError } from '../../errors.ts';

/** Lines are counted as far as this, so that a refusal takes no time. */
const countedBytes = 1 << 20;

/** Throws JSON_INVALID: at this byte something else was expected. The words are those of find-json-error.ts. */
export function refuseAt(body: Buffer, at: number, expected: string): never {
  if (at >= body.length) refuse(`it ends where ${expected} was expected`);
  refuse(`expected ${expected} at ${placeOf(body, at)}`);
}

/** Throws JSON_INVALID. */
export function refuse(problem: string): never {
  throw new ServingError('JSON_INVALID', { problem });
}

/** "line 3, column 7", counted in characters, or the byte where that is far into the text. */
export function placeOf(body: Buffer, at: number): string {
  if (at > countedBytes) return `byte ${at + 1}`;
  const text = body.toString('utf8', body[0] === 0xef ? 3 : 0, at);
  const line = text.split('\n').length;
  return `line ${line}, column ${text.length - text.lastIndexOf('\n')}`;
}
