/**
 * What convolutions and poolings share: windows over the axes between batch and channels, their padding,
 * and the layout that they work in.
 */

import type { Attributes } from '../../../onnx/graph-data.ts';
import type { Size, Value } from '../../import-graph.ts';
import type { Window } from '../../padding.ts';
import { latePads, onnxPads, placesOf, samePads } from '../../padding.ts';
import { UnsupportedModelError } from '../../problems.ts';
import type { LayerCall } from '../layer-kind.ts';

/** A value with channels second in memory, and the names of its axes in Keras' order. */
export interface Spatial {
  readonly value: Value;
  readonly batch: Size;
  readonly channels: Size;
  /** Sizes between batch and channels. */
  readonly sizes: readonly Size[];
  readonly channelsLast: boolean;
}

export function spatialOf(call: LayerCall, value: Value, rank: number): Spatial {
  const { config, graph, layer } = call;
  const channelsLast = config.text('data_format', 'channels_last') !== 'channels_first';
  if (value.shape.length !== rank + 2) {
    throw new UnsupportedModelError(
      layer.place,
      `its input has the shape [${value.shape.map((size) => size ?? '?').join(', ')}]`,
      `${rank + 2} axes are expected`,
    );
  }
  const inMemory = channelsLast ? graph.toChannelsFirst(value) : graph.toSource(value);
  const [batch = null, ...rest] = value.shape;
  const channels = (channelsLast ? rest.at(-1) : rest[0]) ?? null;
  const sizes = channelsLast ? rest.slice(0, -1) : rest.slice(1);
  return { value: inMemory, batch, channels, sizes, channelsLast };
}

/** The shape and layout of a result with other channels and sizes. */
export function madeOf(
  { batch, channelsLast }: Spatial,
  channels: Size,
  sizes: readonly Size[],
): { shape: Size[]; layout: Value['layout'] } {
  return channelsLast
    ? { shape: [batch, ...sizes, channels], layout: 'channels-first' }
    : { shape: [batch, channels, ...sizes], layout: 'source' };
}

export interface Padding {
  readonly attributes: Attributes;
  readonly sizes: readonly Size[];
}

/** ONNX's padding attributes for `valid`, `same` and `causal`, and the sizes that come out. */
export function paddingOf(
  call: LayerCall,
  sizes: readonly Size[],
  windows: readonly Window[],
): Padding {
  const padding = call.config.text('padding', 'valid').toLowerCase();
  if (padding === 'valid') {
    return { attributes: {}, sizes: sizes.map((size, i) => placesOf(size, windows[i] as Window)) };
  }
  if (padding === 'causal') return causal(sizes, windows);
  if (padding !== 'same') throw call.config.fail('padding', 'valid, same or causal');
  const out = sizes.map((size, i) =>
    size === null ? null : Math.ceil(size / (windows[i] as Window).stride),
  );
  const pads = sizes.map((size, i) => samePads(size, windows[i] as Window));
  if (pads.some((pad) => pad === undefined)) {
    const attributes = latePads(windows, (what, supported) => {
      throw new UnsupportedModelError(call.layer.place, what, supported);
    });
    return { attributes, sizes: out };
  }
  return { attributes: { pads: onnxPads(pads as [number, number][]) }, sizes: out };
}

function causal(sizes: readonly Size[], windows: readonly Window[]): Padding {
  const pads = windows.map(({ size, dilation }): [number, number] => [dilation * (size - 1), 0]);
  const out = sizes.map((size, i) =>
    size === null ? null : placesOf(size + (pads[i]?.[0] ?? 0), windows[i] as Window),
  );
  return { attributes: { pads: onnxPads(pads) }, sizes: out };
}
