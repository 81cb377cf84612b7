/**
 * One picture from encoded bytes to the pixels of its geometry. Runs inside a picture thread.
 *
 * The order is that of a training pipeline on Pillow: decode, turn upright if asked, convert to RGB or
 * gray, resize, crop. The bytes are used up: their memory is given back.
 */

import type { PictureGeometry } from '../config/picture-spec.ts';
import { decodePicture } from './decode-picture.ts';
import { isReadFast, readFast } from './fast-read.ts';
import { finishPicture } from './finish.ts';
import { planGeometry } from './geometry-plan.ts';
import type { PictureHeader } from './picture-format.ts';
import { type Raster, release } from './raster.ts';
import { scaleWindow } from './scale.ts';
import { toGray } from './to-gray.ts';

/** @throws PICTURE_TRUNCATED, PICTURE_CORRUPT, PICTURE_FORMAT_UNSUPPORTED */
export async function readPicture(
  bytes: Uint8Array,
  header: PictureHeader,
  geometry: PictureGeometry,
  where: string,
): Promise<Raster> {
  if (isReadFast(header, geometry)) return readFast(bytes, header, geometry, where);
  const decoded = await decodePicture(bytes, header, geometry, where);
  const colored = geometry.color === 'gray' ? toGray(decoded) : decoded;
  const plan = planGeometry(geometry, colored);
  const window = scaleWindow(colored, plan, geometry);
  release(bytes, decoded.data, colored.data);
  return finishPicture(window, plan, geometry.color);
}
