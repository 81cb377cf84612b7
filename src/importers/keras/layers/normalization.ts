/**
 * Normalisations at inference.
 * Source: keras/src/layers/normalization/ and keras/src/layers/preprocessing/normalization.py (3.15).
 */

import { float } from '../../../onnx/graph-data.ts';
import { binary, clip, unary, withNumber } from '../../elementwise.ts';
import type { Value } from '../../import-graph.ts';
import { InvalidModelError, UnsupportedModelError } from '../../problems.ts';
import { reduce } from '../../reduce.ts';
import type { Weight } from '../../weight.ts';
import { mapWeight, reshapeWeight, weightOf } from '../../weight.ts';
import type { Json } from '../config.ts';
import { isList, plain } from '../config.ts';
import type { LayerCall, LayerKind } from '../layer-kind.ts';
import { frozenSlots, slots } from '../layer-kind.ts';
import { readInnerLayer } from '../network.ts';
import { axisOf, knownSize, onlyInput, requireShape } from './call-parts.ts';

const filled = (place: string, count: number, value: number): Weight =>
  weightOf(place, [count], new Float32Array(count).fill(value));

function firstAxis(call: LayerCall, input: Value): number {
  const axes = call.config.ints('axis', undefined, -1);
  const [axis = -1] = axes;
  if (axes.length > 1) {
    throw new UnsupportedModelError(
      call.layer.place,
      `it has the axes [${axes}]`,
      'one axis is supported',
    );
  }
  return axisOf(call, input, axis);
}

const batchNormalization: LayerKind = {
  mask: 'keep',
  weights: (config) => [
    ...slots(config.bool('scale', true) && 'gamma', config.bool('center', true) && 'beta'),
    ...frozenSlots('moving_mean', 'moving_variance'),
    ...(config.bool('renorm', false) ? frozenSlots('renorm_mean', 'renorm_stddev') : []),
  ],
  convert(call) {
    const { config, graph, layer, weights } = call;
    const input = onlyInput(call);
    const axis = firstAxis(call, input);
    const channels = knownSize(call, input, axis);
    const take = (slot: string, used: boolean, otherwise: number): Weight =>
      used ? requireShape(weights.get(slot), [channels]) : filled(layer.place, channels, otherwise);
    const parts = {
      gamma: take('gamma', config.bool('scale', true), 1),
      beta: take('beta', config.bool('center', true), 0),
      mean: take('moving_mean', true, 0),
      variance: take('moving_variance', true, 1),
    };
    const epsilon = config.number('epsilon', 1e-3);
    if (graph.memoryAxis(input, axis) !== 1)
      return scaleAndShift(call, input, axis, parts, epsilon);
    const { dtype, shape, layout } = input;
    const names = Object.entries(parts).map(([name, weight]) =>
      graph.weight(`${layer.name}/${name}`, weight),
    );
    return graph.apply(
      'BatchNormalization',
      [input, ...names],
      { dtype, shape, layout },
      {
        epsilon: float(epsilon),
      },
    );
  },
};

interface Statistics {
  readonly gamma: Weight;
  readonly beta: Weight;
  readonly mean: Weight;
  readonly variance: Weight;
}

/** x·a + b, where the operator would need the axis second in memory. */
function scaleAndShift(
  call: LayerCall,
  input: Value,
  axis: number,
  { gamma, beta, mean, variance }: Statistics,
  epsilon: number,
): Value {
  const scaleOf = (): Float32Array => {
    const spread = variance.read();
    return gamma.read().map((value, i) => value / Math.sqrt((spread[i] as number) + epsilon));
  };
  const scale = mapWeight(gamma, () => scaleOf());
  const shift = mapWeight(beta, (values) => {
    const scales = scaleOf();
    const means = mean.read();
    return values.map((value, i) => value - (means[i] as number) * (scales[i] as number));
  });
  const { graph, layer } = call;
  const along = (name: string, weight: Weight): Value =>
    alongAxis(call, `${layer.name}/${name}`, weight, input, axis);
  return binary(
    graph,
    'Add',
    binary(graph, 'Mul', input, along('scale', scale)),
    along('shift', shift),
  );
}

/** A weight of one axis, as a value that broadcasts along that axis of another. */
export function alongAxis(
  { graph }: LayerCall,
  name: string,
  weight: Weight,
  like: Value,
  axis: number,
): Value {
  const shape = like.shape.map((_, i) => (i === axis ? (weight.shape[0] as number) : 1));
  const inMemory = like.shape.map(() => 1);
  inMemory[graph.memoryAxis(like, axis)] = weight.shape[0] as number;
  const made = graph.weight(name, reshapeWeight(weight, inMemory));
  return { ...made, shape, layout: like.layout };
}

