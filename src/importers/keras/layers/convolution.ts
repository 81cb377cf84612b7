/**
 * Convolutions: plain, depthwise, separable, transposed; in one to three dimensions.
 * Source: keras/src/layers/convolutional/base_conv.py and its neighbours (3.15).
 */

import type { Size, Value } from '../../import-graph.ts';
import type { Window } from '../../padding.ts';
import { onnxPads } from '../../padding.ts';
import { InvalidModelError, UnsupportedModelError } from '../../problems.ts';
import type { Weight } from '../../weight.ts';
import { permuteWeight, reshapeWeight } from '../../weight.ts';
import type { Config } from '../config.ts';
import type { LayerCall, LayerKind } from '../layer-kind.ts';
import { slots } from '../layer-kind.ts';
import { activate, onlyInput, requireShape } from './call-parts.ts';
import { madeOf, paddingOf, spatialOf } from './window.ts';

const usesBias = (config: Config): 'bias' | false => config.bool('use_bias', true) && 'bias';

function windowsOf({ config }: LayerCall, rank: number): Window[] {
  const kernel = config.sizes('kernel_size', rank);
  const strides = config.sizes('strides', rank, 1);
  const dilations = config.sizes('dilation_rate', rank, 1);
  return kernel.map((size, i) => ({
    size,
    stride: strides[i] as number,
    dilation: dilations[i] as number,
  }));
}

/** A convolution directly behind explicit zeros pads them itself. */
function takePadding(
  call: LayerCall,
  value: Value,
  rank: number,
): { value: Value; pads?: [number, number][] } {
  const { padded } = value;
  if (!padded || call.config.text('padding', 'valid') !== 'valid') return { value };
  const channelsLast = call.config.text('data_format', 'channels_last') !== 'channels_first';
  const all = padded.from.shape.map((_, i): [number, number] => {
    const [begin, end] = padded.pads[i] ?? [0, 0];
    return [begin, end];
  });
  const spatial = channelsLast ? all.slice(1, rank + 1) : all.slice(2);
  const others = channelsLast ? [all[0], all[rank + 1]] : all.slice(0, 2);
  const fits = others.every((pad) => pad?.[0] === 0 && pad[1] === 0);
  return fits ? { value: padded.from, pads: spatial } : { value };
}

interface Convolution {
  readonly kernel: Weight;
  readonly groups: number;
  readonly filters: number;
  readonly windows: readonly Window[];
  readonly bias: Weight | undefined;
}

function convolve(call: LayerCall, input: Value, rank: number, conv: Convolution): Value {
  const { graph, layer } = call;
  const taken = takePadding(call, input, rank);
  const spatial = spatialOf(call, taken.value, rank);
  const before = spatial.sizes.map((size, i) =>
    size === null ? null : size + sum(taken.pads?.[i] ?? [0, 0]),
  );
  const padding = paddingOf(call, before, conv.windows);
  const attributes = {
    kernel_shape: conv.windows.map(({ size }) => size),
    strides: conv.windows.map(({ stride }) => stride),
    dilations: conv.windows.map(({ dilation }) => dilation),
    group: conv.groups,
    ...(taken.pads ? { pads: onnxPads(taken.pads) } : padding.attributes),
  };
  const weights = [graph.weight(`${layer.name}/kernel`, conv.kernel)];
  if (conv.bias) weights.push(graph.weight(`${layer.name}/bias`, conv.bias));
  const made = madeOf(spatial, conv.filters, padding.sizes);
  return graph.apply('Conv', [spatial.value, ...weights], made, attributes);
}

const sum = ([a, b]: readonly [number, number]): number => a + b;

function biasOf(call: LayerCall, filters: number): Weight | undefined {
  if (!call.config.bool('use_bias', true)) return undefined;
  return requireShape(call.weights.get('bias'), [filters]);
}

function channelsOf(call: LayerCall, value: Value): number {
  const last = call.config.text('data_format', 'channels_last') !== 'channels_first';
  const channels = last ? value.shape.at(-1) : value.shape[1];
  if (typeof channels === 'number') return channels;
  throw new InvalidModelError(call.layer.place, 'the number of channels of its input is not known');
}

/** [...k, in/groups, filters] → [filters, in/groups, ...k]. */
const outFirst = (rank: number): number[] => [
  rank + 1,
  rank,
  ...Array.from({ length: rank }, (_, i) => i),
];

function convKind(rank: number): LayerKind {
  return {
    weights: (config) => slots('kernel', usesBias(config)),
    convert(call) {
      const input = onlyInput(call);
      const { config } = call;
      const filters = config.int('filters');
      const groups = config.int('groups', 1);
      const windows = windowsOf(call, rank);
      const channels = channelsOf(call, input);
      const shape = [...windows.map(({ size }) => size), channels / groups, filters];
      const kernel = permuteWeight(requireShape(call.weights.get('kernel'), shape), outFirst(rank));
      const bias = biasOf(call, filters);
      return activate(
        call,
        convolve(call, input, rank, { kernel, groups, filters, windows, bias }),
      );
    },
  };
}

/** [...k, C, M] → [C·M, 1, ...k]. */
function depthwiseKernel(
  call: LayerCall,
  slot: string,
  windows: readonly Window[],
  channels: number,
): Weight {
  const rank = windows.length;
  const multiplier = call.config.int('depth_multiplier', 1);
  const sizes = windows.map(({ size }) => size);
  const weight = requireShape(call.weights.get(slot), [...sizes, channels, multiplier]);
  const order = [rank, rank + 1, ...Array.from({ length: rank }, (_, i) => i)];
  return reshapeWeight(permuteWeight(weight, order), [channels * multiplier, 1, ...sizes]);
}

