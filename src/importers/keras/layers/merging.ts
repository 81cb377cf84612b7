/**
 * Layers that put several tensors together.
 * Source: keras/src/layers/merging/ (3.15).
 */

import { align, binary, elementwise, withNumber } from '../../elementwise.ts';
import type { Size, Value } from '../../import-graph.ts';
import { InvalidModelError, UnsupportedModelError } from '../../problems.ts';
import { reduce } from '../../reduce.ts';
import type { LayerCall, LayerKind } from '../layer-kind.ts';
import { axisOf } from './call-parts.ts';
import {
  concatenatedMask,
  maskedExtreme,
  maskedProduct,
  masksCount,
  mergedMask,
} from './merging-masks.ts';

function severalInputs({ inputs, layer }: LayerCall, least = 2): readonly Value[] {
  if (inputs.length >= least) return inputs;
  throw new InvalidModelError(layer.place, `it is called with ${inputs.length} tensors`);
}

/** Values of fewer axes get axes of 1 behind the batch, as Keras' merging layers do it. */
function sameRank(call: LayerCall, values: readonly Value[]): Value[] {
  const { graph } = call;
  const rank = Math.max(...values.map(({ shape }) => shape.length));
  return values.map((value) => {
    const missing = rank - value.shape.length;
    if (missing === 0) return value;
    const [batch = null, ...rest] = value.shape;
    const ones = Array.from({ length: missing }, () => 1);
    const axes = graph.ints(ones.map((_, i) => i + 1));
    const { dtype } = value;
    return graph.apply('Unsqueeze', [graph.toSource(value), axes], {
      dtype,
      shape: [batch, ...ones, ...rest],
    });
  });
}

const folded = (op: string): LayerKind => ({
  mask: 'own',
  convert(call) {
    const values = sameRank(call, severalInputs(call));
    const [first, ...rest] = values as [Value, ...Value[]];
    const result =
      op === 'Mul' && masksCount(call)
        ? maskedProduct(call, values)
        : rest.reduce((all, next) => binary(call.graph, op, all, next), first);
    call.setMask(result, mergedMask(call));
    return result;
  },
});

const variadic = (op: 'Max' | 'Min'): LayerKind => ({
  mask: 'own',
  convert(call) {
    const values = sameRank(call, severalInputs(call));
    const result = masksCount(call)
      ? maskedExtreme(call, op, values)
      : elementwise(call.graph, op, values);
    call.setMask(result, mergedMask(call));
    return result;
  },
});

const average: LayerKind = {
  mask: 'own',
  convert(call) {
    const [first, ...rest] = sameRank(call, severalInputs(call));
    const sum = rest.reduce((all, next) => binary(call.graph, 'Add', all, next), first as Value);
    const result = withNumber(call.graph, 'Div', sum, rest.length + 1);
    call.setMask(result, mergedMask(call));
    return result;
  },
};

const concatenate: LayerKind = {
  mask: 'own',
  convert(call) {
    const inputs = severalInputs(call, 1);
    const [first] = inputs as [Value];
    const axis = axisOf(call, first, call.config.int('axis', -1));
    const result = concat(call, inputs, axis);
    call.setMask(result, concatenatedMask(call, axis));
    return result;
  },
};

export function concat(
  { graph, layer }: Pick<LayerCall, 'graph' | 'layer'>,
  inputs: readonly Value[],
  axis: number,
): Value {
  const aligned = align(graph, inputs);
  const [first] = aligned as [Value];
  const rank = first.shape.length;
  if (aligned.some(({ shape }) => shape.length !== rank)) {
    throw new InvalidModelError(layer.place, 'its tensors have different numbers of axes');
  }
  const shape = first.shape.map((_, i): Size => {
    const sizes = aligned.map((value) => value.shape[i] ?? null);
    if (i !== axis) return sizes.find((size) => size !== null) ?? null;
    return sizes.some((size) => size === null)
      ? null
      : (sizes as number[]).reduce((sum, size) => sum + size, 0);
  });
  const { layout, dtype } = first;
  return graph.apply(
    'Concat',
    aligned,
    { dtype, shape, layout },
    { axis: graph.memoryAxis(first, axis) },
  );
}

/** Sums of products along one axis of each; the axes behind the batch are kept. */
const dot: LayerKind = {
  convert(call) {
    const { config, graph, layer } = call;
    const [left, right] = severalInputs(call) as [Value, Value];
    let a = graph.toSource(left);
    let b = graph.toSource(right);
    const axes = config.ints('axes', 2);
    const [axisA, axisB] = [axisOf(call, a, axes[0] as number), axisOf(call, b, axes[1] as number)];
    if (axisA === 0 || axisB === 0) {
      throw new UnsupportedModelError(
        layer.place,
        'it sums over the batch',
        'other axes are supported',
      );
    }
    if (config.bool('normalize', false)) {
      a = normalized(call, a, axisA);
      b = normalized(call, b, axisB);
    }
    if (a.shape.length > 3 || b.shape.length > 3) {
      throw new UnsupportedModelError(
        layer.place,
        'tensors of more than three axes are not supported',
        'two or three axes are',
      );
    }
    return dotOfThree(call, a, b, axisA, axisB);
  },
};

function dotOfThree(call: LayerCall, a: Value, b: Value, axisA: number, axisB: number): Value {
  const { graph } = call;
  // As [N, rows, summed] · [N, summed, columns].
  const wide = (value: Value, axis: number, summedLast: boolean): Value => {
    if (value.shape.length === 2) {
      const [batch = null, size = null] = value.shape;
      const at = summedLast ? 1 : 2;
      const shape = summedLast ? [batch, 1, size] : [batch, size, 1];
      return graph.apply('Unsqueeze', [value, graph.ints([at])], { shape });
    }
    const isLast = axis === 2;
    return isLast === summedLast ? value : graph.transpose(value, [0, 2, 1]);
  };
  const left = wide(a, axisA, true);
  const right = wide(b, axisB, false);
  const [batch = null, rows = null] = left.shape;
  const columns = right.shape[2] ?? null;
  const product = graph.apply('MatMul', [left, right], { shape: [batch, rows, columns] });
  const gone = [a.shape.length === 2 ? 1 : 0, b.shape.length === 2 ? 2 : 0].filter(
    (axis) => axis > 0,
  );
  if (gone.length === 0) return product;
  // Two vectors: Keras keeps one axis of 1.
  const squeezed = gone.length === 2 ? [2] : gone;
  const shape = product.shape.filter((_, i) => !squeezed.includes(i));
  return graph.apply('Squeeze', [product, graph.ints(squeezed)], { shape });
}

function normalized({ graph }: LayerCall, value: Value, axis: number): Value {
  const squares = reduce(graph, 'ReduceSum', binary(graph, 'Mul', value, value), [axis], true);
  const floor = elementwise(graph, 'Max', [squares, graph.floats(1e-12)]);
  return binary(graph, 'Div', value, graph.apply('Sqrt', [floor], { shape: floor.shape }));
}

export const mergings: Record<string, LayerKind> = {
  Add: folded('Add'),
  Subtract: folded('Sub'),
  Multiply: folded('Mul'),
  Average: average,
  Maximum: variadic('Max'),
  Minimum: variadic('Min'),
  Concatenate: concatenate,
  Dot: dot,
};
