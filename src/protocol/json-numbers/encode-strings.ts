/** Elements that are all strings, as BYTES: of each its length in four bytes and its UTF-8. */

import type { Steps } from '../steps.ts';
import { stepBytes } from '../steps.ts';
import type { Elements } from './elements.ts';
import { isBetween } from './elements.ts';
import { endOfString } from './scan-string.ts';
import { Unescaper } from './unescape.ts';

/** Their UTF-8 was looked at when the text was read. */
const unused = { beyondAscii: false };

/** The length-prefixed elements of all parts. Its buffer may be larger than what came of the text. */
export function* encodeStrings(parts: readonly Elements[]): Steps<Uint8Array> {
  let room = 0;
  // Escapes only get shorter, and of each element two quotes go where its length comes.
  for (const { start, end, count } of parts) room += end - start + 2 * count;
  const bytes = new Uint8Array(room);
  const view = new DataView(bytes.buffer);
  const out = new Unescaper(bytes);
  let pause = stepBytes;
  for (const { body, start, end } of parts) {
    for (out.read = start; out.read < end; ) {
      if (isBetween(body[out.read] as number)) out.read += 1;
      else {
        const head = out.written;
        out.written += 4;
        out.read += 1;
        yield* copyString(out, body, end);
        view.setUint32(head, out.written - head - 4, true);
      }
      pause -= 1;
      if (pause > 0) continue;
      pause = stepBytes;
      yield;
    }
  }
  return bytes.subarray(0, out.written);
}

/** To behind its closing quote. */
function* copyString(out: Unescaper, body: Buffer, end: number): Steps<void> {
  for (;;) {
    const to = endOfString(body, out.read, Math.min(end, out.read + stepBytes), unused);
    out.copy(body, to);
    if (out.read === to && body[to] === 0x22) break;
    yield;
  }
  out.read += 1;
}
