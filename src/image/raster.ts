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

/** A run of rows or of columns. */
export interface Span {
  readonly from: number;
  readonly count: number;
}

/** A part of a picture as gray or RGB, without alpha; always a copy. */
export function cutPlanes(source: Raster, columns: Span, rows: Span): Raster {
  const { data, channels, width } = source;
  const planes = planesOf(source);
  const out = new Uint8Array(rows.count * columns.count * planes);
  let to = 0;
  for (let row = 0; row < rows.count; row++) {
    let at = ((rows.from + row) * width + columns.from) * channels;
    for (let column = 0; column < columns.count; column++, at += channels)
      for (let plane = 0; plane < planes; plane++) out[to++] = data[at + plane] as number;
  }
  return { width: columns.count, height: rows.count, channels: planes, data: out };
}

/** At least so wide and so high, with zeros right and below; mostly the picture itself. */
export function padTo(source: Raster, minWidth: number, minHeight: number): Raster {
  const { channels, data } = source;
  const width = Math.max(source.width, minWidth);
  const height = Math.max(source.height, minHeight);
  if (width === source.width && height === source.height) return source;
  const out = new Uint8Array(width * height * channels);
  const line = source.width * channels;
  for (let row = 0; row < source.height; row++)
    out.set(data.subarray(row * line, (row + 1) * line), row * width * channels);
  return { width, height, channels, data: out };
}

/**
 * Gives the memory of pixels back at once. The collector would wait: it sees a small object and not the
 * megabytes behind it, and a busy thread then holds tens of them (docs/decisions/pictures.md).
 */
export function release(...buffers: readonly Uint8Array[]): void {
  for (const { buffer } of buffers)
    if (buffer instanceof ArrayBuffer && !buffer.detached) buffer.transfer(0);
}