/** The axes of a layer or RMS normalisation: must be the last ones. */
function lastAxes(call: LayerCall, input: Value): number[] {
  const axes = call.config
    .ints('axis', undefined, -1)
    .map((axis) => axisOf(call, input, axis))
    .sort((a, b) => a - b);
  const rank = input.shape.length;
  if (axes.every((axis, i) => axis === rank - axes.length + i)) return axes;
  throw new UnsupportedModelError(
    call.layer.place,
    `it normalises over the axes [${axes}] of ${rank}`,
    'the last axes are supported',
  );
}

const layerNormalization: LayerKind = {
  mask: 'keep',
  weights: (config) =>
    slots(config.bool('scale', true) && 'gamma', config.bool('center', true) && 'beta'),
  convert(call) {
    const { config, graph, layer, weights } = call;
    if (config.bool('rms_scaling', false)) {
      throw new UnsupportedModelError(
        layer.place,
        'rms_scaling is not supported',
        'RMSNormalization is',
      );
    }
    const input = graph.toSource(onlyInput(call));
    const axes = lastAxes(call, input);
    const sizes = axes.map((axis) => knownSize(call, input, axis));
    const count = sizes.reduce((product, size) => product * size, 1);
    const gamma = config.bool('scale', true)
      ? requireShape(weights.get('gamma'), sizes)
      : reshapeWeight(filled(layer.place, count, 1), sizes);
    const inputs = [input, graph.weight(`${layer.name}/gamma`, gamma)];
    if (config.bool('center', true)) {
      inputs.push(graph.weight(`${layer.name}/beta`, requireShape(weights.get('beta'), sizes)));
    }
    return graph.apply(
      'LayerNormalization',
      inputs,
      { shape: input.shape },
      {
        axis: axes[0] as number,
        epsilon: float(config.number('epsilon', 1e-3)),
      },
    );
  },
};

const rmsNormalization: LayerKind = {
  weights: () => slots('scale'),
  convert(call) {
    const { config, graph, layer, weights } = call;
    const input = graph.toSource(onlyInput(call));
    const axes = lastAxes(call, input);
    const scale = requireShape(
      weights.get('scale'),
      axes.map((axis) => knownSize(call, input, axis)),
    );
    const mean = reduce(graph, 'ReduceMean', binary(graph, 'Mul', input, input), axes, true);
    const root = unary(
      graph,
      'Sqrt',
      withNumber(graph, 'Add', mean, config.number('epsilon', 1e-6)),
    );
    const normal = binary(graph, 'Div', input, root);
    return binary(graph, 'Mul', normal, graph.weight(`${layer.name}/scale`, scale));
  },
};

/** x / max(|x|, 1e-12^½) over the axes. */
const unitNormalization: LayerKind = {
  mask: 'keep',
  convert(call) {
    const { config, graph } = call;
    const input = onlyInput(call);
    const axes = config.ints('axis', undefined, -1).map((axis) => axisOf(call, input, axis));
    const squares = reduce(graph, 'ReduceSum', binary(graph, 'Mul', input, input), axes, true);
    return binary(graph, 'Div', input, unary(graph, 'Sqrt', clip(graph, squares, 1e-12)));
  },
};

/**
 * Each group of channels of a row is brought to mean 0 and variance 1: as InstanceNormalization over
 * [N, groups, everything else], with channels first in memory.
 */
const groupNormalization: LayerKind = {
  mask: 'keep',
  weights: (config) =>
    slots(config.bool('scale', true) && 'gamma', config.bool('center', true) && 'beta'),
  convert(call) {
    const { config, graph, layer, weights } = call;
    const input = onlyInput(call);
    const axis = firstAxis(call, input);
    const channels = knownSize(call, input, axis);
    const wanted = config.int('groups', 32);
    const groups = wanted === -1 ? channels : wanted;
    if (groups < 1 || channels % groups !== 0) {
      throw new InvalidModelError(
        layer.place,
        `${channels} channels cannot be in ${groups} groups`,
      );
    }
    const x =
      axis === input.shape.length - 1 ? graph.toChannelsFirst(input) : graph.toSource(input);
    if (graph.memoryAxis(x, axis) !== 1) {
      throw new UnsupportedModelError(
        layer.place,
        `axis ${axis} is not supported`,
        'the last axis and axis 1 are',
      );
    }
    const normal = normalizeGroups(call, x, groups, config.number('epsilon', 1e-3));
    const gamma = config.bool('scale', true) ? weights.get('gamma') : filled('', channels, 1);
    const beta = config.bool('center', true) ? weights.get('beta') : filled('', channels, 0);
    const scale = alongAxis(call, `${layer.name}/gamma`, requireShape(gamma, [channels]), x, axis);
    const shift = alongAxis(call, `${layer.name}/beta`, requireShape(beta, [channels]), x, axis);
    return binary(graph, 'Add', binary(graph, 'Mul', normal, scale), shift);
  },
};

