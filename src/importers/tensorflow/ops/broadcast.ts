/**
 * Operators on single elements. A value with its channels first keeps them there: the other inputs are
 * turned to it, constants when they are written.
 */

import type { Attributes } from '../../../onnx/graph-data.ts';
import type { Value } from '../../import-graph.ts';
import type { DataType } from '../data-types.ts';
import type { Emitter } from '../emitter.ts';
import { widen } from '../emitter.ts';
import type { Operation } from '../evaluate/operation.ts';
import type { Dim, Known, Tensor } from '../values.ts';
import { isSameDim } from '../values.ts';
import { dimsOf, rankOf } from './arguments.ts';

/** The sizes that inputs have together; null where it depends on the request. */
export function broadcastDims(
  operation: Operation,
  inputs: readonly (readonly Dim[])[],
): (Dim | null)[] {
  const rank = Math.max(...inputs.map((dims) => dims.length));
  return Array.from({ length: rank }, (_, axis) =>
    inputs
      .map((dims) => dims[axis - rank + dims.length] ?? 1)
      .reduce<Dim | null>((a, b) => joined(operation, a, b), 1),
  );
}

function joined(operation: Operation, a: Dim | null, b: Dim): Dim | null {
  if (a === null) return typeof b === 'number' && b > 1 ? b : null;
  if (isSameDim(a, b) || b === 1) return a;
  if (a === 1) return b;
  if (typeof a === 'number' && typeof b === 'number') {
    return operation.refuse(`sizes ${a} and ${b} do not fit together`);
  }
  if (typeof a === 'number') return a;
  return typeof b === 'number' ? b : null;
}

/** Inputs as values of one layout: channels first where a tensor of full rank lies so. */
export function aligned(
  emitter: Emitter,
  inputs: readonly Known[],
): { values: Value[]; isFirst: boolean } {
  const rank = Math.max(...inputs.map(rankOf));
  const isFirst = inputs.some(
    (input) =>
      input.kind === 'tensor' && input.value.layout === 'channels-first' && rankOf(input) === rank,
  );
  if (!isFirst) return { values: inputs.map((input) => emitter.useSource(input)), isFirst };
  return { values: inputs.map((input) => toFirst(emitter, input, rank)), isFirst };
}

function toFirst(emitter: Emitter, input: Known, rank: number): Value {
  const own = rankOf(input);
  if (own === 0) return emitter.use(input);
  if (input.kind === 'constant') {
    const isSingle = input.shape.every((size) => size === 1);
    return isSingle
      ? emitter.initialiser({ ...input, shape: [] })
      : emitter.useChannelsFirst(widen(input, rank));
  }
  if (own === rank) return emitter.useChannelsFirst(input);
  const source = emitter.useSource(input);
  const axes = Array.from({ length: rank - own }, (_, i) => i);
  const shape = [...axes.map(() => 1), ...source.shape];
  const wide = emitter.graph.apply('Unsqueeze', [source, emitter.ints(axes)], {
    dtype: source.dtype,
    shape,
  });
  return emitter.graph.toChannelsFirst(wide);
}

/** One node of ONNX, element by element. */
export function elementwise(
  operation: Operation,
  emitter: Emitter,
  op: string,
  inputs: readonly Known[],
  type: DataType,
  attributes: Attributes = {},
): Tensor {
  const dims = broadcastDims(operation, inputs.map(dimsOf));
  const { values, isFirst } = aligned(emitter, inputs);
  const layout = isFirst ? 'channels-first' : 'source';
  return emitter.apply(op, values, { type, dims, layout }, attributes);
}

/** The same with the shape and layout of one input. */
export function unary(
  emitter: Emitter,
  op: string,
  input: Tensor,
  attributes: Attributes = {},
  type: DataType = input.type,
): Tensor {
  const { value, dims } = input;
  return emitter.apply(op, [value], { type, dims, layout: value.layout }, attributes);
}

/** Sizes and constants as tensors, so that handlers see one kind. */
export function asTensor(emitter: Emitter, input: Known): Tensor {
  if (input.kind === 'tensor') return input;
  return emitter.tensor(emitter.use(input), input.type, dimsOf(input));
}
