/** Reductions over axes of the source, in whatever layout the value lies. */

import type { Attributes } from '../onnx/graph-data.ts';
import type { ImportGraph, Size, Value } from './import-graph.ts';

/** `op` is ReduceMean, ReduceSum, …; `axes` are 0 … rank-1 of the source. */
export function reduce(
  graph: ImportGraph,
  op: string,
  value: Value,
  axes: readonly number[],
  keep: boolean,
): Value {
  const x = keep || onlyPlaces(value, axes) ? value : graph.toSource(value);
  const shape = reducedShape(value.shape, axes, keep);
  const inMemory = axes.map((axis) => graph.memoryAxis(x, axis)).sort((a, b) => a - b);
  // Without its places, [N, C, H, W] is [N, C] as [N, H, W, C] is.
  const layout = keep ? x.layout : 'source';
  const attributes: Attributes = { keepdims: keep ? 1 : 0 };
  return graph.apply(
    op,
    [x, graph.ints(inMemory, 'axes')],
    { dtype: x.dtype, shape, layout },
    attributes,
  );
}

const onlyPlaces = ({ shape, layout }: Value, axes: readonly number[]): boolean =>
  layout === 'channels-first' &&
  axes.length === shape.length - 2 &&
  axes.every((axis) => axis > 0 && axis < shape.length - 1);

function reducedShape(shape: readonly Size[], axes: readonly number[], keep: boolean): Size[] {
  return shape.flatMap((size, i): Size[] => (!axes.includes(i) ? [size] : keep ? [1] : []));
}
