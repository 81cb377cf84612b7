/**
 * What the models of this server say about themselves, in no wire form: REST and gRPC write the same
 * values. Field names are those of the Open Inference Protocol and its model repository extension.
 *
 * Does not own: the model configuration (model-config.ts) and what was counted (model-statistics.ts).
 */

import { ServingError } from '../errors.ts';
import type { DType } from '../tensor/dtype.ts';
import type { TensorSpec } from '../tensor/tensor-spec.ts';
import { wireShape } from '../tensor/tensor-spec.ts';
import type { VersionState } from './inference-types.ts';
import type { IndexedVersion, ModelControl } from './model-control.ts';
import type { ModelRegistry } from './model-registry.ts';
import type { ServedVersion } from './served-version.ts';

export interface ServerMetadata {
  readonly name: string;
  readonly version: string;
  readonly extensions: readonly string[];
}

export interface TensorMetadata {
  readonly name: string;
  readonly datatype: DType;
  /** -1 for a dimension that the model leaves open. */
  readonly shape: readonly number[];
}

export interface ModelMetadata {
  readonly name: string;
  /** The versions that serve, in rising order. */
  readonly versions: readonly string[];
  readonly platform: string;
  readonly inputs: readonly TensorMetadata[];
  readonly outputs: readonly TensorMetadata[];
}

/** One row of the repository index. `reason` is empty when there is none. */
export interface IndexEntry {
  readonly name: string;
  readonly version: string;
  readonly state: 'READY' | 'UNAVAILABLE' | 'LOADING' | 'UNLOADING';
  readonly reason: string;
}

/** Whether a version should get requests. */
export interface Readiness {
  readonly version: string;
  readonly state: VersionState;
  readonly reason: string | undefined;
  readonly ready: boolean;
}

/** The name that Triton gives to ONNX models, which is what clients know. */
export const onnxPlatform = 'onnxruntime_onnx';

const extensions = [
  'classification',
  'model_repository',
  'schedule_policy',
  'model_configuration',
  'statistics',
  'binary_tensor_data',
  'parameters',
] as const;

/** `version`: of Modelship itself. */
export function describeServer(version: string): ServerMetadata {
  return { name: 'modelship', version, extensions };
}

export function describeTensor({ name, dtype, shape, anyShape }: TensorSpec): TensorMetadata {
  return { name, datatype: dtype, shape: anyShape ? [-1] : wireShape(shape) };
}

/**
 * The version that a request would get; where none serves, the one that is meant and can be described
 * all the same. Throws MODEL_NOT_FOUND, VERSION_NOT_FOUND, and MODEL_NOT_READY when its file could not
 * be read.
 */
export function findDescribed(
  registry: ModelRegistry,
  model: string,
  version: string | undefined,
): ServedVersion {
  try {
    return registry.resolve(model, version);
  } catch (error) {
    if (!(error instanceof ServingError) || error.code !== 'MODEL_NOT_READY') throw error;
    const meant = registry
      .find(model)
      .versions.findLast((served) => version === undefined || served.version.version === version);
    if (!meant?.version.signature) throw error;
    return meant;
  }
}

/** Throws as `findDescribed`. */
export function describeModel(
  registry: ModelRegistry,
  model: string,
  version: string | undefined,
): ModelMetadata {
  const { signature } = findDescribed(registry, model, version).version;
  const serving = registry.find(model).versions.filter(({ state }) => state === 'READY');
  return {
    name: model,
    versions: serving.map((served) => served.version.version),
    platform: onnxPlatform,
    inputs: (signature?.inputs ?? []).map(describeTensor),
    outputs: (signature?.outputs ?? []).map(describeTensor),
  };
}

/** Of the version that a request would get. Throws MODEL_NOT_FOUND or VERSION_NOT_FOUND. */
export function readinessOf(
  registry: ModelRegistry,
  model: string,
  version: string | undefined,
): Readiness {
  try {
    const { version: meant, state, reason } = registry.resolve(model, version);
    return { version: meant.version, state, reason, ready: state === 'READY' };
  } catch (error) {
    if (!(error instanceof ServingError) || error.code !== 'MODEL_NOT_READY') throw error;
    const { details } = error as ServingError<'MODEL_NOT_READY'>;
    const { version: meant, reason } = details;
    return { version: meant, state: details.state as VersionState, reason, ready: false };
  }
}

const indexState = {
  LOADING: 'LOADING',
  READY: 'READY',
  UNAVAILABLE: 'UNAVAILABLE',
  FAILED: 'UNAVAILABLE',
  UNLOADING: 'UNLOADING',
  UNLOADED: 'UNAVAILABLE',
} as const satisfies Record<IndexedVersion['state'], IndexEntry['state']>;

function toEntry({ name, version, state, reason }: IndexedVersion): IndexEntry {
  const why = reason === '' && state === 'UNLOADED' ? 'unloaded' : reason;
  return { name, version, state: indexState[state], reason: why };
}

/** The index of the model repository; `readyOnly` leaves out what does not serve. */
export async function describeRepository(
  control: Pick<ModelControl, 'index'>,
  readyOnly = false,
): Promise<IndexEntry[]> {
  const entries = (await control.index()).map(toEntry);
  return readyOnly ? entries.filter(({ state }) => state === 'READY') : entries;
}
