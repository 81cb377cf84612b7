/**
 * A JSON body in which tensors' numbers stay text until their dtype is known.
 *
 * `readJson` gives the tree: plain values, and `Elements` for what is data. `encodeElements` makes a
 * tensor's bytes of elements. Both are `Steps`: `runNow` does them at once, a long body's are run in slices
 * (src/http/long-work.ts).
 */

import { isUtf8 } from 'node:buffer';
import { refuse } from './json-fault.ts';
import type { JsonReading } from './json-reader.ts';
import { JsonReader } from './json-reader.ts';
import type { Steps } from './steps.ts';
import { stepBytes } from './steps.ts';

const checkedBytes = 1 << 19;

/** Throws JSON_INVALID with the place, JSON_TOO_COMPLEX. */
export function* readJson(body: Buffer, reading: JsonReading): Steps<unknown> {
  if (body.length === 0) refuse('it is empty');
  const reader = new JsonReader(body, reading);
  while (!reader.advance(stepBytes)) yield;
  if (reader.seen.beyondAscii) yield* checkUtf8(body, reader.at);
  return reader.result;
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
