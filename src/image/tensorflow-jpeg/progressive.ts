/** Blocks of a progressive scan, gathered until all scans are read. Source: ITU-T T.81, annex G. */

import type { BitReader } from './bit-reader.ts';
import type { Component, Frame } from './frame.ts';
import type { HuffmanTable } from './huffman-table.ts';
import type { BlockCoder, Scan } from './scan.ts';
import { readDifference } from './sequential.ts';
import type { Transform } from './transform.ts';
import { zigzag } from './zigzag.ts';

export function progressiveCoder(scan: Scan): BlockCoder {
  if (scan.first === 0) return scan.highBits === 0 ? firstMeans(scan) : refinedMeans(scan);
  return scan.highBits === 0 ? firstDetails(scan) : refinedDetails(scan);
}

function firstMeans({ lowBits }: Scan): BlockCoder {
  return {
    block(reader, one, index) {
      if (!reader) return;
      one.mean += readDifference(reader, one.dc as HuffmanTable);
      one.component.coefficients[index * 64] = one.mean << lowBits;
    },
    restart() {},
  };
}

function refinedMeans({ lowBits }: Scan): BlockCoder {
  return {
    block(reader, { component: { coefficients } }, index) {
      if (reader?.take(1) === 1)
        coefficients[index * 64] = (coefficients[index * 64] as number) | (1 << lowBits);
    },
    restart() {},
  };
}

function firstDetails({ first, last, lowBits }: Scan): BlockCoder {
  /** How many blocks have no more coefficients in this scan. */
  let ended = 0;
  function read(reader: BitReader, ac: HuffmanTable, blocks: Int16Array, from: number): void {
    for (let k = first; k <= last; k++) {
      const symbol = reader.symbol(ac);
      const run = symbol >> 4;
      const length = symbol & 15;
      if (length !== 0) {
        k += run;
        blocks[from + (zigzag[k] as number)] = reader.takeSigned(length) << lowBits;
      } else if (run === 15) k += 15;
      else {
        ended = runOfBlocks(reader, run) - 1;
        return;
      }
    }
  }
  return {
    block(reader, { ac, component }, index) {
      if (!reader) return;
      if (ended > 0) ended--;
      else read(reader, ac as HuffmanTable, component.coefficients, index * 64);
    },
    restart() {
      ended = 0;
    },
  };
}

const runOfBlocks = (reader: BitReader, bits: number): number =>
  bits === 0 ? 1 : (1 << bits) + reader.take(bits);

function refinedDetails({ first, last, lowBits }: Scan): BlockCoder {
  const plus = 1 << lowBits;
  let ended = 0;

  /**
   * One more bit for each coefficient that is there, up to and with the one that `zeros` others that are
   * not there come before; gives its position.
   */
  function refine(
    reader: BitReader,
    blocks: Int16Array,
    from: number,
    k: number,
    zeros: number,
  ): number {
    for (; k <= last; k++) {
      const at = from + (zigzag[k] as number);
      const value = blocks[at] as number;
      if (value === 0) {
        if (--zeros < 0) return k;
      } else if (reader.take(1) === 1 && (value & plus) === 0)
        blocks[at] = value + (value >= 0 ? plus : -plus);
    }
    return k;
  }

  function read(reader: BitReader, ac: HuffmanTable, blocks: Int16Array, from: number): number {
    for (let k = first; k <= last; k++) {
      const symbol = reader.symbol(ac);
      const run = symbol >> 4;
      if ((symbol & 15) === 0 && run !== 15) {
        ended = runOfBlocks(reader, run);
        return k;
      }
      const value = (symbol & 15) === 0 ? 0 : reader.take(1) === 1 ? plus : -plus;
      k = refine(reader, blocks, from, k, run);
      if (value !== 0) blocks[from + (zigzag[k] as number)] = value;
    }
    return last + 1;
  }

  return {
    block(reader, { ac, component: { coefficients } }, index) {
      if (!reader) return;
      const from = index * 64;
      const k = ended > 0 ? first : read(reader, ac as HuffmanTable, coefficients, from);
      if (ended === 0) return;
      refine(reader, coefficients, from, k, 64);
      ended--;
    },
    restart() {
      ended = 0;
    },
  };
}

/** From the coefficients to the planes. */
export function transformAll({ components, transform }: Frame): void {
  for (const component of components) transformPlane(component, transform);
}

function transformPlane(
  { blocksWide, blocksHigh, stride, plane, coefficients, multipliers }: Component,
  transform: Transform,
): void {
  const table = multipliers as Int16Array;
  for (let row = 0; row < blocksHigh; row++)
    for (let column = 0; column < blocksWide; column++)
      transform.block(
        coefficients,
        (row * (stride >> 3) + column) * 64,
        table,
        plane,
        row * 8 * stride + column * 8,
        stride,
      );
}

/**
 * Whether libjpeg would smooth the picture, because it lacks low bits of the first coefficients: that is
 * not done here.
 */
export function wouldBeSmoothed({ components }: Frame): boolean {
  return components.some(({ missingBits }) => missingBits.subarray(0, 10).some((n) => n !== 0));
}