function depthwiseKind(rank: number): LayerKind {
  return {
    // Keras 2 calls the kernel depthwise_kernel; its place in the list is the same.
    weights: (config) => slots('kernel', usesBias(config)),
    convert(call) {
      const input = onlyInput(call);
      const windows = windowsOf(call, rank);
      const channels = channelsOf(call, input);
      const kernel = depthwiseKernel(call, 'kernel', windows, channels);
      const filters = kernel.shape[0] as number;
      const bias = biasOf(call, filters);
      const conv = { kernel, groups: channels, filters, windows, bias };
      return activate(call, convolve(call, input, rank, conv));
    },
  };
}

function separableKind(rank: number): LayerKind {
  return {
    weights: (config) => slots('depthwise_kernel', 'pointwise_kernel', usesBias(config)),
    convert(call) {
      const input = onlyInput(call);
      const windows = windowsOf(call, rank);
      const channels = channelsOf(call, input);
      const filters = call.config.int('filters');
      const depthwise = depthwiseKernel(call, 'depthwise_kernel', windows, channels);
      const between = depthwise.shape[0] as number;
      const first = convolve(call, input, rank, {
        kernel: depthwise,
        groups: channels,
        filters: between,
        windows,
        bias: undefined,
      });
      const ones = windows.map(() => 1);
      const pointwise = requireShape(call.weights.get('pointwise_kernel'), [
        ...ones,
        between,
        filters,
      ]);
      const kernel = call.graph.weight(
        `${call.layer.name}/pointwise`,
        permuteWeight(pointwise, outFirst(rank)),
      );
      const bias = biasOf(call, filters);
      const weights = bias
        ? [kernel, call.graph.weight(`${call.layer.name}/bias`, bias)]
        : [kernel];
      const spatial = spatialOf(call, first, rank);
      const made = madeOf(spatial, filters, spatial.sizes);
      const attributes = { kernel_shape: ones };
      return activate(
        call,
        call.graph.apply('Conv', [spatial.value, ...weights], made, attributes),
      );
    },
  };
}

/**
 * What a transposed convolution adds to or cuts from (n-1)·stride + reach, so that Keras' length comes
 * out: `same` is n·stride, `valid` is n·stride + max(reach - stride, 0), unless `output_padding` is given.
 */
function transposedLength(
  padding: string,
  { size, stride, dilation }: Window,
  outputPadding: number | undefined,
): { cut: number; length: (n: Size) => Size } {
  const reach = dilation * (size - 1) + 1;
  const extra =
    outputPadding === undefined
      ? padding === 'same'
        ? 0
        : Math.max(reach - stride, 0)
      : reach - stride - 2 * (padding === 'same' ? Math.floor(reach / 2) : 0) + outputPadding;
  return {
    cut: reach - stride - extra,
    length: (n) => (n === null ? null : n * stride + extra),
  };
}

function transposedKind(rank: number): LayerKind {
  return {
    weights: (config) => slots('kernel', usesBias(config)),
    convert(call) {
      const { config, graph, layer } = call;
      const spatial = spatialOf(call, onlyInput(call), rank);
      const filters = config.int('filters');
      const windows = windowsOf(call, rank);
      const padding = config.text('padding', 'valid');
      const given = config.has('output_padding') ? config.ints('output_padding', rank) : [];
      const lengths = windows.map((window, i) => transposedLength(padding, window, given[i]));
      const pads = lengths.map(({ cut }): [number, number] =>
        cut > 0 ? [Math.floor(cut / 2), Math.ceil(cut / 2)] : [0, 0],
      );
      const groups = config.int('groups', 1);
      if (groups !== 1) {
        throw new UnsupportedModelError(
          layer.place,
          `${groups} groups are not supported`,
          'one group is',
        );
      }
      const shape = [...windows.map(({ size }) => size), filters, spatial.channels as number];
      const kernel = permuteWeight(requireShape(call.weights.get('kernel'), shape), outFirst(rank));
      const weights = [graph.weight(`${layer.name}/kernel`, kernel)];
      const bias = biasOf(call, filters);
      if (bias) weights.push(graph.weight(`${layer.name}/bias`, bias));
      const sizes = spatial.sizes.map((size, i) => lengths[i]?.length(size) ?? null);
      const made = madeOf(spatial, filters, sizes);
      const result = graph.apply('ConvTranspose', [spatial.value, ...weights], made, {
        kernel_shape: windows.map(({ size }) => size),
        strides: windows.map(({ stride }) => stride),
        dilations: windows.map(({ dilation }) => dilation),
        pads: onnxPads(pads),
        output_padding: lengths.map(({ cut }) => Math.max(-cut, 0)),
      });
      return activate(call, result);
    },
  };
}

export const convolutions: Record<string, LayerKind> = {
  Conv1D: convKind(1),
  Conv2D: convKind(2),
  Conv3D: convKind(3),
  Convolution1D: convKind(1),
  Convolution2D: convKind(2),
  Convolution3D: convKind(3),
  DepthwiseConv1D: depthwiseKind(1),
  DepthwiseConv2D: depthwiseKind(2),
  SeparableConv1D: separableKind(1),
  SeparableConv2D: separableKind(2),
  Conv1DTranspose: transposedKind(1),
  Conv2DTranspose: transposedKind(2),
  Conv3DTranspose: transposedKind(3),
};
