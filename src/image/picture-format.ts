/** Names of the picture formats, and the one list of those that are read. */

export type PictureFormat = 'JPEG' | 'PNG' | 'WebP' | 'GIF' | 'TIFF' | 'BMP';

/** In the order in which messages list them. Of GIF, WebP and TIFF the first frame or page is read. */
export const supportedFormats: readonly PictureFormat[] = Object.freeze([
  'JPEG',
  'PNG',
  'WebP',
  'GIF',
  'TIFF',
  'BMP',
]);

/** EXIF orientation: 1 upright, 2 mirrored, 3 half turn, 4 flipped, 5 to 8 with the sides swapped. */
export type Orientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

/** What the header says, before anything is decoded. */
export interface PictureHeader {
  readonly format: PictureFormat;
  /** As stored, before any orientation. */
  readonly width: number;
  readonly height: number;
  readonly orientation: Orientation;
  /** How the samples are stored, as far as the decoder must know it. */
  readonly layout: PictureLayout;
}

/**
 * plain: 8 bits, gray or RGB with or without alpha (palettes are expanded to it).
 * deep: 16 bits a sample. cmyk: four inks of 8 bits, `inverted` where 255 means no ink in the file.
 */
export type PictureLayout =
  | { readonly kind: 'plain' }
  | { readonly kind: 'deep' }
  | { readonly kind: 'cmyk'; readonly adobe: boolean };

export const plainLayout: PictureLayout = Object.freeze({ kind: 'plain' });
export const deepLayout: PictureLayout = Object.freeze({ kind: 'deep' });
