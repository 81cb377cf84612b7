/** Chooses the resampling that a geometry declares and runs it on one plan. */

import type { PictureGeometry } from '../config/picture-spec.ts';
import type { GeometryPlan } from './geometry-plan.ts';
import { pillowNearest, resampleNearest, torchNearest } from './nearest.ts';
import { resamplePillow } from './pillow-resample.ts';
import { cutPlanes, type Raster } from './raster.ts';
import { resampleTorch } from './torch-interpolate.ts';

/** The plan's window of the scaled picture, gray or RGB, without alpha. */
export function scaleWindow(
  source: Raster,
  { scaled, window }: GeometryPlan,
  { filter, antialias }: Pick<PictureGeometry, 'filter' | 'antialias'>,
): Raster {
  if (scaled.width === source.width && scaled.height === source.height)
    return cutPlanes(
      source,
      { from: window.left, count: window.width },
      { from: window.top, count: window.height },
    );
  if (filter === 'nearest')
    return resampleNearest(source, scaled, window, antialias ? pillowNearest : torchNearest);
  return (antialias ? resamplePillow : resampleTorch)(source, scaled, window, filter);
}
