/**
 * Which input of a model takes pictures, and in which layout: read from the graph's shapes.
 */

import type { DType } from '../tensor/dtype.ts';
import type { Dimension, TensorSpec } from '../tensor/tensor-spec.ts';

export interface PictureTensor {
  readonly index: number;
  readonly name: string;
  readonly dtype: DType;
  readonly layout: 'NCHW' | 'NHWC';
  readonly height: Dimension;
  readonly width: Dimension;
  readonly channels: number | null;
  /** Rows that every run must have, or null when the batch dimension is open. */
  readonly fixedBatch: number | null;
}

export type FoundPictureTensor =
  | { readonly tensor: PictureTensor; readonly reason?: undefined }
  | { readonly tensor?: undefined; readonly reason: string };

const isPictureChannels = (dim: Dimension | undefined): boolean => dim === 1 || dim === 3;

function layoutOf(shape: readonly Dimension[]): 'NCHW' | 'NHWC' | undefined {
  const first = isPictureChannels(shape[1]);
  const last = isPictureChannels(shape[3]);
  if (first === last) return undefined;
  return first ? 'NCHW' : 'NHWC';
}

function describeShape({ shape, anyShape }: TensorSpec): string {
  return anyShape ? 'of unknown rank' : `[${shape.map((dim) => dim ?? '?').join(', ')}]`;
}

/** Finds the input; `name` and `layout` are what model.yaml says, when it does. */
export function findPictureTensor(
  inputs: readonly TensorSpec[],
  name: string | undefined,
  layout: 'NCHW' | 'NHWC' | undefined,
): FoundPictureTensor {
  const names = inputs.map((input) => input.name).join(', ');
  if (inputs.length !== 1)
    return { reason: `it has ${inputs.length} inputs (${names}); a picture fills only one` };
  const index = name === undefined ? 0 : inputs.findIndex((input) => input.name === name);
  const spec = inputs[index];
  if (!spec) return { reason: `input.tensor is "${name}", but its inputs are ${names}` };
  if (spec.dtype !== 'FP32' && spec.dtype !== 'UINT8') {
    return { reason: `input '${spec.name}' is ${spec.dtype}; a picture becomes FP32 or UINT8` };
  }
  if (spec.shape.length !== 4) {
    return {
      reason: `input '${spec.name}' is ${describeShape(spec)}, not [batch, channels, height, width] or [batch, height, width, channels]`,
    };
  }
  const order = layout ?? layoutOf(spec.shape);
  if (!order)
    return {
      reason: `input '${spec.name}' is ${describeShape(spec)}, which does not tell where its channels are; add layout: NCHW or NHWC`,
    };
  const [batch, second, third, fourth] = spec.shape as readonly [
    Dimension,
    Dimension,
    Dimension,
    Dimension,
  ];
  const [channels, height, width] =
    order === 'NCHW' ? [second, third, fourth] : [fourth, second, third];
  return {
    tensor: {
      index,
      name: spec.name,
      dtype: spec.dtype,
      layout: order,
      height,
      width,
      channels,
      fixedBatch: batch,
    },
  };
}
