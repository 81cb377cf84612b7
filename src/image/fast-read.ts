/**
 * The fast way, for JPEG: libjpeg scales by 1/2, 1/4 or 1/8 while it decodes and libvips does the rest.
 * Not Pillow's numbers; the other formats gain little and are read exactly.
 */

import type { PictureGeometry, ResizeFilter } from '../config/picture-spec.ts';
import { asPictureError } from './decode-picture.ts';
import { finishPicture } from './finish.ts';
import { planGeometry } from './geometry-plan.ts';
import { isTurned, sizeToScale } from './orientation.ts';
import type { PictureHeader } from './picture-format.ts';
import { cutPlanes, type Raster } from './raster.ts';
import { openInSharp, runSharp } from './sharp-decode.ts';
import { toGray } from './to-gray.ts';

const kernels = {
  nearest: 'nearest',
  bilinear: 'linear',
  bicubic: 'cubic',
} as const satisfies Record<ResizeFilter, string>;

export function isReadFast(header: PictureHeader, geometry: PictureGeometry): boolean {
  const { fast, resize } = geometry;
  return fast && resize !== undefined && header.format === 'JPEG' && header.layout !== 'cmyk';
}

/** @throws PICTURE_TRUNCATED, PICTURE_CORRUPT */
export async function readFast(
  bytes: Uint8Array,
  header: PictureHeader,
  geometry: PictureGeometry,
  where: string,
): Promise<Raster> {
  const turned = isTurned(header, geometry.orientation);
  const plan = planGeometry(geometry, sizeToScale(header, geometry.orientation));
  const opened = openInSharp(bytes, header);
  const { left, top, width, height } = plan.window;
  try {
    const { data, info } = await runSharp(
      (turned ? opened.autoOrient() : opened)
        .resize({
          ...plan.scaled,
          fit: 'fill',
          kernel: kernels[geometry.filter],
          fastShrinkOnLoad: false,
        })
        .extract({ left, top, width, height })
        .raw(),
    );
    const window = { width, height, channels: info.channels, data };
    const colored = geometry.color === 'gray' ? toGray(window) : window;
    return finishPicture(own(colored), plan, geometry.color);
  } catch (error) {
    throw asPictureError(error, bytes, header, where);
  }
}

/** sharp's buffers cannot be transferred to another thread: a copy can. */
function own(raster: Raster): Raster {
  return cutPlanes(raster, { from: 0, count: raster.width }, { from: 0, count: raster.height });
}
