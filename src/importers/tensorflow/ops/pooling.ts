/** Pooling, resizing, and pictures cut into blocks. */

import { float } from '../../../onnx/graph-data.ts';
import { padConstant } from '../../padding.ts';
import { dataType } from '../data-types.ts';
import type { Emitter } from '../emitter.ts';
import type { Handler, Handlers } from '../evaluate/context.ts';
import type { Operation } from '../evaluate/operation.ts';
import type { Dim, Known, Tensor, TfValue } from '../values.ts';
import { intsAt, known, sizeList } from './arguments.ts';
import { castTo } from './arithmetic.ts';
import { asTensor } from './broadcast.ts';
import { resizeBicubic, scaleAndTranslate } from './kernels.ts';
import { sourceTensor } from './parts.ts';
import { multiplySizes } from './reductions.ts';
import { reshapeTensor } from './shapes.ts';
import { planSlice } from './slice-plan.ts';
import { sliceTensor } from './slices.ts';
import { asNamed, channelsLast, isChannelsFirst, planWindows, spatial } from './windows.ts';

/** Padded places never count, neither for a maximum nor for an average. */
const pool =
  (op: 'MaxPool' | 'AveragePool'): Handler =>
  (operation, inputs, { emitter }) => {
    const named = asTensor(emitter, known(operation, inputs, 0));
    const tensor = channelsLast(operation, emitter, named);
    const rank = tensor.dims.length;
    const kernel = spatial(operation, 'ksize', rank);
    const strides = spatial(operation, 'strides', rank);
    const windows = { kernel, strides, dilations: kernel.map(() => 1) };
    const plan = planWindows(operation, emitter, tensor, windows, false);
    const { dilations: _, ...attributes } = plan.attributes;
    const dims = [tensor.dims[0] as Dim, ...plan.places, tensor.dims.at(-1) as Dim];
    const made = { type: tensor.type, dims, layout: 'channels-first' as const };
    return asNamed(operation, emitter, emitter.apply(op, [plan.value], made, attributes));
  };

type ResizeMode = 'nearest' | 'linear' | 'cubic';

/** How output places map to input places: TensorFlow 1's two ways, and TensorFlow 2's. */
function placeOf(operation: Operation): string {
  if (operation.bool('align_corners', false)) return 'align_corners';
  return operation.bool('half_pixel_centers', false) ? 'half_pixel' : 'asymmetric';
}

const resize =
  (mode: ResizeMode): Handler =>
  (operation, inputs, { emitter }) => {
    const input = known(operation, inputs, 0);
    const float32 = mode === 'nearest' ? input : castTo(emitter, input, dataType('float'));
    const tensor = asTensor(emitter, float32);
    const size = sizeList(known(operation, inputs, 1));
    if (!size) return operation.refuse('its size is only known at run time');
    const place = placeOf(operation);
    if (mode === 'cubic') return resizeBicubic(operation, emitter, tensor, size, place);
    const value = emitter.graph.toChannelsFirst(tensor.value);
    const [batch, , , channels] = tensor.dims as [Dim, Dim, Dim, Dim];
    const target = emitter.sizes([batch, channels, ...size]);
    const dims = [batch, ...size, channels];
    const made = { type: tensor.type, dims, layout: 'channels-first' as const };
    return emitter.apply('Resize', [value, '', '', target], made, {
      mode,
      coordinate_transformation_mode: place,
      ...(mode === 'nearest'
        ? { nearest_mode: place === 'asymmetric' ? 'floor' : 'round_prefer_ceil' }
        : {}),
    });
  };

function blockOf(operation: Operation): number {
  if (isChannelsFirst(operation)) operation.refuse('blocks with channels first are not supported');
  return operation.int('block_size', 2);
}

const scaled = (dim: Dim, factor: number): Dim | null =>
  typeof dim === 'number' ? dim * factor : factor === 1 ? dim : null;

/** TensorFlow's order of the new channels is (block row, block column, channel): ONNX's DCR. */
const depthToSpace: Handler = (operation, inputs, { emitter }) => {
  const tensor = asTensor(emitter, known(operation, inputs, 0));
  const block = blockOf(operation);
  const [n, h, w, c] = tensor.dims as [Dim, Dim, Dim, Dim];
  const dims = [n, scaled(h, block), scaled(w, block), scaled(c, 1 / block ** 2)];
  const value = emitter.graph.toChannelsFirst(tensor.value);
  const made = { type: tensor.type, dims, layout: 'channels-first' as const };
  return emitter.apply('DepthToSpace', [value], made, { blocksize: block, mode: 'DCR' });
};

const spaceToDepth: Handler = (operation, inputs, { emitter }) => {
  const tensor = asTensor(emitter, known(operation, inputs, 0));
  const block = blockOf(operation);
  const [n, h, w, c] = tensor.dims as [Dim, Dim, Dim, Dim];
  const dims = [n, scaled(h, 1 / block), scaled(w, 1 / block), scaled(c, block ** 2)];
  const value = emitter.graph.toChannelsFirst(tensor.value);
  const made = { type: tensor.type, dims, layout: 'channels-first' as const };
  return emitter.apply('SpaceToDepth', [value], made, { blocksize: block });
};

