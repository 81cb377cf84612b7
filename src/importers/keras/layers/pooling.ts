/**
 * Poolings: windows, and over all places.
 * Source: keras/src/layers/pooling/ (3.15); TensorFlow's average does not count padding.
 */

import { binary } from '../../elementwise.ts';
import type { Value } from '../../import-graph.ts';
import { UnsupportedModelError } from '../../problems.ts';
import { reduce } from '../../reduce.ts';
import type { LayerCall, LayerKind } from '../layer-kind.ts';
import { isValue } from '../layer-kind.ts';
import { unsqueeze } from './attention-parts.ts';
import { onlyInput } from './call-parts.ts';
import { madeOf, paddingOf, spatialOf } from './window.ts';

function poolKind(op: 'MaxPool' | 'AveragePool', rank: number): LayerKind {
  return {
    convert(call) {
      const { config, graph } = call;
      const spatial = spatialOf(call, onlyInput(call), rank);
      const pool = config.sizes('pool_size', rank, 2);
      const strides = config.has('strides') ? config.sizes('strides', rank) : pool;
      const windows = pool.map((size, i) => ({ size, stride: strides[i] as number, dilation: 1 }));
      const padding = paddingOf(call, spatial.sizes, windows);
      const made = madeOf(spatial, spatial.channels, padding.sizes);
      return graph.apply(op, [spatial.value], made, {
        kernel_shape: pool,
        strides,
        ...padding.attributes,
      });
    },
  };
}

const placesAxes = ({ config }: LayerCall, rank: number): number[] => {
  const first = config.text('data_format', 'channels_last') === 'channels_first' ? 2 : 1;
  return Array.from({ length: rank }, (_, i) => first + i);
};

function globalKind(op: 'ReduceMean' | 'ReduceMax', rank: number): LayerKind {
  return {
    convert(call) {
      const input = onlyInput(call);
      spatialRank(call, input, rank);
      const keep = call.config.bool('keepdims', false);
      const given = call.kwargs.mask;
      const mask = isValue(given) ? given : call.maskOf(input);
      const axes = placesAxes(call, rank);
      const [steps = 1] = axes;
      if (mask && op === 'ReduceMean') return maskedMean(call, input, mask, steps, keep);
      if (op === 'ReduceMean' && input.layout === 'channels-first' && steps === 1) {
        return globalAverage(call, input, keep);
      }
      return reduce(call.graph, op, input, axes, keep);
    },
  };
}

function spatialRank({ layer }: LayerCall, { shape }: Value, rank: number): void {
  if (shape.length === rank + 2) return;
  throw new UnsupportedModelError(
    layer.place,
    `its input has ${shape.length} axes`,
    `${rank + 2} are expected`,
  );
}

/** ONNX Runtime has a faster kernel for this than for the mean over two axes. */
function globalAverage({ graph }: LayerCall, input: Value, keep: boolean): Value {
  const [batch = null, ...rest] = input.shape;
  const channels = rest.at(-1) ?? null;
  const kept = [batch, ...rest.slice(0, -1).map(() => 1), channels];
  const mean = graph.apply('GlobalAveragePool', [input], { shape: kept, layout: 'channels-first' });
  if (keep) return mean;
  return graph.apply('Flatten', [mean], { shape: [batch, channels] }, { axis: 1 });
}

/** The mean over the steps (axis 1 or 2) that count: sum(x·m) / sum(m). */
function maskedMean(
  call: LayerCall,
  input: Value,
  mask: Value,
  steps: number,
  keep: boolean,
): Value {
  const { graph } = call;
  const x = graph.toSource(input);
  const weights = unsqueeze(graph, graph.cast(mask, 'FP32'), steps === 1 ? 2 : 1);
  const total = reduce(graph, 'ReduceSum', binary(graph, 'Mul', x, weights), [steps], keep);
  return binary(graph, 'Div', total, reduce(graph, 'ReduceSum', weights, [steps], keep));
}

/**
 * Adaptive pooling over an axis of known size n to m places: place i is over
 * [floor(i·n/m), ceil((i+1)·n/m)). Even ones are an ordinary pooling.
 */
function adaptiveKind(op: 'MaxPool' | 'AveragePool', rank: number): LayerKind {
  return {
    convert(call) {
      const { config, graph, layer } = call;
      const spatial = spatialOf(call, onlyInput(call), rank);
      const wanted = config.sizes('output_size', rank);
      const isEven = spatial.sizes.every((n, i) => n !== null && n % (wanted[i] as number) === 0);
      if (!isEven) {
        throw new UnsupportedModelError(
          layer.place,
          `sizes [${spatial.sizes.map((n) => n ?? '?')}] pooled to [${wanted}] are not supported`,
          'sizes that are a multiple of output_size are',
        );
      }
      const pool = spatial.sizes.map((n, i) => (n as number) / (wanted[i] as number));
      const made = madeOf(spatial, spatial.channels, wanted);
      return graph.apply(op, [spatial.value], made, { kernel_shape: pool, strides: pool });
    },
  };
}

const names = ['1D', '2D', '3D'];

export const poolings: Record<string, LayerKind> = Object.fromEntries(
  names.flatMap((name, i) => [
    [`MaxPooling${name}`, poolKind('MaxPool', i + 1)],
    [`AveragePooling${name}`, poolKind('AveragePool', i + 1)],
    [`GlobalMaxPooling${name}`, globalKind('ReduceMax', i + 1)],
    [
      `GlobalAveragePooling${name}`,
      { ...globalKind('ReduceMean', i + 1), mask: 'drop' } satisfies LayerKind,
    ],
    [`AdaptiveMaxPooling${name}`, adaptiveKind('MaxPool', i + 1)],
    [`AdaptiveAveragePooling${name}`, adaptiveKind('AveragePool', i + 1)],
  ]),
);
