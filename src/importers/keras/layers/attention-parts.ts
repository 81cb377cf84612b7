/** What the attention layers share: masks, softmax over masked scores, positions that may look back only. */

import { binary, scalar, unary } from '../../elementwise.ts';
import type { ImportGraph, Size, Value } from '../../import-graph.ts';
import { softmaxOf, where } from '../activations.ts';
import type { LayerCall, Resolved } from '../layer-kind.ts';
import { isValue } from '../layer-kind.ts';

/** An explicit mask, else the one that the tensor carries. */
export function maskFor(
  { graph, maskOf }: LayerCall,
  given: Resolved | undefined,
  carrier: Value | undefined,
): Value | undefined {
  const mask = isValue(given) ? given : carrier && maskOf(carrier);
  return mask && graph.cast(graph.toSource(mask), 'BOOL');
}

export function both(
  graph: ImportGraph,
  a: Value | undefined,
  b: Value | undefined,
): Value | undefined {
  return a && b ? binary(graph, 'And', a, b, 'BOOL') : (a ?? b);
}

export function unsqueeze(graph: ImportGraph, value: Value, axis: number): Value {
  const at = axis < 0 ? axis + value.shape.length + 1 : axis;
  const shape = [...value.shape.slice(0, at), 1, ...value.shape.slice(at)];
  return graph.apply('Unsqueeze', [value, graph.ints([at])], { dtype: value.dtype, shape });
}

/** 0, 1, 2, … along an axis of the value: [size]. */
function positions(graph: ImportGraph, value: Value, axis: number): Value {
  const size = value.shape[axis] ?? null;
  if (size !== null) {
    const data = BigInt64Array.from({ length: size }, (_, i) => BigInt(i));
    return graph.constant('positions', { dtype: 'INT64', shape: [size], data });
  }
  const dims = graph.apply(
    'Shape',
    [value],
    { dtype: 'INT64', shape: [1] },
    { start: axis, end: axis + 1 },
  );
  const length = graph.apply('Squeeze', [dims], { dtype: 'INT64', shape: [] });
  const [start, step] = [scalar(graph, 0, 'INT64'), scalar(graph, 1, 'INT64')];
  return graph.apply('Range', [start, length, step], { dtype: 'INT64', shape: [null] });
}

/** [1, T, S]: position t sees s ≤ t, and with a window only those nearer than it. */
export function causalMask(
  graph: ImportGraph,
  query: Value,
  value: Value,
  { causal, window }: { readonly causal: boolean; readonly window?: number | undefined },
): Value | undefined {
  if (!causal && window === undefined) return undefined;
  const rows = unsqueeze(graph, unsqueeze(graph, positions(graph, query, 1), 1), 0);
  const columns = unsqueeze(graph, unsqueeze(graph, positions(graph, value, 1), 0), 0);
  const seen = causal ? binary(graph, 'GreaterOrEqual', rows, columns, 'BOOL') : undefined;
  if (window === undefined) return seen;
  const distance = unary(graph, 'Abs', binary(graph, 'Sub', rows, columns));
  const near = binary(graph, 'Less', distance, scalar(graph, window, 'INT64'), 'BOOL');
  return both(graph, seen, near);
}

/** Far below any score, as Keras' softmax layer and attention have it. */
const excluded = -1e30;

/** Softmax over the last axes of [B, N, T, S]; `zero` makes rows without any place zeros. */
export function maskedSoftmax(
  graph: ImportGraph,
  scores: Value,
  mask: Value | undefined,
  zero: boolean,
): Value {
  if (!mask) return softmaxOf(graph, scores, -1);
  const weights = softmaxOf(
    graph,
    whereWide(graph, mask, scores, graph.floats(excluded), scores.shape),
    -1,
  );
  return zero ? whereWide(graph, mask, weights, graph.floats(0), scores.shape) : weights;
}

/** Where with a mask of fewer or smaller axes. */
export function whereWide(
  graph: ImportGraph,
  mask: Value,
  yes: Value,
  no: Value,
  shape: readonly Size[],
): Value {
  return { ...where(graph, mask, yes, no), shape, layout: 'source' };
}
