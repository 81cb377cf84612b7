/**
 * Padding, cropping, enlarging and resizing.
 * Source: keras/src/layers/reshaping/, keras/src/layers/preprocessing/image_preprocessing/ (3.15).
 */

import { withNumber } from '../../elementwise.ts';
import type { ImportGraph, Size, Value } from '../../import-graph.ts';
import { padConstant } from '../../padding.ts';
import { InvalidModelError, UnsupportedModelError } from '../../problems.ts';
import type { ResizeOptions } from '../../resize.ts';
import { enlarge, resizeTo } from '../../resize.ts';
import type { ResizeMethod } from '../../resize-matrix.ts';
import type { Config } from '../config.ts';
import { isList, plain } from '../config.ts';
import type { LayerCall, LayerKind } from '../layer-kind.ts';
import { onlyInput } from './call-parts.ts';
import { alongAxis } from './normalization.ts';

const isFirst = (config: Config): boolean =>
  config.text('data_format', 'channels_last') === 'channels_first';

/** The axes between batch and channels. */
const placeAxes = (config: Config, rank: number): number[] =>
  Array.from({ length: rank }, (_, i) => i + (isFirst(config) ? 2 : 1));

/** `1`, `[1, 2]` or `[[1, 1], [2, 2]]`: for each axis what is before and after. */
function sides(config: Config, key: string, rank: number): [number, number][] {
  const value = plain(config.get(key)) ?? 1;
  const pair = (item: unknown): [number, number] => {
    const list = plain(item as never);
    const both = isList(list) ? list : [list, list];
    const [before, after] = both;
    if (both.length !== 2 || !isCount(before) || !isCount(after)) {
      throw config.fail(key, 'whole numbers of at least 0');
    }
    return [before, after];
  };
  if (!isList(value)) return Array.from({ length: rank }, () => pair(value));
  // One dimension: [before, after] is already the pair.
  if (rank === 1) return [pair(value)];
  if (value.length !== rank) throw config.fail(key, `${rank} entries`);
  return value.map(pair);
}

const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0;

const zeroPadding = (rank: number): LayerKind => ({
  convert(call) {
    const { config, graph } = call;
    const input = onlyInput(call);
    const given = sides(config, 'padding', rank);
    const axes = placeAxes(config, rank);
    const pads = input.shape.map(
      (_, axis): [number, number] => given[axes.indexOf(axis)] ?? [0, 0],
    );
    return padConstant(graph, input, pads);
  },
});

const cropping = (rank: number): LayerKind => ({
  convert(call) {
    const { config, graph } = call;
    const input = onlyInput(call);
    const given = sides(config, 'cropping', rank);
    const axes = placeAxes(config, rank);
    refuseNothingLeft(call, input, axes, given);
    const starts = given.map(([before]) => before);
    const ends = given.map(([, after]) => (after === 0 ? Number.MAX_SAFE_INTEGER : -after));
    return slice(graph, input, { axes, starts, ends });
  },
});

/** As Keras, which leaves at least one place along each axis. */
function refuseNothingLeft(
  { layer }: LayerCall,
  { shape }: Value,
  axes: readonly number[],
  cuts: readonly (readonly [number, number])[],
): void {
  for (const [i, axis] of axes.entries()) {
    const size = shape[axis] ?? null;
    const [before, after] = cuts[i] ?? [0, 0];
    if (size === null || before + after < size) continue;
    throw new InvalidModelError(
      layer.place,
      `its cropping is [${before}, ${after}] along axis ${axis} of its input, which has the size ${size}; nothing would be left`,
    );
  }
}

export interface Range {
  readonly axes: readonly number[];
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  readonly steps?: readonly number[];
}

