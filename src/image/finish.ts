/** Last step: colour order and zero-padding, from the scaled window to the bytes that are answered. */

import { type ColorOrder, channelsOf } from '../config/picture-spec.ts';
import type { GeometryPlan } from './geometry-plan.ts';
import type { Raster } from './raster.ts';

/** `window` (gray or RGB) placed into the output's size, in the wanted colour order. */
export function finishPicture(window: Raster, plan: GeometryPlan, color: ColorOrder): Raster {
  const ordered = orderColors(window, color);
  const { width, height } = plan.output;
  if (width === ordered.width && height === ordered.height) return ordered;
  const { channels } = ordered;
  const data = new Uint8Array(width * height * channels);
  for (let row = 0; row < ordered.height; row++) {
    const line = ordered.data.subarray(
      row * ordered.width * channels,
      (row + 1) * ordered.width * channels,
    );
    data.set(line, ((plan.padTop + row) * width + plan.padLeft) * channels);
  }
  return { width, height, channels, data };
}

function orderColors(window: Raster, color: ColorOrder): Raster {
  if (window.channels === 1) return channelsOf(color) === 3 ? repeatGray(window) : window;
  if (color === 'bgr') swapRedAndBlue(window.data);
  return window;
}

function repeatGray({ width, height, data: gray }: Raster): Raster {
  const data = new Uint8Array(gray.length * 3);
  for (let i = 0; i < gray.length; i++) data.fill(gray[i] as number, i * 3, i * 3 + 3);
  return { width, height, channels: 3, data };
}

function swapRedAndBlue(data: Uint8Array): void {
  for (let i = 0; i < data.length; i += 3) {
    const red = data[i] as number;
    data[i] = data[i + 2] as number;
    data[i + 2] = red;
  }
}
