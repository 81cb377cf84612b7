/**
 * A JSON body in which tensors' numbers stay text until their dtype is known.
 *
 * `readJson` gives the tree: plain values, and `Elements` for what is data. `encodeElements` makes a
 * tensor's bytes of elements. Both are `Steps`: `runNow` does them at once, a long body's are run in slices
 * (src/serving/long-work.ts).
 */

import { isAscii, isUtf8 } from 'node:buffer';
import type { Steps } from '../steps.ts';
import { stepBytes } from '../steps.ts';
import { refuse } from './json-fault.ts';
import type { JsonReading } from './json-reader.ts';
import { JsonReader } from './json-reader.ts';

const checkedBytes = 1 << 19;
/** Of texts that are plain: short enough for any depth and number of values. */
const plainBytes = 2048;

/** Throws JSON_INVALID with the place, JSON_TOO_COMPLEX. */
export function* readJson(body: Buffer, reading: JsonReading): Steps<unknown> {
  if (body.length === 0) refuse('it is empty');
  const plain = readPlain(body, reading);
  if (plain !== undefined) return plain;
  const reader = new JsonReader(body, reading);
  while (!reader.advance(stepBytes)) yield;
  if (reader.seen.beyondAscii) yield* checkUtf8(body, reader.at);
  return reader.result;
}

/** A short text without data by the engine's own parser, which takes half the time; undefined for any other. */
function readPlain(body: Buffer, { dataKey }: JsonReading): unknown {
  const isOne =
    dataKey !== undefined &&
    body.length <= plainBytes &&
    isAscii(body) &&
    !body.includes(`"${dataKey}"`) &&
    !body.includes('\\');
  if (!isOne) return undefined;
  try {
    return JSON.parse(body.toString('latin1'));
  } catch {
    return undefined;
  }
}

function* checkUtf8(body: Buffer, end: number): Steps<void> {
  for (let from = 0; from < end; ) {
    let to = Math.min(end, from + checkedBytes);
    // Not in the middle of a character.
    while (to < end && to > from + 4 && ((body[to] as number) & 0xc0) === 0x80) to -= 1;
    if (!isUtf8(body.subarray(from, to))) refuse('it is not UTF-8');
    from = to;
    if (from < end) yield;
  }
}
