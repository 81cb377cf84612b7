/**
 * Activations as layers of their own, with their options.
 * Source: keras/src/layers/activations/ (3.15); the options' older names are those of Keras 2.
 */

import { float } from '../../../onnx/graph-data.ts';
import { binary, clip, scalar, unary, withNumber } from '../../elementwise.ts';
import type { ImportGraph, Value } from '../../import-graph.ts';
import { softmaxOf, where } from '../activations.ts';
import type { LayerKind } from '../layer-kind.ts';
import { argument, isValue, slots } from '../layer-kind.ts';
import { maskedSoftmax } from './attention-parts.ts';
import { axisOf, onlyInput } from './call-parts.ts';

export interface ReluOptions {
  readonly slope: number;
  readonly max?: number | undefined;
  readonly threshold: number;
}

/** max for x ≥ max, x for x > threshold, slope·(x - threshold) below. */
export function reluOf(graph: ImportGraph, x: Value, options: ReluOptions): Value {
  const { slope, max, threshold } = options;
  if (threshold === 0) {
    if (slope === 0) return max === undefined ? unary(graph, 'Relu', x) : clip(graph, x, 0, max);
    const leaky = unary(graph, 'LeakyRelu', x, { alpha: float(slope) });
    return max === undefined ? leaky : clip(graph, leaky, undefined, max);
  }
  const above = binary(graph, 'Greater', x, scalar(graph, threshold), 'BOOL');
  const below =
    slope === 0
      ? scalar(graph, 0)
      : withNumber(graph, 'Mul', withNumber(graph, 'Sub', x, threshold), slope);
  const result = where(graph, above, x, below);
  return max === undefined ? result : clip(graph, result, undefined, max);
}

const relu: LayerKind = {
  mask: 'keep',
  convert(call) {
    const { config, graph } = call;
    return reluOf(graph, onlyInput(call), {
      slope: config.optionalNumber('negative_slope') ?? 0,
      max: config.optionalNumber('max_value'),
      threshold: config.optionalNumber('threshold') ?? 0,
    });
  },
};

const leakyRelu: LayerKind = {
  mask: 'keep',
  convert(call) {
    const slope = call.config.optionalNumber('negative_slope') ?? call.config.number('alpha', 0.3);
    return unary(call.graph, 'LeakyRelu', onlyInput(call), { alpha: float(slope) });
  },
};

const elu: LayerKind = {
  mask: 'keep',
  convert: (call) =>
    unary(call.graph, 'Elu', onlyInput(call), { alpha: float(call.config.number('alpha', 1)) }),
};

const thresholdedRelu: LayerKind = {
  mask: 'keep',
  convert: (call) =>
    unary(call.graph, 'ThresholdedRelu', onlyInput(call), {
      alpha: float(call.config.number('theta', 1)),
    }),
};

/** The slopes have the input's shape without the batch, 1 on shared axes. */
const prelu: LayerKind = {
  mask: 'keep',
  weights: () => slots('alpha'),
  convert(call) {
    const { graph, layer, weights } = call;
    const input = onlyInput(call);
    const alpha = weights.get('alpha');
    const slope = graph.weight(`${layer.name}/alpha`, { ...alpha, shape: [1, ...alpha.shape] });
    const { dtype, shape, layout } = input;
    return graph.apply('PRelu', [input, graph.toLayout(slope, layout)], { dtype, shape, layout });
  },
};

const softmax: LayerKind = {
  mask: 'keep',
  convert(call) {
    const { config, graph } = call;
    const input = onlyInput(call);
    const mask = argument(call, 1, 'mask');
    const axes = config.ints('axis', undefined, -1);
    const [axis = -1] = axes;
    if (isValue(mask))
      return maskedSoftmax(graph, graph.toSource(input), graph.cast(mask, 'BOOL'), true);
    if (axes.length === 1) return softmaxOf(graph, input, axisOf(call, input, axis));
    return softmaxOver(
      graph,
      graph.toSource(input),
      axes.map((one) => axisOf(call, input, one)),
    );
  },
};

/** Softmax over several axes at once: exp(x - logsumexp(x)). */
function softmaxOver(graph: ImportGraph, x: Value, axes: readonly number[]): Value {
  const kept = x.shape.map((size, i) => (axes.includes(i) ? 1 : size));
  const sum = graph.apply(
    'ReduceLogSumExp',
    [x, graph.ints(axes)],
    { shape: kept },
    { keepdims: 1 },
  );
  return unary(graph, 'Exp', binary(graph, 'Sub', x, sum));
}

export const activationLayers: Record<string, LayerKind> = {
  ReLU: relu,
  LeakyReLU: leakyRelu,
  ELU: elu,
  ThresholdedReLU: thresholdedRelu,
  PReLU: prelu,
  Softmax: softmax,
};
