/** Convolutions over one to three axes, separable ones, and those that enlarge. */

import type { Value } from '../../import-graph.ts';
import { samePads } from '../../padding.ts';
import type { Emitter } from '../emitter.ts';
import type { Handler, Handlers } from '../evaluate/context.ts';
import type { Operation } from '../evaluate/operation.ts';
import type { Dim, Known } from '../values.ts';
import { keyOf, sizeOf } from '../values.ts';
import { dimsOf, known, sizeList } from './arguments.ts';
import { asTensor } from './broadcast.ts';
import { combineSizes, multiplySizes } from './reductions.ts';
import { asNamed, channelsLast, planWindows, spatial } from './windows.ts';

/** Filters in another order of axes: when they are written, or at run time if they are computed. */
function turnFilter(
  emitter: Emitter,
  filter: Known,
  order: readonly number[],
  reshaped?: readonly number[],
): Value {
  if (filter.kind === 'constant') return emitter.permuted(filter, order, reshaped);
  const dims = dimsOf(filter);
  const turned = emitter.apply(
    'Transpose',
    [emitter.useSource(filter)],
    { type: filter.type, dims: order.map((axis) => dims[axis] as Dim) },
    { perm: order },
  );
  if (!reshaped) return turned.value;
  return emitter.graph.reshape(turned.value, reshaped);
}

function filterSizes(operation: Operation, filter: Known): number[] {
  const sizes = dimsOf(filter).map(sizeOf);
  if (sizes.includes(null)) return operation.refuse('its filter is of open size');
  return sizes as number[];
}

/** [.., in / groups, out] becomes [out, in / groups, ..]. */
const convolution: Handler = (operation, inputs, { emitter }) => {
  const named = asTensor(emitter, known(operation, inputs, 0));
  const tensor = channelsLast(operation, emitter, named);
  const filter = known(operation, inputs, 1);
  const sizes = filterSizes(operation, filter);
  const rank = tensor.dims.length;
  const kernel = sizes.slice(0, rank - 2);
  const windows = {
    kernel,
    strides: spatial(operation, 'strides', rank),
    dilations: spatial(operation, 'dilations', rank),
  };
  const plan = planWindows(operation, emitter, tensor, windows, true);
  const order = [rank - 1, rank - 2, ...kernel.map((_, i) => i)];
  const channels = tensor.dims.at(-1);
  const group = typeof channels === 'number' ? channels / (sizes[rank - 2] as number) : 1;
  if (!Number.isInteger(group))
    operation.refuse(`its filter takes ${sizes[rank - 2]} channels of ${String(channels)}`);
  const dims = [tensor.dims[0] as Dim, ...plan.places, sizes[rank - 1] as number];
  const made = { type: tensor.type, dims, layout: 'channels-first' as const };
  const result = emitter.apply('Conv', [plan.value, turnFilter(emitter, filter, order)], made, {
    ...plan.attributes,
    group,
  });
  return asNamed(operation, emitter, result);
};

/** [H, W, C, M]: each channel has M filters of its own. */
const depthwise: Handler = (operation, inputs, { emitter }) => {
  const named = asTensor(emitter, known(operation, inputs, 0));
  const tensor = channelsLast(operation, emitter, named);
  const filter = known(operation, inputs, 1);
  const [height = 1, width = 1, channels = 1, multiplier = 1] = filterSizes(operation, filter);
  const windows = {
    kernel: [height, width],
    strides: spatial(operation, 'strides', 4),
    dilations: spatial(operation, 'dilations', 4),
  };
  const plan = planWindows(operation, emitter, tensor, windows, true);
  const out = channels * multiplier;
  const weights = turnFilter(emitter, filter, [2, 3, 0, 1], [out, 1, height, width]);
  const dims = [tensor.dims[0] as Dim, ...plan.places, out];
  const made = { type: tensor.type, dims, layout: 'channels-first' as const };
  const result = emitter.apply('Conv', [plan.value, weights], made, {
    ...plan.attributes,
    group: channels,
  });
  return asNamed(operation, emitter, result);
};

