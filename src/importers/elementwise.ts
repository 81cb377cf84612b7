/**
 * Operators that work element by element, on values of any layout.
 */

import type { ElementType } from '../onnx/element-type.ts';
import type { Attributes } from '../onnx/graph-data.ts';
import type { ImportGraph, Size, Value } from './import-graph.ts';
import { toFirst } from './import-graph.ts';

/** One value in, one out, the same shape and layout. */
export function unary(
  graph: ImportGraph,
  op: string,
  value: Value,
  attributes: Attributes = {},
  dtype: ElementType = value.dtype,
): Value {
  const { shape, layout } = value;
  return graph.apply(op, [value], { dtype, shape, layout }, attributes);
}

/** Two values with numpy's broadcasting. */
export function binary(
  graph: ImportGraph,
  op: string,
  a: Value,
  b: Value,
  dtype: ElementType = a.dtype,
): Value {
  return elementwise(graph, op, [a, b], dtype);
}

/** Several values with numpy's broadcasting, brought to one layout first. */
export function elementwise(
  graph: ImportGraph,
  op: string,
  values: readonly Value[],
  dtype: ElementType = values[0]?.dtype ?? 'FP32',
): Value {
  const aligned = align(graph, values);
  const shape = broadcastShape(values.map((value) => value.shape));
  const layout = aligned.some((value) => value.layout === 'channels-first')
    ? 'channels-first'
    : 'source';
  return graph.apply(op, aligned, { dtype, shape, layout });
}

/** numpy's: aligned at the last axis; an open size wins over 1. */
export function broadcastShape(shapes: readonly (readonly Size[])[]): Size[] {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, i) => {
    const sizes = shapes
      .map((shape) => shape[i - (rank - shape.length)])
      .filter((size): size is Size => size !== undefined && size !== 1);
    const known = sizes.find((size) => size !== null);
    return known ?? (sizes.length > 0 ? null : 1);
  });
}

/** All in the layout of the largest; smaller ones are turned, which costs little. */
export function align(graph: ImportGraph, values: readonly Value[]): Value[] {
  const rank = Math.max(...values.map(({ shape }) => shape.length));
  const first = values.some(
    ({ layout, shape }) => layout === 'channels-first' && shape.length === rank,
  );
  if (!first) return values.map((value) => graph.toSource(value));
  return values.map((value) => toFirstOfRank(graph, value, rank));
}

function toFirstOfRank(graph: ImportGraph, value: Value, rank: number): Value {
  if (value.shape.length === 0) return value;
  if (value.shape.length === rank) {
    return value.constant ? turnConstant(graph, value) : graph.toChannelsFirst(value);
  }
  const missing = rank - value.shape.length;
  const shape = [...Array.from({ length: missing }, () => 1), ...value.shape];
  const source = graph.toSource(value);
  if (value.constant) return turnConstant(graph, { ...source, shape });
  const axes = graph.ints(Array.from({ length: missing }, (_, i) => i));
  const wide = graph.apply('Unsqueeze', [source, axes], { dtype: value.dtype, shape });
  return graph.toChannelsFirst(wide);
}

/** Turns a constant without a node where its elements stay in order: all axes but one are 1. */
function turnConstant(graph: ImportGraph, value: Value): Value {
  const { constant, shape } = value;
  const large = shape.filter((size) => size !== 1).length;
  if (!constant || large > 1) {
    return graph.toChannelsFirst(
      constant ? graph.constant(value.name, { ...constant, shape: shape as number[] }) : value,
    );
  }
  const turned = toFirst(shape.length).map((axis) => shape[axis] as number);
  const made = graph.constant(value.name, { ...constant, shape: turned });
  return { ...made, shape, layout: 'channels-first' };
}

/** A number as a value of that dtype. */
export function scalar(graph: ImportGraph, number: number, dtype: ElementType = 'FP32'): Value {
  const arrays: Partial<Record<ElementType, () => ArrayBufferView>> = {
    FP32: () => Float32Array.of(number),
    FP64: () => Float64Array.of(number),
    INT64: () => BigInt64Array.of(BigInt(Math.trunc(number))),
    INT32: () => Int32Array.of(number),
    UINT8: () => Uint8Array.of(number),
    INT8: () => Int8Array.of(number),
    BOOL: () => Uint8Array.of(number ? 1 : 0),
  };
  const make = arrays[dtype];
  if (!make) throw new TypeError(`no scalar of ${dtype}`);
  return graph.constant('value', { dtype, shape: [], data: make() });
}

/** `value op number`, the number as FP32 or the value's own dtype. */
export function withNumber(graph: ImportGraph, op: string, value: Value, number: number): Value {
  return binary(graph, op, value, scalar(graph, number, value.dtype));
}

export function clip(graph: ImportGraph, value: Value, low?: number, high?: number): Value {
  const { shape, layout, dtype } = value;
  const bound = (number: number | undefined): Value | string =>
    number === undefined ? '' : scalar(graph, number, dtype);
  return graph.apply('Clip', [value, bound(low), bound(high)], { dtype, shape, layout });
}
