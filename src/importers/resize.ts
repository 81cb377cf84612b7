/**
 * Resizing of places (the axes between batch and channels), as TensorFlow 2 and Keras mean it.
 *
 * Sizes that are known become matrices and indices (resize-matrix.ts). ONNX's Resize is used for whole
 * factors and for open sizes, with one entry for every axis: ONNX Runtime's optimiser moves transposes
 * through a Resize with the attribute `axes` and breaks it.
 */

import { float } from '../onnx/graph-data.ts';
import type { ImportGraph, Size, Value } from './import-graph.ts';
import { checkSize } from './import-graph.ts';
import { permute } from './permute.ts';
import type { ResizeMethod } from './resize-matrix.ts';
import { nearestIndices, resizeMatrix } from './resize-matrix.ts';

export interface ResizeOptions {
  readonly method: ResizeMethod;
  readonly antialias?: boolean;
  /** Channels are the last axis of the source; else the second. */
  readonly channelsLast: boolean;
}

const placeAxes = (rank: number, channelsLast: boolean): number[] =>
  Array.from({ length: rank - 2 }, (_, i) => i + (channelsLast ? 1 : 2));

/** A value with its channels second in memory. */
const inOrder = (graph: ImportGraph, value: Value, channelsLast: boolean): Value =>
  channelsLast ? graph.toChannelsFirst(value) : graph.toSource(value);

function resizedShape({ shape }: Value, axes: readonly number[], sizes: readonly Size[]): Size[] {
  return shape.map((size, axis) => {
    const i = axes.indexOf(axis);
    return i === -1 ? size : (sizes[i] ?? null);
  });
}

/** To sizes that are known. */
export function resizeTo(
  graph: ImportGraph,
  value: Value,
  sizes: readonly number[],
  options: ResizeOptions,
): Value {
  const axes = placeAxes(value.shape.length, options.channelsLast);
  const from = axes.map((axis) => value.shape[axis] ?? null);
  if (from.every((size, i) => size === sizes[i])) return value;
  checkSize(resizedShape(value, axes, sizes), value.dtype);
  if (from.some((size) => size === null)) return resizeOpen(graph, value, sizes, options);
  if (options.method === 'nearest') return gatherNearest(graph, value, axes, sizes);
  return multiply(graph, value, axes, sizes, options as MatrixOptions);
}

function gatherNearest(
  graph: ImportGraph,
  value: Value,
  axes: readonly number[],
  sizes: readonly number[],
): Value {
  return axes.reduce((x, axis, i) => {
    const size = sizes[i] as number;
    const indices = graph.ints(nearestIndices(x.shape[axis] as number, size));
    const { dtype, layout } = x;
    const made = { dtype, layout, shape: resizedShape(x, [axis], [size]) };
    return graph.apply('Gather', [x, indices], made, { axis: graph.memoryAxis(x, axis) });
  }, value);
}

type MatrixOptions = ResizeOptions & { readonly method: 'bilinear' | 'bicubic' };

/** rows · x · columns, for each channel. */
function multiply(
  graph: ImportGraph,
  value: Value,
  axes: readonly number[],
  sizes: readonly number[],
  { method, antialias = false, channelsLast }: MatrixOptions,
): Value {
  const x = inOrder(graph, value, channelsLast);
  const [h, w] = axes.map((axis) => value.shape[axis] as number) as [number, number];
  const [height, width] = sizes as [number, number];
  const made = (target: readonly number[]) => ({
    shape: resizedShape(value, axes, target),
    layout: x.layout,
  });
  checkSize([height, h]);
  checkSize([width, w]);
  const rows = matrix(graph, [height, h], resizeMatrix(method, h, height, antialias));
  const columns = permute(resizeMatrix(method, w, width, antialias), [width, w], [1, 0]);
  const tall = graph.apply('MatMul', [rows, x], made([height, w]));
  return graph.apply('MatMul', [tall, matrix(graph, [w, width], columns)], made(sizes));
}

const matrix = (graph: ImportGraph, shape: readonly number[], data: Float32Array): Value =>
  graph.constant('resize', { dtype: 'FP32', shape, data });

const modes = { nearest: 'nearest', bilinear: 'linear', bicubic: 'cubic' } as const;

function attributesOf({ method, antialias }: ResizeOptions) {
  return {
    mode: modes[method],
    coordinate_transformation_mode: 'half_pixel',
    // floor((i + ½)·step), which is how TensorFlow rounds.
    nearest_mode: 'round_prefer_ceil',
    cubic_coeff_a: float(-0.5),
    exclude_outside: method === 'bicubic' ? 1 : 0,
    antialias: antialias ? 1 : 0,
  };
}

/** Sizes that come with the request: batch and channels are taken from the value itself. */
function resizeOpen(
  graph: ImportGraph,
  value: Value,
  sizes: readonly number[],
  options: ResizeOptions,
): Value {
  const x = inOrder(graph, value, options.channelsLast);
  const shape = graph.apply('Shape', [x], { dtype: 'INT64', shape: [2] }, { start: 0, end: 2 });
  const all = graph.apply(
    'Concat',
    [shape, graph.ints(sizes)],
    { dtype: 'INT64', shape: [null] },
    { axis: 0 },
  );
  const axes = placeAxes(value.shape.length, options.channelsLast);
  const made = { shape: resizedShape(value, axes, sizes), layout: x.layout };
  return graph.apply('Resize', [x, '', '', all], made, attributesOf(options));
}

/** By whole factors. */
export function enlarge(
  graph: ImportGraph,
  value: Value,
  factors: readonly number[],
  options: ResizeOptions,
): Value {
  const axes = placeAxes(value.shape.length, options.channelsLast);
  const sizes = axes.map((axis, i) => {
    const size = value.shape[axis] ?? null;
    return size === null ? null : size * (factors[i] as number);
  });
  if (options.method === 'bicubic' && sizes.every((size) => size !== null)) {
    return resizeTo(graph, value, sizes as number[], options);
  }
  const x = options.method === 'nearest' ? value : inOrder(graph, value, options.channelsLast);
  const scales = value.shape.map(() => 1);
  for (const [i, axis] of axes.entries()) scales[graph.memoryAxis(x, axis)] = factors[i] as number;
  const { dtype } = value;
  const made = { dtype, shape: resizedShape(value, axes, sizes), layout: x.layout };
  return graph.apply('Resize', [x, '', graph.floats(scales)], made, attributesOf(options));
}
