/** Blocks of a baseline or extended sequential scan, transformed as they come. Source: ITU-T T.81, F.2. */

import type { BitReader } from './bit-reader.ts';
import type { HuffmanTable } from './huffman-table.ts';
import type { BlockCoder, ScanComponent } from './scan.ts';
import type { Transform } from './transform.ts';
import { zigzag } from './zigzag.ts';

export function sequentialCoder(transform: Transform): BlockCoder {
  const block = new Int16Array(64);
  return {
    block(reader, one, index) {
      const { multipliers, plane, stride } = one.component;
      const perRow = stride >> 3;
      const row = (index / perRow) | 0;
      const to = row * 8 * stride + (index - row * perRow) * 8;
      const table = multipliers as Int16Array;
      block.fill(0);
      const last = reader ? readBlock(reader, one, block) : 0;
      if (last === 0) transform.mean(block[0] as number, table, plane, to, stride);
      else transform.block(block, 0, table, plane, to, stride);
    },
    restart() {},
  };
}

/** The zigzag position of the last coefficient that is there. */
function readBlock(reader: BitReader, one: ScanComponent, block: Int16Array): number {
  one.mean += readDifference(reader, one.dc as HuffmanTable);
  block[0] = one.mean;
  const ac = one.ac as HuffmanTable;
  let last = 0;
  for (let k = 1; k < 64; k++) {
    const symbol = reader.symbol(ac);
    const length = symbol & 15;
    if (length !== 0) {
      k += symbol >> 4;
      block[zigzag[k] as number] = reader.takeSigned(length);
      last = k;
    } else if (symbol === 0xf0) k += 15;
    else break;
  }
  return last;
}

/** A mean comes as its difference from the one before. Its length is 15 at most: tables with others are refused. */
export function readDifference(reader: BitReader, dc: HuffmanTable): number {
  const length = reader.symbol(dc);
  return length === 0 ? 0 : reader.takeSigned(length);
}
