/** Decoded pixels as they pass through the stages of reading. */

/** Row-major, interleaved, one byte a sample, no padding between rows: `data.length = width × height × channels`. */
export interface Raster {
  readonly width: number;
  readonly height: number;
  /** Samples a pixel in memory; a fourth or second one is alpha and is never looked at. */
  readonly channels: number;
  readonly data: Uint8Array;
}

/** How many samples of a pixel are picture: gray or red, green, blue. */
export type Planes = 1 | 3;

export function planesOf(raster: Raster): Planes {
  return raster.channels < 3 ? 1 : 3;
}
