/** Canvas size from a GIF's screen descriptor. Source: GIF89a, section 18. */

import type { Bytes } from './byte-cursor.ts';
import type { HeaderFacts } from './header-facts.ts';
import { plainLayout } from './picture-format.ts';

export function readGifHeader(bytes: Bytes): HeaderFacts {
  return {
    width: bytes.u16(6, true),
    height: bytes.u16(8, true),
    orientation: 1,
    layout: plainLayout,
  };
}
