/** What the segments before a scan say: tables, restarts and whose colours they are. Source: ITU-T T.81, B.2.4. */

import type { Bytes } from '../byte-cursor.ts';
import { CorruptPixels } from '../decode-errors.ts';
import type { ColorMarkers } from './colors.ts';
import type { HuffmanTable } from './huffman-table.ts';
import { makeHuffmanTable } from './huffman-table.ts';
import { zigzag } from './zigzag.ts';

export interface Tables extends ColorMarkers {
  readonly quantisation: Array<Uint16Array | undefined>;
  readonly dc: Array<HuffmanTable | undefined>;
  readonly ac: Array<HuffmanTable | undefined>;
  /** In MCUs; 0 is none. */
  restartInterval: number;
  hasJfif: boolean;
  adobeTransform: number | undefined;
}

export function noTables(): Tables {
  return {
    quantisation: [],
    dc: [],
    ac: [],
    restartInterval: 0,
    hasJfif: false,
    adobeTransform: undefined,
  };
}

/**
 * Takes what a segment has; comments and the like have nothing.
 *
 * @param body where its content begins, up to `end`
 * @throws EndOfBytes, CorruptPixels
 */
export function readTables(
  bytes: Bytes,
  marker: number,
  body: number,
  end: number,
  tables: Tables,
): void {
  if (marker === 0xdb) readQuantisation(bytes, body, end, tables);
  else if (marker === 0xc4) readHuffman(bytes, body, end, tables);
  else if (marker === 0xdd) {
    if (end - body !== 2) throw new CorruptPixels('its restart interval has a wrong length');
    tables.restartInterval = bytes.u16(body);
  } else if (marker === 0xe0 && end - body >= 14) {
    if (bytes.hasTag(body, 'JFIF') && bytes.u8(body + 4) === 0) tables.hasJfif = true;
  } else if (marker === 0xee && end - body >= 12) {
    if (bytes.text(body, 5) === 'Adobe') tables.adobeTransform = bytes.u8(body + 11);
  } else if (marker === 0xd8) throw new CorruptPixels('it starts a second time');
  else if (marker < 0xc0 || (marker >= 0xf0 && marker < 0xfe) || marker === 0xc8)
    throw new CorruptPixels(`it has an unknown marker ${marker.toString(16)}`);
}

function readQuantisation(bytes: Bytes, body: number, end: number, tables: Tables): void {
  for (let at = body; at < end; ) {
    const kind = bytes.u8(at++);
    const size = kind >> 4 === 0 ? 1 : 2;
    if ((kind & 15) > 3 || at + 64 * size > end)
      throw new CorruptPixels('its quantisation tables are damaged');
    const table = new Uint16Array(64);
    for (let k = 0; k < 64; k++, at += size)
      table[zigzag[k] as number] = size === 1 ? bytes.u8(at) : bytes.u16(at);
    tables.quantisation[kind & 15] = table;
  }
}

function readHuffman(bytes: Bytes, body: number, end: number, tables: Tables): void {
  for (let at = body; at < end; ) {
    const kind = bytes.u8(at++);
    const counts = Uint8Array.from({ length: 16 }, (_, i) => bytes.u8(at + i));
    const total = counts.reduce((sum, count) => sum + count, 0);
    at += 16;
    if (total > 256 || at + total > end || (kind & 15) > 3 || kind >> 4 > 1)
      throw new CorruptPixels('its Huffman tables are damaged');
    const symbols = new Uint8Array(256);
    for (let i = 0; i < total; i++) symbols[i] = bytes.u8(at++);
    const place = kind >> 4 === 0 ? tables.dc : tables.ac;
    place[kind & 15] = makeHuffmanTable(counts, symbols);
  }
}