/** A part of a value along axes of the source; negative numbers count from the end. */
export function slice(graph: ImportGraph, value: Value, range: Range): Value {
  const { axes, starts, ends, steps = axes.map(() => 1) } = range;
  const inMemory = axes.map((axis) => graph.memoryAxis(value, axis));
  const shape = value.shape.map((size, axis): Size => {
    const i = axes.indexOf(axis);
    if (i === -1 || size === null) return size;
    return lengthOf(size, starts[i] as number, ends[i] as number, steps[i] as number);
  });
  const lists = [starts, ends, inMemory, steps].map((list) => graph.ints(list));
  const { dtype, layout } = value;
  return graph.apply('Slice', [value, ...lists], { dtype, shape, layout });
}

function lengthOf(size: number, start: number, end: number, step: number): number {
  const at = (index: number): number => (index < 0 ? index + size : index);
  const low = step > 0 ? 0 : -1;
  const high = step > 0 ? size : size - 1;
  const from = Math.min(Math.max(at(start), low), high);
  const to = end < -size ? low : Math.min(Math.max(at(end), low), high);
  return Math.max(0, Math.ceil((to - from) / step));
}

function optionsOf({ config, layer }: LayerCall, fallback: ResizeMethod): ResizeOptions {
  const name = config.text('interpolation', fallback).toLowerCase();
  if (!isMethod(name)) {
    throw new UnsupportedModelError(
      layer.place,
      `the interpolation ${name} is not supported`,
      `supported: ${methods.join(', ')}`,
    );
  }
  const antialias = config.bool('antialias', false);
  return { method: name, antialias, channelsLast: !isFirst(config) };
}

const methods = ['nearest', 'bilinear', 'bicubic'] as const;
const isMethod = (name: string): name is ResizeMethod => methods.includes(name as ResizeMethod);

const upSampling = (rank: number): LayerKind => ({
  convert(call) {
    const factors = call.config.sizes('size', rank, 2);
    const options =
      rank === 2
        ? optionsOf(call, 'nearest')
        : { method: 'nearest' as const, channelsLast: !isFirst(call.config) };
    return enlarge(call.graph, onlyInput(call), factors, options);
  },
});

const resizing: LayerKind = {
  convert(call) {
    const { config, graph } = call;
    const input = onlyInput(call);
    const sizes = [config.int('height'), config.int('width')];
    const options = optionsOf(call, 'bilinear');
    if (config.bool('pad_to_aspect_ratio', false)) {
      return resizeTo(graph, padToRatio(call, input, sizes), sizes, options);
    }
    const cut = config.bool('crop_to_aspect_ratio', false)
      ? cropToRatio(call, input, sizes)
      : input;
    return resizeTo(graph, cut, sizes, options);
  },
};

function placesOf(call: LayerCall, input: Value): [number, number] {
  const [h, w] = placeAxes(call.config, 2).map((axis) => input.shape[axis]);
  if (typeof h === 'number' && typeof w === 'number') return [h, w];
  throw new UnsupportedModelError(
    call.layer.place,
    'it depends on a size that is open',
    'give the model a fixed input size',
  );
}

/** The largest part in the middle that has the target's ratio of sides. */
function cropToRatio(call: LayerCall, input: Value, [height, width]: readonly number[]): Value {
  const [h, w] = placesOf(call, input);
  const ratio = [height as number, width as number] as const;
  const cropH = Math.max(Math.min(h, Math.trunc((w * ratio[0]) / ratio[1])), 1);
  const cropW = Math.max(Math.min(w, Math.trunc((h * ratio[1]) / ratio[0])), 1);
  const starts = [Math.trunc((h - cropH) / 2), Math.trunc((w - cropW) / 2)];
  const ends = [(starts[0] as number) + cropH, (starts[1] as number) + cropW];
  return slice(call.graph, input, { axes: placeAxes(call.config, 2), starts, ends });
}

