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
 * plain: RGB or whatever libvips makes RGB of, with or without alpha (palettes are expanded to it; 16 bits lose their low byte).
 * gray: the same without colour, with or without alpha.
 * gray16: one sample of 16 bits, which Pillow clips at 255. cmyk: four inks, 255 is full.
 */
export type PictureLayout = 'plain' | 'gray' | 'gray16' | 'cmyk';