/** How older exports write dilated convolutions: rows of every d-th pixel, in the batch. */
const spaceToBatch: Handler = (operation, inputs, { emitter }) => {
  const input = known(operation, inputs, 0);
  const blocks = intsAt(operation, inputs, 1);
  const pads = pairsOf(intsAt(operation, inputs, 2));
  const { source, batch, spatialSizes, rest } = blockParts(operation, emitter, input, blocks, pads);
  const split = spatialSizes.flatMap((size, i) => [size / (blocks[i] ?? 1), blocks[i] ?? 1]);
  const wide = reshapeTensor(
    emitter,
    source,
    [batch, ...split, ...rest],
    [batch, ...split, ...rest],
  );
  const m = blocks.length;
  const perm = [
    ...blocks.map((_, i) => 2 + 2 * i),
    0,
    ...blocks.map((_, i) => 1 + 2 * i),
    ...rest.map((_, i) => 1 + 2 * m + i),
  ];
  const turned = transposeTensor(emitter, wide, perm);
  const all = blocks.reduce((a, b) => a * b, 1);
  const to: Dim[] = [
    multiplySizes(batch, all),
    ...spatialSizes.map((size, i) => size / (blocks[i] ?? 1)),
    ...rest,
  ];
  return reshapeTensor(emitter, turned, [-1, ...to.slice(1)], to);
};

const batchToSpace: Handler = (operation, inputs, { emitter }) => {
  const input = known(operation, inputs, 0);
  const blocks = intsAt(operation, inputs, 1);
  const crops = pairsOf(intsAt(operation, inputs, 2));
  const { source, spatialSizes, rest } = blockParts(operation, emitter, input, blocks, []);
  const all = blocks.reduce((a, b) => a * b, 1);
  const m = blocks.length;
  const [first] = source.dims;
  const inner = typeof first === 'number' ? first / all : null;
  const split: Dim[] = [...blocks, -1, ...spatialSizes, ...rest];
  const wide = reshapeTensor(
    emitter,
    source,
    split,
    split.map((dim) => (dim === -1 ? inner : dim)),
  );
  const perm = [
    m,
    ...blocks.flatMap((_, i) => [m + 1 + i, i]),
    ...rest.map((_, i) => 2 * m + 1 + i),
  ];
  const turned = transposeTensor(emitter, wide, perm);
  const grown = spatialSizes.map((size, i) => size * (blocks[i] ?? 1));
  const to: Dim[] = [turned.dims[0] as Dim, ...grown, ...rest];
  const joined = reshapeTensor(emitter, turned, to, to);
  const begin = [0, ...crops.map(([before]) => before)];
  const end = [0, ...grown.map((size, i) => size - (crops[i]?.[1] ?? 0))];
  const masks = new Map([
    ['begin_mask', { int: 1 }],
    ['end_mask', { int: 1 }],
  ]);
  const asSlice = Object.create(operation, {
    int: { value: (key: string, n: number) => masks.get(key)?.int ?? n },
  });
  const plan = planSlice(
    asSlice,
    joined.dims.map((dim) => (typeof dim === 'number' ? dim : null)),
    begin,
    end,
    begin.map(() => 1),
  );
  return sliceTensor(emitter, joined, plan);
};

const pairsOf = (list: readonly number[]): [number, number][] =>
  Array.from({ length: list.length / 2 }, (_, i) => [list[2 * i] ?? 0, list[2 * i + 1] ?? 0]);

function blockParts(
  operation: Operation,
  emitter: Emitter,
  input: Known,
  blocks: readonly number[],
  pads: readonly (readonly [number, number])[],
): { source: Tensor; batch: Dim; spatialSizes: number[]; rest: Dim[] } {
  const tensor = sourceTensor(emitter, input);
  const m = blocks.length;
  const sizes = tensor.dims.slice(1, m + 1);
  if (sizes.some((dim) => typeof dim !== 'number'))
    operation.refuse('it cuts axes of open size into blocks');
  const all = [[0, 0] as const, ...pads, ...tensor.dims.slice(m + 1).map(() => [0, 0] as const)];
  const hasPads = pads.some(([before, after]) => before + after > 0);
  const padded = hasPads ? padConstant(emitter.graph, tensor.value, all) : tensor.value;
  const spatialSizes = (sizes as number[]).map(
    (size, i) => size + (pads[i]?.[0] ?? 0) + (pads[i]?.[1] ?? 0),
  );
  const batch = tensor.dims[0] as Dim;
  const rest = tensor.dims.slice(m + 1);
  return {
    source: { ...tensor, value: padded, dims: [batch, ...spatialSizes, ...rest] },
    batch,
    spatialSizes,
    rest,
  };
}

function transposeTensor(emitter: Emitter, tensor: Tensor, perm: readonly number[]): Tensor {
  const dims = perm.map((axis) => tensor.dims[axis] as Dim);
  return emitter.apply(
    'Transpose',
    [emitter.graph.toSource(tensor.value)],
    { type: tensor.type, dims },
    { perm },
  );
}

/** sqr_sum over 2 r + 1 channels; ONNX divides alpha by that number. */
const localResponse: Handler = (operation, inputs, { emitter }) => {
  const tensor = asTensor(emitter, known(operation, inputs, 0));
  const size = 2 * operation.int('depth_radius', 5) + 1;
  const value = emitter.graph.toChannelsFirst(tensor.value);
  const made = { type: tensor.type, dims: tensor.dims, layout: 'channels-first' as const };
  return emitter.apply('LRN', [value], made, {
    size,
    alpha: float(operation.float('alpha', 1) * size),
    beta: float(operation.float('beta', 0.5)),
    bias: float(operation.float('bias', 1)),
  });
};

export const poolingHandlers: Handlers = {
  MaxPool: pool('MaxPool'),
  AvgPool: pool('AveragePool'),
  MaxPool3D: pool('MaxPool'),
  AvgPool3D: pool('AveragePool'),
  ResizeBilinear: resize('linear'),
  ResizeNearestNeighbor: resize('nearest'),
  ResizeBicubic: resize('cubic'),
  ScaleAndTranslate: scaleAndTranslate,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  SpaceToBatchND: spaceToBatch,
  BatchToSpaceND: batchToSpace,
  LRN: localResponse,
};

export type { TfValue };
