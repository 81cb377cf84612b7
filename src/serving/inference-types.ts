/** What the transports and the serving core say to each other. */

import type { LabelledScore } from '../pipeline/scores.ts';
import type { NamedTensor } from '../tensor/tensor.ts';
import type { RequestLife } from './request-life.ts';
import type { ServedVersion } from './served-version.ts';
import type { ServedSignature } from './signatures.ts';

export interface Timings {
  /** Time inside the runtime, in milliseconds. */
  readonly runMs: number;
  /** Time waiting for a free instance, in milliseconds. */
  readonly queueMs: number;
}

export type ReadInputs = (
  signature: ServedSignature,
) => readonly NamedTensor[] | Promise<readonly NamedTensor[]>;

export interface InferenceRequest {
  readonly model: string;
  /** A number or a label. Absent: the version that the model's traffic gives it. */
  readonly version?: string | undefined;
  /** The version that the caller holds for it (`acquire`); absent: it is found when it is asked. */
  readonly served?: ServedVersion | undefined;
  /**
   * Name of a signature of the version. Absent: the graph's own inputs and outputs, or the picture
   * signature whose input the only tensor names.
   */
  readonly signature?: string | undefined;
  /**
   * The tensors, or what reads them once the signature is known (the graph's own when none is named): a
   * drain waits for that too, and what it throws is accounted for.
   */
  readonly inputs: readonly NamedTensor[] | ReadInputs;
  /** Names of the wanted outputs; absent or empty: all. */
  readonly outputs?: readonly string[] | undefined;
  /** Outputs to be answered by so many of their best classes (pipeline/classification.ts), by name. */
  readonly classes?: ReadonlyMap<string, number> | undefined;
  readonly life: RequestLife;
}

export interface InferenceAnswer {
  readonly model: string;
  readonly version: string;
  /** Whose names the outputs have. */
  readonly signature: ServedSignature;
  readonly outputs: readonly NamedTensor[];
  readonly timings: Timings;
}

export interface EncodedPicture {
  readonly bytes: Uint8Array;
  /** How messages name it: "picture 2 (field img)". */
  readonly where: string;
}

export interface PredictRequest {
  /** Absent: the only model, or the default one. */
  readonly model?: string | undefined;
  readonly version?: string | undefined;
  /** As in `InferenceRequest`. */
  readonly served?: ServedVersion | undefined;
  /** The pictures, or what reads them: a drain waits for that too, and what it throws is accounted for. */
  readonly pictures: readonly EncodedPicture[] | (() => Promise<readonly EncodedPicture[]>);
  readonly life: RequestLife;
}

export interface PredictAnswer {
  readonly model: string;
  readonly version: string;
  /** Predictions of each picture, in the pictures' order, best first. */
  readonly results: readonly (readonly LabelledScore[])[];
  /** How the model's owner wants answers written by default. */
  readonly as: 'json' | 'sentence';
  readonly timings: Timings;
}

export type VersionState = 'LOADING' | 'READY' | 'UNAVAILABLE' | 'FAILED' | 'UNLOADING';
