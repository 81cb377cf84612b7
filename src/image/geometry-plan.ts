/**
 * From a declared geometry and a picture's size: what to scale to, which part of that to compute, and
 * where it lies in the output. Pure; no pixels.
 *
 * Source: torchvision 0.21 `transforms/_functional_tensor.py` and `functional.py`:
 * `_compute_resized_output_size` (shortest edge) and `center_crop`.
 */

import type { PictureGeometry, Resize } from '../config/picture-spec.ts';

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Window extends Size {
  readonly left: number;
  readonly top: number;
}

export interface GeometryPlan {
  /** The size that the whole picture is scaled to; equal to the source where nothing is resized. */
  readonly scaled: Size;
  /** The part of the scaled picture that ends up in the output. */
  readonly window: Window;
  /** The size of the answer; larger than the window where zeros fill the rest. */
  readonly output: Size;
  /** Where the window's first pixel lies in the output. */
  readonly padLeft: number;
  readonly padTop: number;
}

/** @param source the picture's size after its orientation was applied, if it is */
export function planGeometry(geometry: PictureGeometry, source: Size): GeometryPlan {
  const scaled = scaledSize(geometry.resize, source);
  const output = geometry.crop ?? scaled;
  const x = cropSide(scaled.width, output.width);
  const y = cropSide(scaled.height, output.height);
  return {
    scaled,
    window: { left: x.from, top: y.from, width: x.count, height: y.count },
    output: { width: output.width, height: output.height },
    padLeft: x.pad,
    padTop: y.pad,
  };
}

function scaledSize(resize: Resize | undefined, source: Size): Size {
  if (resize === undefined) return { width: source.width, height: source.height };
  if (resize.mode === 'exact') return { width: resize.width, height: resize.height };
  const { size } = resize;
  return source.width <= source.height
    ? { width: size, height: Math.trunc((size * source.height) / source.width) }
    : { width: Math.trunc((size * source.width) / source.height), height: size };
}

function cropSide(have: number, want: number): { from: number; count: number; pad: number } {
  if (have < want) return { from: 0, count: have, pad: Math.floor((want - have) / 2) };
  return { from: roundHalfEven((have - want) / 2), count: want, pad: 0 };
}

/** Python's `round`: a half goes to the even neighbour. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
