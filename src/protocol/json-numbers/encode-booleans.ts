import type { Steps } from '../steps.ts';
import { stepBytes } from '../steps.ts';
import type { Elements } from './elements.ts';
import { isBetween } from './elements.ts';

/** Elements that are all booleans, as bytes of 0 and 1. */
export function* encodeBooleans(parts: readonly Elements[], count: number): Steps<Uint8Array> {
  const bytes = new Uint8Array(count);
  let written = 0;
  let pause = stepBytes;
  for (const { body, start, end } of parts) {
    for (let at = start; at < end; ) {
      const sign = body[at] as number;
      if (isBetween(sign)) at += 1;
      else {
        const isTrue = sign === 0x74;
        bytes[written] = isTrue ? 1 : 0;
        written += 1;
        at += isTrue ? 4 : 5;
      }
      pause -= 1;
      if (pause > 0) continue;
      pause = stepBytes;
      yield;
    }
  }
  return bytes;
}
