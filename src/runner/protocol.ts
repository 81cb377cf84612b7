/**
 * What the server and a runner say to each other: every type that crosses, in one file both sides import.
 */

import type { Normalisation } from '../config/picture-spec.ts';
import type { PlainError } from '../errors.ts';
import type { TensorSpec } from '../tensor/tensor-spec.ts';
import type { Frame, FrameTensor } from './frames.ts';

/**
 * Kinds of frames. Server to runner: load, run, announcedRun, ping. Runner to server: the others.
 * An announced run is answered twice: `started` before it begins, then as any run.
 */
export const frameKinds = {
  load: 1,
  loaded: 2,
  run: 3,
  result: 4,
  error: 5,
  ping: 6,
  pong: 7,
  announcedRun: 8,
  started: 9,
} as const;

/** The one execution provider now; it stands in frames and cache keys so that others can follow. */
export type ExecutionProvider = 'cpu';

/** How uint8 pixels [n,h,w,c] become the float input, done by the runner. */
export interface PictureInput extends Normalisation {
  /** Position of the picture input among the inputs. */
  readonly index: number;
  readonly layout: 'NCHW' | 'NHWC';
}

export interface LoadOrder {
  readonly model: string;
  readonly version: string;
  readonly path: string;
  readonly provider: ExecutionProvider;
  /** Threads within one run (intra-op). Always explicit. */
  readonly threads: number;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly picture?: PictureInput | undefined;
  /** [height, width] for open dimensions of the picture input; absent where pictures come in their own size. */
  readonly pictureSize?: readonly [number, number] | undefined;
  /** The files of the model as the server read them (`stampOf`): others are not loaded. */
  readonly stamps?: Readonly<Record<string, string>> | undefined;
  /** Folder of the optimised copy: read when it is there, made when it is not. Absent: no cache. */
  readonly optimised?: OptimisedFolder | undefined;
  /** Rows of a run: to be measured, or known from another instance. Absent: neither. */
  readonly batchSize?: 'measure' | BatchSize | undefined;
}

export interface OptimisedFolder {
  /** Where the finished folder is or will be. */
  readonly folder: string;
  /** A folder on the same file system to write it in before it is renamed. */
  readonly building: string;
}

/** What the probe found about computing rows of several requests together. */
export interface BatchVerdict {
  readonly acrossRequests: boolean;
  readonly reason: string;
}

/** How fast runs of so many rows follow each other, with what a run costs on its way. */
export interface BatchRate {
  readonly batch: number;
  readonly runMs: number;
  readonly rowsPerSecond: number;
}

/** How many rows a run should take at most, as it was measured, and why. */
export interface BatchSize {
  readonly maxBatch: number;
  readonly reason: string;
  readonly measured: readonly BatchRate[];
}

export interface LoadReport {
  readonly loadMs: number;
  readonly warmUpMs: number;
  readonly probeMs: number;
  readonly tuneMs: number;
  /** True when the optimised copy was read instead of made. */
  readonly fromCache: boolean;
  readonly batching: BatchVerdict;
  /** Absent where it was not asked for, or rows may not share a run. */
  readonly batchSize?: BatchSize | undefined;
  /** Why the warm-up could not be run with made-up inputs, when it could not. */
  readonly warmUpSkipped?: string | undefined;
}

export type LoadOutcome =
  | ({ readonly ok: true } & LoadReport)
  | { readonly ok: false; readonly error: PlainError };

export interface RunFailure {
  readonly error: PlainError;
}

export function controlFrame(
  kind: number,
  session: number,
  requestId: number,
  body: unknown,
): Frame {
  return { kind, session, requestId, word: 0, json: JSON.stringify(body), tensors: [] };
}

export function tensorFrame(
  kind: number,
  session: number,
  requestId: number,
  tensors: readonly FrameTensor[],
  word = 0,
): Frame {
  return { kind, session, requestId, word, json: '', tensors };
}
