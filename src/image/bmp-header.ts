/** Size from a BMP's information header. Source: Microsoft, BITMAPCOREHEADER and BITMAPINFOHEADER. */

import type { Bytes } from './byte-cursor.ts';
import type { HeaderFacts } from './header-facts.ts';
import { plainLayout } from './picture-format.ts';

const coreHeaderBytes = 12;

export function readBmpHeader(bytes: Bytes): HeaderFacts {
  const core = bytes.u32(14, true) === coreHeaderBytes;
  const width = core ? bytes.u16(18, true) : bytes.i32(18, true);
  const height = core ? bytes.u16(20, true) : Math.abs(bytes.i32(22, true));
  return { width, height, orientation: 1, layout: plainLayout };
}
