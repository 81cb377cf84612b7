/** An inverse DCT of one of libjpeg's methods. */

export interface Transform {
  /** What dequantises a block, row by row. @param quantisation 64 steps, row by row */
  multipliers(quantisation: Uint16Array): Int16Array;
  /**
   * One block to 8×8 samples of a plane.
   *
   * @param coefficients holds the block at `from`, row by row
   */
  block(
    coefficients: Int16Array,
    from: number,
    multipliers: Int16Array,
    plane: Uint8ClampedArray,
    to: number,
    stride: number,
  ): void;
  /** A block that has nothing but its mean. */
  mean(
    mean: number,
    multipliers: Int16Array,
    plane: Uint8ClampedArray,
    to: number,
    stride: number,
  ): void;
}

/** 8×8 samples of one value. */
export function fillSamples(
  value: number,
  plane: Uint8ClampedArray,
  to: number,
  stride: number,
): void {
  for (let y = 0, at = to; y < 8; y++, at += stride) plane.fill(value, at, at + 8);
}
