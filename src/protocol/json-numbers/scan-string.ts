/** The inside of a JSON string: its end, its escapes, its text. */

import { refuseAt } from './json-fault.ts';

const escapes = new Set([...'"\\/bfnrtu'].map((sign) => sign.charCodeAt(0)));

const isHex = (sign: number | undefined): boolean =>
  sign !== undefined &&
  ((sign >= 0x30 && sign <= 0x39) ||
    (sign >= 0x41 && sign <= 0x46) ||
    (sign >= 0x61 && sign <= 0x66));

/** What was seen in the strings of a text. */
export interface StringSigns {
  /** Bytes beyond ASCII, which may not be UTF-8. */
  beyondAscii: boolean;
}

/**
 * The place of the closing quote, or about `stop` when there is none before it; never inside an escape.
 * Throws JSON_INVALID for control characters and wrong escapes.
 */
export function endOfString(body: Buffer, from: number, stop: number, seen: StringSigns): number {
  let at = from;
  while (at < stop) {
    const sign = body[at] as number;
    if (sign === 0x22) return at;
    if (sign === 0x5c) at = endOfEscape(body, at);
    else if (sign < 0x20) refuseAt(body, at, 'an escape instead of a control character');
    else {
      if (sign >= 0x80) seen.beyondAscii = true;
      at += 1;
    }
  }
  return at;
}

function endOfEscape(body: Buffer, at: number): number {
  const sign = body[at + 1];
  if (sign === undefined || !escapes.has(sign)) refuseEscape(body, at);
  if (sign !== 0x75) return at + 2;
  for (let i = 2; i < 6; i += 1) if (!isHex(body[at + i])) refuseEscape(body, at);
  return at + 6;
}

function refuseEscape(body: Buffer, at: number): never {
  refuseAt(body, at, 'an escape such as \\n or \\u00e9');
}

/** The text between two quotes that were found. Only for short ones: it is one string of the heap. */
export function textBetween(body: Buffer, start: number, end: number): string {
  const text = body.toString('utf8', start, end);
  return text.includes('\\') ? (JSON.parse(`"${text}"`) as string) : text;
}
