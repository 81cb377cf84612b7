/**
 * One scan: its MCUs in order, with restarts. What libjpeg does for damaged data is done here too, because
 * TensorFlow takes such files. Source: ITU-T T.81, A.2 and E.2.4.
 */

import { CorruptPixels } from '../decode-errors.ts';
import type { BitReader } from './bit-reader.ts';
import type { Component, Frame } from './frame.ts';
import type { HuffmanTable } from './huffman-table.ts';

export interface ScanComponent {
  readonly component: Component;
  readonly dc: HuffmanTable | undefined;
  readonly ac: HuffmanTable | undefined;
  /** The last block's mean. */
  mean: number;
}

export interface Scan {
  readonly components: readonly ScanComponent[];
  /** Zigzag positions of the first and the last coefficient. */
  readonly first: number;
  readonly last: number;
  /** Bits that were left out before and are left out now. */
  readonly highBits: number;
  readonly lowBits: number;
}

/** Reads one block; without `reader` the data have ended. `index` counts blocks as in the plane. */
export interface BlockCoder {
  block(reader: BitReader | undefined, one: ScanComponent, index: number): void;
  restart(): void;
}

const mostBlocksInMcu = 10;

/** Calls for every block in the scan's order. @throws EndOfBytes, CorruptPixels */
export function readScan(
  frame: Frame,
  { components }: Scan,
  reader: BitReader,
  restartInterval: number,
  coder: BlockCoder,
): void {
  const [only] = components;
  const alone = components.length === 1 ? only?.component : undefined;
  const wide = alone ? alone.blocksWide : frame.mcusWide;
  const high = alone ? alone.blocksHigh : frame.mcusHigh;
  checkMcu(components, alone);
  const restarts = createRestarts(reader, restartInterval);
  for (let row = 0; row < high; row++) {
    for (let column = 0; column < wide; column++) {
      if (restarts.isDue()) {
        restarts.pass();
        for (const one of components) one.mean = 0;
        coder.restart();
      }
      const source = restarts.hasData() ? reader : undefined;
      if (alone && only) coder.block(source, only, row * (alone.stride >> 3) + column);
      else for (const one of components) readMcu(source, one, row, column, coder);
    }
  }
}

function checkMcu(components: readonly ScanComponent[], alone: Component | undefined): void {
  const blocks = components.reduce(
    (sum, { component }) => sum + component.across * component.down,
    0,
  );
  if (!alone && blocks > mostBlocksInMcu)
    throw new CorruptPixels(`a scan interleaves ${blocks} blocks, ${mostBlocksInMcu} may be`);
}

function readMcu(
  reader: BitReader | undefined,
  one: ScanComponent,
  row: number,
  column: number,
  coder: BlockCoder,
): void {
  const { across, down, stride } = one.component;
  for (let y = 0; y < down; y++) {
    const index = (row * down + y) * (stride >> 3) + column * across;
    for (let x = 0; x < across; x++) coder.block(reader, one, index + x);
  }
}

interface Restarts {
  isDue(): boolean;
  pass(): void;
  /** False from the first MCU on that begins behind the end of its data, up to the next restart. */
  hasData(): boolean;
}

function createRestarts(reader: BitReader, interval: number): Restarts {
  let left = interval;
  let next = 0;
  let exhausted = false;
  return {
    isDue: () => interval > 0 && left-- === 0,
    pass() {
      exhausted ||= reader.isExhausted;
      reader.reset();
      reader.findRestart(next);
      if (reader.marker === 0) exhausted = false;
      next = (next + 1) & 7;
      left = interval - 1;
    },
    hasData() {
      exhausted ||= reader.isExhausted;
      return !exhausted;
    },
  };
}