/** The filter is [.., out, in]; the padding is that of the convolution whose gradient this is. */
const transposed: Handler = (operation, inputs, { emitter }) => {
  const named = asTensor(emitter, known(operation, inputs, 2));
  const tensor = channelsLast(operation, emitter, named);
  const filter = known(operation, inputs, 1);
  const sizes = filterSizes(operation, filter);
  const rank = tensor.dims.length;
  const kernel = sizes.slice(0, rank - 2);
  const strides = spatial(operation, 'strides', rank);
  const dilations = spatial(operation, 'dilations', rank);
  const target = sizeList(known(operation, inputs, 0));
  const offset = target?.length === rank ? 1 : 0;
  const axes = kernel.map((size, i) => {
    const wanted = target?.[i + offset];
    const window = { size, stride: strides[i] ?? 1, dilation: dilations[i] ?? 1 };
    return enlarge(operation, tensor.dims[i + 1] as Dim, wanted, window);
  });
  const order = [rank - 1, rank - 2, ...kernel.map((_, i) => i)];
  const weights = turnFilter(emitter, filter, order);
  const attributes = {
    kernel_shape: kernel,
    strides,
    dilations,
    pads: [...axes.map(({ before }) => before), ...axes.map(({ after }) => after)],
    output_padding: axes.map(({ extra }) => extra),
  };
  const dims = [
    tensor.dims[0] as Dim,
    ...axes.map(({ places }) => places),
    sizes[rank - 2] as number,
  ];
  const value = emitter.graph.toChannelsFirst(tensor.value);
  const made = { type: tensor.type, dims, layout: 'channels-first' as const };
  const result = emitter.apply('ConvTranspose', [value, weights], made, attributes);
  return asNamed(operation, emitter, result);
};

interface Enlarged {
  readonly before: number;
  readonly after: number;
  readonly extra: number;
  readonly places: Dim | null;
}

/** One axis. Where the size is open, the target must be what Keras asks for: `size * stride`, and so on. */
function enlarge(
  operation: Operation,
  from: Dim,
  target: Dim | undefined,
  window: { readonly size: number; readonly stride: number; readonly dilation: number },
): Enlarged {
  const { size, stride, dilation } = window;
  const reach = dilation * (size - 1) + 1;
  const isSame = operation.text('padding', 'VALID') === 'SAME';
  if (typeof from !== 'number' || typeof target !== 'number') {
    const asked = target === undefined ? '' : keyOf(target);
    const usual = usualTarget(from, stride, isSame ? 0 : Math.max(reach - stride, 0));
    if (asked !== '' && asked !== usual) {
      operation.refuse('its output size is open and not its input size times its stride');
    }
    const total = isSame ? reach - stride : Math.min(reach - stride, 0);
    const before = Math.max(Math.floor(total / 2), 0);
    return {
      before,
      after: Math.max(total, 0) - before,
      extra: Math.max(-total, 0),
      places: target ?? null,
    };
  }
  const full = (from - 1) * stride + reach;
  const before = isSame ? (samePads(target, window)?.[0] ?? 0) : 0;
  const after = full - before - target;
  return { before, after: Math.max(after, 0), extra: Math.max(-after, 0), places: target };
}

/** What Keras asks for, as the name of a size. */
function usualTarget(from: Dim, stride: number, more: number): string {
  const scaled = multiplySizes(from, stride);
  return keyOf(more === 0 ? scaled : combineSizes('Add', scaled, more));
}

export const convolutionHandlers: Handlers = {
  Conv2D: convolution,
  Conv3D: convolution,
  DepthwiseConv2dNative: depthwise,
  Conv2DBackpropInput: transposed,
  Conv3DBackpropInputV2: transposed,
};