function normalizeGroups({ graph }: LayerCall, x: Value, groups: number, epsilon: number): Value {
  const grouped = graph.apply('Reshape', [x, graph.ints([0, groups, -1])], {
    shape: [x.shape[0] ?? null, groups, null],
  });
  const ones = graph.floats(Array.from({ length: groups }, () => 1));
  const zeros = graph.floats(Array.from({ length: groups }, () => 0));
  const normal = graph.apply(
    'InstanceNormalization',
    [grouped, ones, zeros],
    { shape: grouped.shape },
    {
      epsilon: float(epsilon),
    },
  );
  // Back to the shape in memory, which may have open sizes: taken from the value itself.
  const shape = graph.apply('Shape', [x], { dtype: 'INT64', shape: [x.shape.length] });
  return graph.apply('Reshape', [normal, shape], { shape: x.shape, layout: x.layout });
}

const numbersIn = (value: Json | undefined): number[] => {
  const list = plain(value);
  if (isList(list)) return list.flatMap(numbersIn);
  return typeof list === 'number' ? [list] : [];
};

/** The preprocessing layer: (x - mean) / max(√variance, epsilon). */
const normalization: LayerKind = {
  mask: 'keep',
  weights: (config) => (config.has('mean') ? [] : frozenSlots('mean', 'variance', 'count')),
  convert(call) {
    const { config, graph, layer, weights } = call;
    const input = graph.cast(onlyInput(call), 'FP32');
    const axes = plain(config.get('axis')) === null ? [] : config.ints('axis', undefined, -1);
    const keep = axes.map((axis) => axisOf(call, input, axis)).sort((a, b) => a - b);
    if (keep.length > 1) {
      throw new UnsupportedModelError(
        layer.place,
        `it has the axes [${keep}]`,
        'one axis or none is supported',
      );
    }
    const [axis] = keep;
    const count = axis === undefined ? 1 : knownSize(call, input, axis);
    const read = (slot: 'mean' | 'variance'): number[] => {
      const given = config.has('mean')
        ? numbersIn(config.get(slot))
        : [...weights.get(slot).read()];
      if (given.length === count) return given;
      if (given.length === 1) return Array.from({ length: count }, () => given[0] as number);
      throw new InvalidModelError(
        layer.place,
        `its ${slot} has ${given.length} values for ${count}`,
      );
    };
    // Keras' own epsilon: 1e-7.
    const spread = read('variance').map((value) => Math.max(Math.sqrt(value), 1e-7));
    const along = (values: readonly number[]): Value => {
      if (axis === undefined) return graph.floats(values[0] as number, layer.name);
      const shape = input.shape.map((_, i) => (i === axis ? count : 1));
      const data = Float32Array.from(values);
      return graph.constant(layer.name, { dtype: 'FP32', shape, data });
    };
    if (config.bool('invert', false)) {
      return binary(graph, 'Add', binary(graph, 'Mul', input, along(spread)), along(read('mean')));
    }
    return binary(graph, 'Div', binary(graph, 'Sub', input, along(read('mean'))), along(spread));
  },
};

/** At inference the wrapped layer with the kernel that training left in it. */
const spectralNormalization: LayerKind = {
  children: (layer) => [{ attribute: 'layer', layer: readInnerLayer(layer.config.layer, layer) }],
  weights: () => frozenSlots('vector_u'),
  convert(call) {
    const inner = readInnerLayer(call.layer.config.layer, call.layer);
    return call.callInner(inner, call.weights.child('layer'), [onlyInput(call)]);
  },
};

export const normalizations: Record<string, LayerKind> = {
  BatchNormalization: batchNormalization,
  SyncBatchNormalization: batchNormalization,
  LayerNormalization: layerNormalization,
  RMSNormalization: rmsNormalization,
  UnitNormalization: unitNormalization,
  GroupNormalization: groupNormalization,
  Normalization: normalization,
  SpectralNormalization: spectralNormalization,
};
