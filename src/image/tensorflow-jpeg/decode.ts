/**
 * JPEG to the pixels that TensorFlow's `decode_jpeg` gives, bit for bit. Sources: ITU-T T.81; TensorFlow 2.21 on
 * x86 is the reference.
 *
 * Owns: the order of segments and scans. Does not own: the limit of pixels, checked before.
 */

import { Bytes, maxSegments } from '../byte-cursor.ts';
import { CorruptPixels } from '../decode-errors.ts';
import { UnsupportedVariant } from '../header-facts.ts';
import type { Raster } from '../raster.ts';
import { BitReader } from './bit-reader.ts';
import { type ColorMarkers, colorSpaceOf, toPixels } from './colors.ts';
import type { Frame, JpegMethods } from './frame.ts';
import { readFrame } from './frame.ts';
import { progressiveCoder, transformAll, wouldBeSmoothed } from './progressive.ts';
import type { Scan } from './scan.ts';
import { readScan } from './scan.ts';
import { readScanHeader } from './scan-header.ts';
import { sequentialCoder } from './sequential.ts';
import { noTables, readTables } from './tables.ts';

/** As many as libvips reads: each may cost a pass over the whole picture. */
const mostScans = 100;

export interface Wanted extends JpegMethods {
  /** What the header says; nothing larger is allocated. */
  readonly width: number;
  readonly height: number;
  /** One channel instead of three. */
  readonly gray: boolean;
}

/**
 * What TensorFlow takes and this does not is an unsupported variant: arithmetic coding, scans that come twice or
 * out of order, components without a scan, and progressive pictures without their last scans, which libjpeg
 * smooths.
 *
 * @throws EndOfBytes, CorruptPixels, UnsupportedVariant
 */
export function decodeAsTensorflow(picture: Uint8Array, wanted: Wanted): Raster {
  const { width, height, gray } = wanted;
  const bytes = new Bytes(picture);
  const tables = noTables();
  let frame: Frame | undefined;
  let scans = 0;
  /** All components came in one scan; what follows must still be in order. */
  let isComplete = false;
  let at = 2;
  for (let segments = 0; segments < maxSegments; segments++) {
    at = behindMarker(bytes, at);
    const marker = bytes.u8(at - 1);
    if (marker === 0xd9) {
      if (!frame || scans === 0) throw new CorruptPixels('it ends before its first scan');
      return finish(frame, tables, gray);
    }
    if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7)) continue;
    const length = bytes.u16(at);
    const body = at + 2;
    const end = at + length;
    if (length < 2) throw new CorruptPixels(`the segment at byte ${at} has no length`);
    if (isFrame(marker)) {
      if (frame) throw new CorruptPixels('it has two frames');
      if (marker > 0xc2) throw new UnsupportedVariant(nameOfFrame(marker));
      if (bytes.u16(body + 1) !== height || bytes.u16(body + 3) !== width)
        throw new CorruptPixels('its frame has another size than its header');
      frame = readFrame(bytes, body, marker === 0xc2, wanted);
    } else if (marker === 0xda) {
      if (!frame) throw new CorruptPixels('a scan comes before the frame');
      if (isComplete) throw new CorruptPixels('a scan comes behind the whole picture');
      if (++scans > mostScans) throw new CorruptPixels(`it has over ${mostScans} scans`);
      const scan = readScanHeader(bytes, body, end, frame, tables);
      const reader = new BitReader(picture, end);
      readPass(frame, scan, reader, tables.restartInterval);
      isComplete =
        scans === 1 && !frame.isProgressive && scan.components.length === frame.components.length;
      at = reader.marker === 0 ? reader.position : reader.position - 2;
      continue;
    } else readTables(bytes, marker, body, end, tables);
    at = end;
  }
  throw new CorruptPixels('it has too many segments');
}

/** Behind the code of the next marker. What stands before it is passed over, as libjpeg does. */
function behindMarker(bytes: Bytes, from: number): number {
  let at = from;
  for (;;) {
    while (bytes.u8(at) !== 0xff) at++;
    while (bytes.u8(at) === 0xff) at++;
    if (bytes.u8(at++) !== 0) return at;
  }
}

/** SOF0 to SOF15 without DHT, JPG and DAC. */
function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}

/** Lossless and hierarchical frames are refused by TensorFlow too. */
const nameOfFrame = (marker: number): string =>
  marker === 0xc9 || marker === 0xca ? 'arithmetic-coded JPEG' : 'lossless or hierarchical JPEG';

function readPass(frame: Frame, scan: Scan, reader: BitReader, restartInterval: number): void {
  noteBits(frame, scan);
  const coder = frame.isProgressive ? progressiveCoder(scan) : sequentialCoder(frame.transform);
  readScan(frame, scan, reader, restartInterval, coder);
}

/** Each bit comes once, or a small file could ask for hours of work. */
function noteBits({ isProgressive }: Frame, scan: Scan): void {
  const { first, last } = isProgressive ? scan : { first: 0, last: 63 };
  const [before, now] = isProgressive ? [scan.highBits || -1, scan.lowBits] : [-1, 0];
  for (const { component } of scan.components) {
    const bits = component.missingBits.subarray(first, last + 1);
    if (bits.some((missing) => missing !== before))
      throw new UnsupportedVariant('JPEG with scans twice or out of order');
    bits.fill(now);
  }
}

function finish(frame: Frame, tables: ColorMarkers, gray: boolean): Raster {
  // A component without a scan has no table.
  if (frame.components.some(({ multipliers }) => !multipliers))
    throw new UnsupportedVariant('JPEG without a scan of each component');
  if (frame.isProgressive) {
    if (wouldBeSmoothed(frame))
      throw new UnsupportedVariant('progressive JPEG without its last scans');
    transformAll(frame);
  }
  const space = colorSpaceOf(frame, tables);
  return toPixels(frame, space, gray, tables.adobeTransform !== undefined);
}
