/** Huffman codes of a JPEG. Source: ITU-T T.81, annexes C and F.2.2.3. */

import { CorruptPixels } from '../decode-errors.ts';

/** Codes up to this length are found in one look. */
export const lookBits = 9;

export interface HuffmanTable {
  /** By the next `lookBits` bits: length × 256 + symbol; 0 where the code is longer or none. */
  readonly lookup: Uint16Array;
  /** By length: the largest code, or -1. */
  readonly largest: Int32Array;
  /** By length: what is added to a code to find its symbol. */
  readonly offset: Int32Array;
  readonly symbols: Uint8Array;
}

/**
 * @param counts how many codes of each length from 1 to 16
 * @param symbols 256 of them, zeros behind the last
 * @throws CorruptPixels where the lengths make no code
 */
export function makeHuffmanTable(counts: Uint8Array, symbols: Uint8Array): HuffmanTable {
  const lookup = new Uint16Array(1 << lookBits);
  const largest = new Int32Array(17).fill(-1);
  const offset = new Int32Array(17);
  let code = 0;
  let next = 0;
  for (let length = 1; length <= 16; length++) {
    const count = counts[length - 1] as number;
    if (code + count > 1 << length) throw new CorruptPixels('a Huffman table has too many codes');
    offset[length] = next - code;
    for (let i = 0; i < count; i++, code++, next++) {
      if (length > lookBits) continue;
      const from = code << (lookBits - length);
      const to = (code + 1) << (lookBits - length);
      lookup.fill((length << 8) | (symbols[next] as number), from, to);
    }
    if (count > 0) largest[length] = code - 1;
    code <<= 1;
  }
  return { lookup, largest, offset, symbols };
}
