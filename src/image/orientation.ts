/** When a picture is turned by its EXIF orientation, and what size it then has. */

import type { PictureGeometry } from '../config/picture-spec.ts';
import type { Size } from './geometry-plan.ts';
import type { PictureHeader } from './picture-format.ts';

type Wish = PictureGeometry['orientation'];

/** Pillow always applies a TIFF's orientation when it loads it, and that of the others never. */
export function isTurned(header: PictureHeader, wish: Wish): boolean {
  return header.orientation !== 1 && (wish === 'apply' || header.format === 'TIFF');
}

/** The size in which the picture is scaled and cropped. Orientations 5 to 8 swap the sides. */
export function sizeToScale(header: PictureHeader, wish: Wish): Size {
  const { width, height, orientation } = header;
  return isTurned(header, wish) && orientation >= 5
    ? { width: height, height: width }
    : { width, height };
}
