/**
 * How nodes name each other's tensors. In a graph `node:index`; in a function `node:output:index`, where
 * the output has the name it has in the operator's definition and may be a list.
 * Source: tensorflow/core/framework/function.proto.
 */

import type { NodeDef } from '../graph/graph-def.ts';

export interface Reference {
  readonly node: string;
  /** The name of an output, in functions. */
  readonly output?: string | undefined;
  readonly index: number;
}

export const isControl = (input: string): boolean => input.startsWith('^');

export function parseReference(input: string): Reference {
  const [node = '', second, third] = input.split(':');
  if (third !== undefined) return { node, output: second, index: Number(third) };
  if (second === undefined) return { node, index: 0 };
  return /^\d+$/.test(second)
    ? { node, index: Number(second) }
    : { node, output: second, index: 0 };
}

/** Operators with more than one named output: where each begins. */
const outputs: Readonly<Record<string, readonly string[]>> = {
  FusedBatchNorm: ['y', 'batch_mean', 'batch_variance', 'reserve_space_1', 'reserve_space_2'],
  FusedBatchNormV2: ['y', 'batch_mean', 'batch_variance', 'reserve_space_1', 'reserve_space_2'],
  FusedBatchNormV3: [
    'y',
    'batch_mean',
    'batch_variance',
    'reserve_space_1',
    'reserve_space_2',
    'reserve_space_3',
  ],
  Switch: ['output_false', 'output_true'],
  RefSwitch: ['output_false', 'output_true'],
  Merge: ['output', 'value_index'],
  TopKV2: ['values', 'indices'],
  TensorListPopBack: ['output_handle', 'tensor'],
  TensorArrayV3: ['handle', 'flow'],
  MaxPoolWithArgmax: ['output', 'argmax'],
  Unique: ['y', 'idx'],
};

/** The position of a tensor among all outputs of its node. */
export function flatIndex({ output, index }: Reference, { op, attributes }: NodeDef): number {
  if (output === undefined) return index;
  if (op === 'ParseExampleV2' && output === 'dense_values') {
    return 3 * (attributes.get('num_sparse')?.int ?? 0) + index;
  }
  const start = outputs[op]?.indexOf(output) ?? 0;
  return Math.max(start, 0) + index;
}
