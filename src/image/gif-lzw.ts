/**
 * GIF's variable-length LZW. Source: GIF89a, appendix F; tolerances as in Pillow 13.0
 * `src/libImaging/GifDecode.c` (data past the last pixel are ignored, a full table stays as it is).
 */

import { EndOfBytes } from './byte-cursor.ts';
import { CorruptPixels } from './decode-errors.ts';

const maxBits = 12;
const tableSize = 1 << maxBits;

/**
 * @param at where the minimum code size stands, followed by the data blocks
 * @returns exactly `count` indices
 * @throws EndOfBytes when the data end before, CorruptPixels for a code that cannot be
 */
export function decodeGifLzw(bytes: Uint8Array, at: number, count: number): Uint8Array {
  const minBits = bytes[at] ?? 0;
  if (minBits > maxBits) throw new CorruptPixels(`its code size is ${minBits}`);
  const nextCode = codeReader(bytes, at + 1);
  const out = new Uint8Array(count);
  const prefix = new Uint16Array(tableSize);
  const last = new Uint8Array(tableSize);
  const clear = 1 << minBits;
  let free = clear + 2;
  let bits = minBits + 1;
  let previous = -1;
  let previousAt = 0;
  let to = 0;
  const length = new Uint32Array(tableSize).fill(1, 0, clear);
  while (to < count) {
    const code = nextCode(bits);
    if (code === clear) {
      free = clear + 2;
      bits = minBits + 1;
      previous = -1;
      continue;
    }
    if (code === clear + 1) throw new EndOfBytes();
    if (code > free || (previous < 0 && code > clear))
      throw new CorruptPixels(`code ${code} is not in the table of ${free}`);
    const from = to;
    if (code === free) {
      const size = (length[previous] as number) + 1;
      for (let i = 0; i < size - 1 && to < count; i++) out[to++] = out[previousAt + i] as number;
      if (to < count) out[to++] = out[previousAt] as number;
    } else to = writeString(code);
    if (previous >= 0 && free < tableSize) {
      prefix[free] = previous;
      last[free] = out[from] as number;
      length[free] = (length[previous] as number) + 1;
      free++;
      if (free === 1 << bits && bits < maxBits) bits++;
    }
    previous = code;
    previousAt = from;
  }
  return out;

  /** Backwards from its last index; what would pass the end is left out. */
  function writeString(code: number): number {
    const end = to + (code < clear ? 1 : (length[code] as number));
    let rest = code;
    let i = end - 1;
    for (; rest >= clear; i--, rest = prefix[rest] as number)
      if (i < count) out[i] = last[rest] as number;
    if (i < count) out[i] = rest;
    return Math.min(end, count);
  }
}

/** Codes of a given width from the data blocks, low bits first. */
function codeReader(bytes: Uint8Array, start: number): (bits: number) => number {
  let at = start;
  let blockEnd = start;
  let buffer = 0;
  let have = 0;
  return (bits) => {
    while (have < bits) {
      if (at === blockEnd) blockEnd = at + 1 + (bytes[at++] ?? 0);
      if (at >= bytes.length || at === blockEnd) throw new EndOfBytes();
      buffer |= (bytes[at++] as number) << have;
      have += 8;
    }
    const code = buffer & ((1 << bits) - 1);
    buffer >>>= bits;
    have -= bits;
    return code;
  };
}
