/**
 * Rows of a component at the picture's full width and height, as libjpeg makes them: with its fancy upsampling
 * a triangle filter where a direction is halved, else repeated samples.
 */

import type { Component, Frame } from './frame.ts';

/** A row of samples stands in `samples` at `at`, until the next row is asked for. */
export interface RowSource {
  readonly samples: Uint8ClampedArray;
  /** Where row `y` of the picture begins. */
  at(y: number): number;
}

export function fullRows(component: Component, { across, down, width, isFancy }: Frame): RowSource {
  const wide = across / component.across;
  const high = down / component.down;
  const { plane, stride } = component;
  if (wide === 1 && high === 1) return { samples: plane, at: (y) => y * stride };
  const samples = new Uint8ClampedArray(width + 16);
  const make = isFancy ? fancyRows : repeatedRows;
  const write = make(component, wide, high, samples);
  return {
    samples,
    at(y) {
      write(y);
      return 0;
    },
  };
}

/** Of a component of half the rows: where the one nearer to row `y` of the picture begins. */
export const nearRow = ({ stride }: Component, y: number): number => (y >> 1) * stride;

/** The one on the other side; at the edges the same again. */
export const farRow = ({ stride, height }: Component, y: number): number =>
  Math.min(height - 1, Math.max(0, (y >> 1) + (y & 1 ? 1 : -1))) * stride;

/** Writes row `y` of the picture. */
type RowWriter = (y: number) => void;

function fancyRows(
  component: Component,
  wide: number,
  high: number,
  out: Uint8ClampedArray,
): RowWriter {
  const { plane, stride, width } = component;
  if (wide === 1 && high === 2)
    return (y) =>
      mixRows(plane, nearRow(component, y), farRow(component, y), 1 + (y & 1), width, out);
  if (wide === 2 && high === 1 && width > 2) return (y) => widenRow(plane, y * stride, width, out);
  if (wide === 2 && high === 2 && width > 2)
    return (y) => widenRows(plane, nearRow(component, y), farRow(component, y), width, out);
  return repeatedRows(component, wide, high, out);
}

function repeatedRows(
  { plane, stride, width }: Component,
  wide: number,
  high: number,
  out: Uint8ClampedArray,
): RowWriter {
  return (y) => repeatRow(plane, Math.floor(y / high) * stride, width, wide, out);
}

function repeatRow(
  plane: Uint8ClampedArray,
  from: number,
  width: number,
  times: number,
  out: Uint8ClampedArray,
): void {
  for (let x = 0; x < width; x++) out.fill(plane[from + x] as number, x * times, (x + 1) * times);
}

/** Three parts of the nearer row and one of the other. */
function mixRows(
  plane: Uint8ClampedArray,
  near: number,
  far: number,
  bias: number,
  width: number,
  out: Uint8ClampedArray,
): void {
  for (let x = 0; x < width; x++)
    out[x] = ((plane[near + x] as number) * 3 + (plane[far + x] as number) + bias) >> 2;
}

function widenRow(
  plane: Uint8ClampedArray,
  from: number,
  width: number,
  out: Uint8ClampedArray,
): void {
  let before = plane[from] as number;
  let here = before;
  for (let x = 0; x < width; x++) {
    const after = x + 1 < width ? (plane[from + x + 1] as number) : here;
    out[2 * x] = (here * 3 + before + 1) >> 2;
    out[2 * x + 1] = (here * 3 + after + 2) >> 2;
    before = here;
    here = after;
  }
}

function widenRows(
  plane: Uint8ClampedArray,
  near: number,
  far: number,
  width: number,
  out: Uint8ClampedArray,
): void {
  let here = (plane[near] as number) * 3 + (plane[far] as number);
  let before = here;
  for (let x = 0; x < width; x++) {
    const after =
      x + 1 < width ? (plane[near + x + 1] as number) * 3 + (plane[far + x + 1] as number) : here;
    out[2 * x] = (here * 3 + before + 8) >> 4;
    out[2 * x + 1] = (here * 3 + after + 7) >> 4;
    before = here;
    here = after;
  }
}
