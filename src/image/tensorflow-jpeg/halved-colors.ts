/**
 * The commonest pictures: brightness in full, colours halved in both directions. Their fancy upsampling and
 * their conversion to RGB in one pass, which takes an eighth off the whole decoding.
 */

import type { Component, Frame } from './frame.ts';
import { farRow, nearRow } from './upsample.ts';

/** Whether `halvedToRgb` does the same as upsampling and conversion one after the other. */
export function hasHalvedColors({ components, across, down, isFancy }: Frame): boolean {
  const [light, ...colors] = components;
  const isHalved = (one: Component): boolean =>
    one.across * 2 === across && one.down * 2 === down && one.width > 2;
  return isFancy && light?.across === across && light.down === down && colors.every(isHalved);
}

/** Writes row `y` of the picture as RGB to `out` at `to`. */
export function halvedToRgb({ components, width }: Frame) {
  const [light, blue, red] = components as [Component, Component, Component];
  return (y: number, out: Uint8ClampedArray, to: number): void => {
    const near = nearRow(blue, y);
    const far = farRow(blue, y);
    convertRow(light.plane, y * light.stride, blue.plane, red.plane, near, far, out, to, width);
  };
}

/** Three parts of the nearer sample and one of the other, across as well as down. */
function convertRow(
  lights: Uint8ClampedArray,
  from: number,
  blues: Uint8ClampedArray,
  reds: Uint8ClampedArray,
  near: number,
  far: number,
  out: Uint8ClampedArray,
  to: number,
  width: number,
): void {
  const half = (width + 1) >> 1;
  let blue = (blues[near] as number) * 3 + (blues[far] as number);
  let red = (reds[near] as number) * 3 + (reds[far] as number);
  let [blueBefore, redBefore] = [blue, red];
  for (let x = 0, at = to; x < half; x++, at += 6) {
    const next = Math.min(x + 1, half - 1);
    const blueAfter = (blues[near + next] as number) * 3 + (blues[far + next] as number);
    const redAfter = (reds[near + next] as number) * 3 + (reds[far + next] as number);
    const left = (blue * 3 + blueBefore + 8) >> 4;
    writePixel(out, at, lights[from + 2 * x] as number, left, (red * 3 + redBefore + 8) >> 4);
    if (2 * x + 1 === width) return;
    const right = (blue * 3 + blueAfter + 7) >> 4;
    writePixel(
      out,
      at + 3,
      lights[from + 2 * x + 1] as number,
      right,
      (red * 3 + redAfter + 7) >> 4,
    );
    blueBefore = blue;
    redBefore = red;
    blue = blueAfter;
    red = redAfter;
  }
}

/** YCbCr to RGB with libjpeg's factors, 16 bits behind the point. */
export function writePixel(
  out: Uint8ClampedArray,
  at: number,
  light: number,
  blueness: number,
  redness: number,
): void {
  const cb = blueness - 128;
  const cr = redness - 128;
  out[at] = light + ((Math.imul(cr, 91881) + 32768) >> 16);
  out[at + 1] = light + ((32768 - Math.imul(cb, 22554) - Math.imul(cr, 46802)) >> 16);
  out[at + 2] = light + ((Math.imul(cb, 116130) + 32768) >> 16);
}