/** Padded to the target's ratio of sides. */
function padToRatio(call: LayerCall, input: Value, sizes: readonly number[]): Value {
  const { config, graph } = call;
  const [h, w] = placesOf(call, input);
  const [height, width] = sizes as [number, number];
  const padH = Math.max(h, Math.trunc((w * height) / width));
  const padW = Math.max(w, Math.trunc((h * width) / height));
  const before = [Math.trunc((padH - h) / 2), Math.trunc((padW - w) / 2)];
  const axes = placeAxes(config, 2);
  const pads = input.shape.map((_, axis): [number, number] => {
    const i = axes.indexOf(axis);
    if (i === -1) return [0, 0];
    const [size, wanted] = i === 0 ? [h, padH] : [w, padW];
    const start = before[i] as number;
    return [start, wanted - size - start];
  });
  return padConstant(graph, input, pads, config.number('fill_value', 0));
}

const centerCrop: LayerKind = {
  convert(call) {
    const { config, graph } = call;
    const input = graph.cast(onlyInput(call), 'FP32');
    const [h, w] = placesOf(call, input);
    const [height, width] = [config.int('height'), config.int('width')];
    if (h < height || w < width) {
      return resizeTo(graph, cropToRatio(call, input, [height, width]), [height, width], {
        method: 'bilinear',
        channelsLast: !isFirst(config),
      });
    }
    const starts = [Math.floor((h - height) / 2), Math.floor((w - width) / 2)];
    const ends = [(starts[0] as number) + height, (starts[1] as number) + width];
    return slice(graph, input, { axes: placeAxes(config, 2), starts, ends });
  },
};

/** x · scale + offset; either may be a list over the last axis. */
const rescaling: LayerKind = {
  mask: 'keep',
  convert(call) {
    const { config, graph, layer } = call;
    const input = graph.cast(onlyInput(call), 'FP32');
    const apply = (value: Value, op: string, key: string, neutral: number): Value => {
      const given = plain(config.get(key));
      if (!isList(given)) {
        const number = config.number(key, neutral);
        return number === neutral ? value : withNumber(graph, op, value, number);
      }
      const values = given.map((item) => Number(item));
      const axis = input.shape.length - 1;
      if (values.some(Number.isNaN))
        throw new InvalidModelError(layer.place, `its ${key} is no list of numbers`);
      const weight = {
        place: layer.place,
        shape: [values.length],
        read: () => Float32Array.from(values),
      };
      const along = alongAxis(call, layer.name, weight, input, axis);
      return graph.apply(op, [value, along], { shape: value.shape, layout: value.layout });
    };
    return apply(apply(input, 'Mul', 'scale', 1), 'Add', 'offset', 0);
  },
};

/** Augmentations do nothing at inference. */
const unchanged: LayerKind = { convert: (call) => call.graph.cast(onlyInput(call), 'FP32') };

const augmentations = [
  'RandomFlip',
  'RandomRotation',
  'RandomZoom',
  'RandomTranslation',
  'RandomContrast',
  'RandomBrightness',
  'RandomHue',
  'RandomSaturation',
  'RandomGrayscale',
  'RandomColorJitter',
  'RandomColorDegeneration',
  'RandomPosterization',
  'RandomSharpness',
  'RandomShear',
  'RandomInvert',
  'RandomGaussianBlur',
  'RandomPerspective',
  'RandomErasing',
  'RandomElasticTransform',
  'Solarization',
  'RandAugment',
  'AugMix',
  'MixUp',
  'CutMix',
];

export const resizings: Record<string, LayerKind> = {
  ZeroPadding1D: zeroPadding(1),
  ZeroPadding2D: zeroPadding(2),
  ZeroPadding3D: zeroPadding(3),
  Cropping1D: cropping(1),
  Cropping2D: cropping(2),
  Cropping3D: cropping(3),
  UpSampling1D: upSampling(1),
  UpSampling2D: upSampling(2),
  UpSampling3D: upSampling(3),
  Resizing: resizing,
  CenterCrop: centerCrop,
  Rescaling: rescaling,
  ...Object.fromEntries(augmentations.map((name) => [name, unchanged])),
};
