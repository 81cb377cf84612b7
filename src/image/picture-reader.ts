/**
 * Encoded pictures to the uint8 pixels that a model's geometry declares, off the event loop.
 *
 * Owns: the limit of pixels, checked from the header before anything is decoded.
 * Does not own: normalisation (the runner), fetching, parsing of requests.
 */

import type { PictureGeometry } from '../config/picture-spec.ts';
import { ServingError } from '../errors.ts';
import { planGeometry, type Size } from './geometry-plan.ts';
import { sizeToScale } from './orientation.ts';
import type { WaitingLimits } from './picture-threads.ts';
import { createPictureThreads } from './picture-threads.ts';
import { sniffPicture } from './sniff.ts';
import type { Picture } from './thread-messages.ts';

export type { Picture } from './thread-messages.ts';

export interface ReadOptions {
  /** How an error names the picture, such as `picture 2 (field img)`. */
  readonly where: string;
  /**
   * Once it aborts the promise rejects with its reason and the pixels are dropped. Pictures with the same
   * signal are of one request; requests take turns.
   */
  readonly signal?: AbortSignal | undefined;
}

export interface PictureReader {
  /**
   * The pixels of an encoded picture, row-major height × width × channels, in the geometry's colour
   * order and final size (the picture's own where it declares neither resize nor crop). `bytes` must not
   * change before: they are copied when a thread is free.
   *
   * @throws PICTURE_EMPTY, PICTURE_NOT_RECOGNISED, PICTURE_FORMAT_UNSUPPORTED, PICTURE_TRUNCATED,
   * PICTURE_CORRUPT, PICTURE_TOO_MANY_PIXELS, DECODE_QUEUE_FULL, SHUTTING_DOWN
   */
  read(bytes: Uint8Array, geometry: PictureGeometry, options: ReadOptions): Promise<Picture>;
  /** Starts the first thread now, so that the first picture does not wait for it. */
  warmUp(): void;
  /** Ends the threads; pictures that still wait are refused with SHUTTING_DOWN. */
  close(): Promise<void>;
}

export interface PictureReaderOptions {
  /** Width × height of the stored picture (of an animation: its canvas) and of what is answered. */
  readonly maxPixels: number;
  /** Threads that decode and scale; they start with the first picture. One does several hundred pictures a second. */
  readonly threads: number;
  /** What may wait for a thread; no limit unless given. */
  readonly waiting?: WaitingLimits | undefined;
}

export function createPictureReader(options: PictureReaderOptions): PictureReader {
  const { maxPixels, threads, waiting } = options;
  const pool = createPictureThreads({ count: threads, waiting });
  return {
    async read(bytes, geometry, { where, signal }) {
      const header = sniffPicture(bytes, where);
      checkPixels(header, maxPixels, where);
      const { output } = planGeometry(geometry, sizeToScale(header, geometry.orientation));
      checkPixels(output, maxPixels, `${where}, scaled as the model wants it,`);
      return pool.run({ bytes, header, geometry, where }, signal, signal);
    },
    warmUp: () => pool.warmUp(),
    close: () => pool.close(),
  };
}

function checkPixels({ width, height }: Size, limitPixels: number, where: string): void {
  if (width * height > limitPixels)
    throw new ServingError('PICTURE_TOO_MANY_PIXELS', { where, width, height, limitPixels });
}
