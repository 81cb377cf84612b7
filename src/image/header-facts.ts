/** What the header reader of one format gives, and how it says that the header is broken. */

import type { PictureHeader } from './picture-format.ts';

export type HeaderFacts = Omit<PictureHeader, 'format'>;

/** The header contradicts itself; `sniffPicture` turns it into PICTURE_CORRUPT. */
export class CorruptHeader extends Error {}

/** A variant of the format that is recognised but not read; becomes PICTURE_FORMAT_UNSUPPORTED. */
export class UnsupportedVariant extends Error {}

export function corruptHeader(problem: string): CorruptHeader {
  return new CorruptHeader(problem);
}
