/**
 * Operations over axes: sums, means, extremes, where they are, running sums.
 * Source: keras/src/ops/numpy.py, math.py, linalg.py (3.15).
 */

import { binary, clip, unary } from '../../elementwise.ts';
import type { Value } from '../../import-graph.ts';
import { UnsupportedModelError } from '../../problems.ts';
import { reduce } from '../../reduce.ts';
import type { LayerCall } from '../layer-kind.ts';
import type { Operation } from './arithmetic.ts';
import { asFloat, axesOf, first } from './operands.ts';

const keep = ({ config }: LayerCall): boolean => config.bool('keepdims', false);

const reduction =
  (op: string, isFloat: boolean): Operation =>
  (call) => {
    const value = isFloat ? asFloat(call, first(call)) : first(call);
    return reduce(call.graph, op, value, axesOf(call, value), keep(call));
  };

function varianceOf(call: LayerCall, keepDims: boolean): Value {
  const { graph } = call;
  const x = asFloat(call, first(call));
  const axes = axesOf(call, x);
  const centred = binary(graph, 'Sub', x, reduce(graph, 'ReduceMean', x, axes, true));
  return reduce(graph, 'ReduceMean', binary(graph, 'Mul', centred, centred), axes, keepDims);
}

/** Of booleans: the largest is `any`, the smallest is `all`. */
const boolean =
  (op: string): Operation =>
  (call) => {
    const x = call.graph.cast(call.graph.cast(first(call), 'BOOL'), 'FP32');
    return call.graph.cast(reduce(call.graph, op, x, axesOf(call, x), keep(call)), 'BOOL');
  };

const position =
  (op: string): Operation =>
  (call) => {
    const { graph } = call;
    const x = graph.toSource(first(call));
    const [axis = 0, ...more] = axesOf(call, x);
    if (more.length > 0) {
      throw new UnsupportedModelError(
        call.layer.place,
        'a place over all axes is not supported',
        'give it one axis',
      );
    }
    const kept = keep(call);
    const shape = x.shape.flatMap((size, i) => (i !== axis ? [size] : kept ? [1] : []));
    const attributes = { axis, keepdims: kept ? 1 : 0 };
    return graph.cast(graph.apply(op, [x], { dtype: 'INT64', shape }, attributes), 'INT32');
  };

const cumsum: Operation = (call) => {
  const { graph } = call;
  const x = graph.toSource(first(call));
  const [axis = 0] = axesOf(call, x);
  const at = graph.constant('axis', {
    dtype: 'INT64',
    shape: [],
    data: BigInt64Array.of(BigInt(axis)),
  });
  return graph.apply('CumSum', [x, at], { dtype: x.dtype, shape: x.shape });
};

const norm: Operation = (call) => {
  const x = asFloat(call, first(call));
  const order = call.config.get('ord') ?? 2;
  const op =
    order === 1 ? 'ReduceL1' : order === 2 || order === 'euclidean' ? 'ReduceL2' : undefined;
  const axes = axesOf(call, x);
  if (!op || (call.config.has('ord') && axes.length > 1)) {
    throw new UnsupportedModelError(
      call.layer.place,
      `the norm ${String(order)} is not supported`,
      '1 and 2 along an axis are',
    );
  }
  return reduce(call.graph, op, x, axes, keep(call));
};

const normalize: Operation = (call) => {
  const { config, graph } = call;
  const x = asFloat(call, first(call));
  if (config.number('order', 2) !== 2) {
    throw new UnsupportedModelError(
      call.layer.place,
      'another order than 2 is not supported',
      'order 2 is',
    );
  }
  const squares = reduce(graph, 'ReduceSum', binary(graph, 'Mul', x, x), axesOf(call, x), true);
  const least = (config.optionalNumber('epsilon') ?? 1e-7) ** 1;
  return binary(graph, 'Div', x, unary(graph, 'Sqrt', clip(graph, squares, least * least)));
};

export const reductionOperations: Record<string, Operation> = {
  Mean: reduction('ReduceMean', true),
  Sum: reduction('ReduceSum', false),
  Max: reduction('ReduceMax', false),
  Min: reduction('ReduceMin', false),
  Amax: reduction('ReduceMax', false),
  Amin: reduction('ReduceMin', false),
  Prod: reduction('ReduceProd', false),
  Logsumexp: reduction('ReduceLogSumExp', true),
  Var: (call) => varianceOf(call, keep(call)),
  Std: (call) => unary(call.graph, 'Sqrt', varianceOf(call, keep(call))),
  Any: boolean('ReduceMax'),
  All: boolean('ReduceMin'),
  Argmax: position('ArgMax'),
  Argmin: position('ArgMin'),
  Cumsum: cumsum,
  Norm: norm,
  Normalize: normalize,
};
