/**
 * The model configuration of the Open Inference Protocol's extension, with the names and defaults of
 * Triton's `ModelConfig`: perf_analyzer and the example clients read from it how to batch.
 * Source: Triton, "Model Configuration Extension" and model_config.proto.
 */

import type { Dimension, TensorSpec } from '../tensor/tensor-spec.ts';
import { wireShape } from '../tensor/tensor-spec.ts';
import { defaultMaxBatch, hasOpenBatch } from './batch-size.ts';
import { findDescribed, onnxPlatform } from './describe-model.ts';
import type { ModelRegistry } from './model-registry.ts';
import type { ServedVersion } from './served-version.ts';

export interface ConfigInput {
  readonly name: string;
  /** `TYPE_FP32`, …; BYTES is `TYPE_STRING`. */
  readonly data_type: string;
  readonly format: 'FORMAT_NONE';
  /** Without the batch dimension where `max_batch_size` is not 0; -1 where open. */
  readonly dims: readonly number[];
  readonly is_shape_tensor: false;
  readonly allow_ragged_batch: false;
  readonly optional: false;
}

export interface ConfigOutput {
  readonly name: string;
  readonly data_type: string;
  readonly dims: readonly number[];
  /** The name of the labels where the output is known to hold scores of them, else empty. */
  readonly label_filename: string;
  readonly is_shape_tensor: false;
}

export interface ModelConfig {
  readonly name: string;
  readonly platform: string;
  readonly backend: 'onnxruntime';
  readonly version_policy:
    | { readonly latest: { readonly num_versions: number } }
    | { readonly all: Record<never, never> }
    | { readonly specific: { readonly versions: readonly number[] } };
  /** 0: shapes have no batch dimension. */
  readonly max_batch_size: number;
  readonly input: readonly ConfigInput[];
  readonly output: readonly ConfigOutput[];
  /** Only where rows of several requests share a run. */
  readonly dynamic_batching?: {
    readonly preferred_batch_size: readonly number[];
    readonly max_queue_delay_microseconds: number;
  };
  readonly instance_group: readonly {
    readonly name: string;
    readonly kind: 'KIND_CPU';
    readonly count: number;
  }[];
  readonly default_model_filename: string;
  readonly model_transaction_policy: { readonly decoupled: false };
}

function versionPolicyOf({ model }: ServedVersion): ModelConfig['version_policy'] {
  const { policy, count = 1, list = [] } = model.config.versions;
  if (policy === 'all') return { all: {} };
  return policy === 'specific'
    ? { specific: { versions: list } }
    : { latest: { num_versions: count } };
}

const dataType = ({ dtype }: TensorSpec): string => `TYPE_${dtype === 'BYTES' ? 'STRING' : dtype}`;

/** A request of more rows is taken too, and cut: this is what clients may count on. */
function maxBatchSizeOf({ version, runSize }: ServedVersion): number {
  return hasOpenBatch(version) ? Math.max(runSize.maxBatch, defaultMaxBatch) : 0;
}

function dimsOf({ shape, anyShape }: TensorSpec, batched: boolean): number[] {
  const dims: readonly Dimension[] = anyShape ? [null, null] : shape;
  return wireShape(batched ? dims.slice(1) : dims);
}

function inputOf(spec: TensorSpec, batched: boolean): ConfigInput {
  return {
    name: spec.name,
    data_type: dataType(spec),
    format: 'FORMAT_NONE',
    dims: dimsOf(spec, batched),
    is_shape_tensor: false,
    allow_ragged_batch: false,
    optional: false,
  };
}

function batchingOf({ runSize, model }: ServedVersion): Pick<ModelConfig, 'dynamic_batching'> {
  if (runSize.source === 'not batched') return {};
  const delay = Math.round(model.config.batching.maxDelayMs * 1000);
  return {
    dynamic_batching: {
      preferred_batch_size: [runSize.maxBatch],
      max_queue_delay_microseconds: delay,
    },
  };
}

function configOf(served: ServedVersion): ModelConfig {
  const { model, version, scores } = served;
  const { inputs = [], outputs = [] } = version.signature ?? {};
  const maxBatchSize = maxBatchSizeOf(served);
  const batched = maxBatchSize > 0;
  const labelled = scores?.plan?.labels ? scores.plan.index : undefined;
  return {
    name: model.name,
    platform: onnxPlatform,
    backend: 'onnxruntime',
    version_policy: versionPolicyOf(served),
    max_batch_size: maxBatchSize,
    input: inputs.map((spec) => inputOf(spec, batched)),
    output: outputs.map((spec, index) => ({
      name: spec.name,
      data_type: dataType(spec),
      dims: dimsOf(spec, batched),
      label_filename: index === labelled ? 'labels.txt' : '',
      is_shape_tensor: false,
    })),
    ...batchingOf(served),
    instance_group: [{ name: model.name, kind: 'KIND_CPU', count: served.wantedInstances }],
    default_model_filename: version.file?.split('/').pop() ?? '',
    model_transaction_policy: { decoupled: false },
  };
}

/** Throws MODEL_NOT_FOUND, VERSION_NOT_FOUND, or MODEL_NOT_READY when its file could not be read. */
export function describeConfig(
  registry: ModelRegistry,
  model: string,
  version: string | undefined,
): ModelConfig {
  return configOf(findDescribed(registry, model, version));
}
