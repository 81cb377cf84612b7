/** Operators that take tensors apart and put them together: slices, splits, joins, look-ups, padding. */

import { onnxPads, padConstant } from '../../padding.ts';
import { listOf } from '../constant.ts';
import { dataType } from '../data-types.ts';
import type { Emitter } from '../emitter.ts';
import type { Handler, Handlers } from '../evaluate/context.ts';
import type { Operation } from '../evaluate/operation.ts';
import { normalAxis } from '../fold/fold-shapes.ts';
import type { Dim, Known, Sizes, Tensor, TfValue } from '../values.ts';
import { sizeOf } from '../values.ts';
import {
  constantAt,
  dimsOf,
  intAt,
  intsAt,
  known,
  rankOf,
  sizeList,
  sizesValue,
} from './arguments.ts';
import { castTo } from './arithmetic.ts';
import { asTensor } from './broadcast.ts';
import { combineSizes } from './reductions.ts';
import { expandTensor, squeezeTensor } from './shapes.ts';
import type { SlicePlan } from './slice-plan.ts';
import { planSlice } from './slice-plan.ts';

const far = 2 ** 53 - 1;

const stridedSlice: Handler = (operation, inputs, { emitter }) => {
  const input = known(operation, inputs, 0);
  const lists = [1, 2, 3].map((i) => sizeList(known(operation, inputs, i)));
  const [begin, end, strides] = lists;
  if (!begin || !end || !strides || strides.some((step) => typeof step !== 'number')) {
    return sliceAtTensor(operation, inputs, emitter);
  }
  const shape = dimsOf(input).map(sizeOf);
  const steps = strides as readonly number[];
  if ([...begin, ...end].every((dim) => typeof dim === 'number')) {
    const plan = planSlice(operation, shape, begin as number[], end as number[], steps);
    if (input.kind === 'sizes') return sliceSizes(operation, input, plan);
    return sliceTensor(emitter, asTensor(emitter, input), plan);
  }
  return sliceLate(operation, emitter, asTensor(emitter, input), { begin, end, steps });
};

/** The same slice at bounds that only a request tells: one open bound an axis. */
function sliceLate(
  operation: Operation,
  emitter: Emitter,
  tensor: Tensor,
  { begin, end, steps }: { begin: readonly Dim[]; end: readonly Dim[]; steps: readonly number[] },
): Tensor {
  // Open bounds stand for "some place" while masks and axes are sorted out.
  const number = (dims: readonly Dim[], open: number): number[] =>
    dims.map((dim) => (typeof dim === 'number' ? dim : open));
  const unknown = tensor.dims.map(() => null);
  const plan = planSlice(operation, unknown, number(begin, 0), number(end, far), steps);
  if (plan.changesRank)
    return operation.refuse('it drops or adds axes at a place that is only known at run time');
  const bit = (key: string, i: number): boolean => ((operation.int(key, 0) >> i) & 1) === 1;
  if (operation.int('ellipsis_mask', 0) !== 0)
    return operation.refuse('an ellipsis with open bounds is not supported');
  const starts = plan.ranges.map(({ start }, i) =>
    !bit('begin_mask', i) ? (begin[i] ?? start) : start,
  );
  const ends = plan.ranges.map(({ end: stop }, i) =>
    !bit('end_mask', i) ? (end[i] ?? stop) : stop,
  );
  const axes = plan.ranges.map(({ axis }) => axis);
  const step = plan.ranges.map((range) => range.step);
  const value = emitter.graph.toSource(tensor.value);
  return emitter.apply(
    'Slice',
    [value, emitter.sizes(starts), emitter.sizes(ends), emitter.ints(axes), emitter.ints(step)],
    {
      type: tensor.type,
      dims: tensor.dims.map((dim, i) =>
        plan.ranges[i]?.isWhole && begin[i] === undefined ? dim : null,
      ),
    },
  );
}

/** `x[i]` with a computed i: a look-up. */
function sliceAtTensor(
  operation: Operation,
  inputs: readonly TfValue[],
  emitter: Emitter,
): TfValue {
  const input = asTensor(emitter, known(operation, inputs, 0));
  const begin = known(operation, inputs, 1);
  const isOne = dimsOf(begin)[0] === 1 && operation.int('shrink_axis_mask', 0) === 1;
  if (!isOne)
    return operation.refuse(
      'its bounds are only known at run time',
      'x[i] and constant bounds are',
    );
  const index = emitter.graph.apply('Squeeze', [emitter.useSource(begin), emitter.ints([0])], {
    dtype: emitter.use(begin).dtype,
    shape: [],
  });
  const value = emitter.graph.toSource(input.value);
  return emitter.apply(
    'Gather',
    [value, index],
    { type: input.type, dims: input.dims.slice(1) },
    { axis: 0 },
  );
}

function sliceSizes(
  operation: Operation,
  { dims, type, isScalar }: Sizes,
  plan: SlicePlan,
): TfValue {
  const [range] = plan.ranges;
  if (!range || isScalar) return operation.refuse('it slices a single size');
  const taken: Dim[] = [];
  const { start, end, step } = range;
  for (let i = start; step > 0 ? i < end && i < dims.length : i > end; i += step)
    taken.push(dims[i] as Dim);
  return sizesValue(taken, type, plan.reshape([0]).length === 0);
}

export function sliceTensor(emitter: Emitter, tensor: Tensor, plan: SlicePlan): Tensor {
  const cut = plan.ranges.filter(({ isWhole }) => !isWhole);
  const sliced = cut.length === 0 ? tensor : sliceAxes(emitter, tensor, cut);
  if (!plan.changesRank) return sliced;
  const kept = plan.reshape(sliced.dims.map((_, axis) => axis + 2));
  const dropped = sliced.dims.flatMap((_, axis) => (kept.includes(axis + 2) ? [] : [axis]));
  const squeezed = squeezeTensor(emitter, sliced, dropped);
  return kept.reduce<Tensor>(
    (result, entry, axis) => (entry === 1 ? expandTensor(emitter, result, axis) : result),
    squeezed,
  );
}

function sliceAxes(emitter: Emitter, tensor: Tensor, cut: SlicePlan['ranges']): Tensor {
  const { type, value } = tensor;
  const dims: (Dim | null)[] = [...tensor.dims];
  for (const { axis, start, end, step } of cut) {
    const size = tensor.dims[axis];
    dims[axis] =
      typeof size === 'number' || (start >= 0 && end >= 0 && end < far)
        ? Math.max(0, Math.ceil((end - start) / step))
        : null;
  }
  const column = (pick: (range: SlicePlan['ranges'][number]) => number) =>
    emitter.ints(cut.map(pick));
  return emitter.apply(
    'Slice',
    [
      value,
      column(({ start }) => Math.max(Math.min(start, far), -far)),
      // -1 is the last element to ONNX; a walk backwards ends before the first.
      column(({ end, step }) =>
        step < 0 && end === -1 ? -far : Math.max(Math.min(end, far), -far),
      ),
      column(({ axis }) => emitter.graph.memoryAxis(value, axis)),
      column(({ step }) => step),
    ],
    { type, dims, layout: value.layout },
  );
}

const slice: Handler = (operation, inputs, { emitter }) => {
  const tensor = asTensor(emitter, known(operation, inputs, 0));
  const begin = intsAt(operation, inputs, 1);
  const size = sizeList(known(operation, inputs, 2));
  if (!size) return operation.refuse('its size is only known at run time');
  if (size.some((dim) => typeof dim !== 'number'))
    return sliceOpen(operation, emitter, tensor, begin, size);
  const ranges = begin.map((start, axis) => {
    const count = size[axis] as number;
    const whole = tensor.dims[axis];
    const end = count === -1 ? (typeof whole === 'number' ? whole : far) : start + count;
    return { axis, start, end, step: 1, isWhole: start === 0 && (count === -1 || count === whole) };
  });
  const cut = ranges.filter(({ isWhole }) => !isWhole);
  return cut.length === 0 ? tensor : sliceAxes(emitter, tensor, cut);
};

function sliceOpen(
  operation: Operation,
  emitter: Emitter,
  tensor: Tensor,
  begin: readonly number[],
  size: readonly Dim[],
): Tensor {
  const ends = size.map((count, axis): Dim => {
    if (count === -1) return far;
    const start = begin[axis] ?? 0;
    return typeof count === 'number'
      ? start + count
      : start === 0
        ? count
        : combineSizes('Add', count, start);
  });
  if (begin.some((start) => start < 0)) return operation.refuse('it begins before its input');
  const axes = begin.map((_, axis) => axis);
  const dims = size.map((count, axis) =>
    count === -1 && begin[axis] === 0 ? (tensor.dims[axis] as Dim) : count === -1 ? null : count,
  );
  const value = emitter.graph.toSource(tensor.value);
  return emitter.apply(
    'Slice',
    [value, emitter.ints(begin), emitter.sizes(ends), emitter.ints(axes)],
    { type: tensor.type, dims },
  );
}

/** Several values along an axis that all have; lists of sizes stay such. */
const concat: Handler = (operation, inputs, { emitter }) => {
  const parts = inputs.slice(0, -1).map((_, i) => known(operation, inputs, i));
  const axisInput = inputs.length - 1;
  const isOld = operation.op === 'Concat';
  if (isOld)
    return operation.refuse('the operator Concat (version 1) is not supported', 'ConcatV2 is');
  if (parts.some(({ kind }) => kind === 'sizes')) {
    const lists = parts.map(sizeList);
    if (lists.every((list) => list !== undefined))
      return sizesValue(lists.flat(), (parts[0] as Known).type);
  }
  const rank = rankOf(parts[0] as Known);
  return concatTensors(
    emitter,
    parts,
    normalAxis(intAt(operation, inputs, axisInput), rank, operation.place),
  );
};

export function concatTensors(emitter: Emitter, parts: readonly Known[], axis: number): TfValue {
  const [first] = parts as [Known];
  const isFirst = parts.some(
    (part) => part.kind === 'tensor' && part.value.layout === 'channels-first',
  );
  const values = parts.map((part) =>
    isFirst ? emitter.useChannelsFirst(part) : emitter.useSource(part),
  );
  const dims = dimsOf(first).map((dim, i) =>
    i === axis ? totalOf(parts, axis) : commonOf(parts, i, dim),
  );
  const layout = isFirst ? 'channels-first' : 'source';
  const at = emitter.graph.memoryAxis(values[0] as (typeof values)[0], axis);
  return emitter.apply('Concat', values, { type: first.type, dims, layout }, { axis: at });
}

const totalOf = (parts: readonly Known[], axis: number): number | null =>
  parts.reduce<number | null>((sum, part) => {
    const dim = dimsOf(part)[axis];
    return sum !== null && typeof dim === 'number' ? sum + dim : null;
  }, 0);

/** A size that one of them knows is that of all. */
const commonOf = (parts: readonly Known[], axis: number, standard: Dim): Dim =>
  parts.map((part) => dimsOf(part)[axis]).find((dim) => typeof dim === 'number') ?? standard;

const pack: Handler = (operation, inputs, { emitter }) => {
  const parts = inputs.map((_, i) => known(operation, inputs, i));
  const isSizes =
    parts.some(({ kind }) => kind === 'sizes') && parts.every((part) => rankOf(part) === 0);
  const lists = parts.map(sizeList);
  if (isSizes && lists.every((list) => list !== undefined))
    return sizesValue(lists.flat(), (parts[0] as Known).type);
  const rank = rankOf(parts[0] ?? operation.refuse('it has no inputs'));
  const axis = normalAxis(operation.int('axis', 0), rank + 1, operation.place);
  const wide = parts.map((part) => expandTensor(emitter, sourceTensor(emitter, part), axis));
  return concatTensors(emitter, wide, axis);
};

export function sourceTensor(emitter: Emitter, input: Known): Tensor {
  const tensor = asTensor(emitter, input);
  return { ...tensor, value: emitter.graph.toSource(tensor.value) };
}

const unpack: Handler = (operation, inputs, { emitter }) => {
  const input = known(operation, inputs, 0);
  if (input.kind === 'sizes') return input.dims.map((dim) => sizesValue([dim], input.type, true));
  const tensor = asTensor(emitter, input);
  const axis = normalAxis(operation.int('axis', 0), tensor.dims.length, operation.place);
  const count = operation.int('num', 0);
  const sizes = new Array<number>(count).fill(1);
  return splitTensor(emitter, tensor, axis, sizes).map((part) =>
    squeezeTensor(emitter, part, [axis]),
  );
};

export function splitTensor(
  emitter: Emitter,
  tensor: Tensor,
  axis: number,
  sizes: readonly number[],
): Tensor[] {
  const { type, value } = tensor;
  if (sizes.length === 1) return [tensor];
  const names = emitter.graph.graph.node({
    op: 'Split',
    inputs: [value.name, emitter.ints(sizes).name],
    outputs: sizes.length,
    attributes: { axis: emitter.graph.memoryAxis(value, axis) },
  });
  return sizes.map((size, i) => {
    const dims = tensor.dims.map((dim, k) => (k === axis ? size : dim));
    const { dtype, layout } = value;
    return emitter.tensor(
      { name: names[i] as string, dtype, layout, shape: dims.map(sizeOf) },
      type,
      dims,
    );
  });
}

const split: Handler = (operation, inputs, { emitter }) => {
  const tensor = asTensor(emitter, known(operation, inputs, 1));
  const axis = normalAxis(intAt(operation, inputs, 0), tensor.dims.length, operation.place);
  const count = operation.int('num_split', 1);
  const size = tensor.dims[axis];
  if (typeof size !== 'number') return operation.refuse('it splits an axis of open size');
  return splitTensor(emitter, tensor, axis, new Array<number>(count).fill(size / count));
};

const splitV: Handler = (operation, inputs, { emitter }) => {
  const tensor = asTensor(emitter, known(operation, inputs, 0));
  const axis = normalAxis(intAt(operation, inputs, 2), tensor.dims.length, operation.place);
  const sizes = intsAt(operation, inputs, 1);
  const whole = tensor.dims[axis];
  const taken = sizes.filter((size) => size >= 0).reduce((sum, size) => sum + size, 0);
  const rest = typeof whole === 'number' ? whole - taken : Number.NaN;
  if (sizes.includes(-1) && Number.isNaN(rest))
    return operation.refuse('it splits an axis of open size');
  return splitTensor(
    emitter,
    tensor,
    axis,
    sizes.map((size) => (size === -1 ? rest : size)),
  );
};

const gather: Handler = (operation, inputs, { emitter }) => {
  const input = known(operation, inputs, 0);
  const indices = known(operation, inputs, 1);
  if (input.kind === 'sizes' && indices.kind === 'constant') {
    return sizesValue(
      listOf(indices).map((i) => input.dims[i] as Dim),
      input.type,
      indices.shape.length === 0,
    );
  }
  const params = sourceTensor(emitter, input);
  const axis = normalAxis(intAt(operation, inputs, 2, 0), params.dims.length, operation.place);
  if (operation.int('batch_dims', 0) !== 0)
    return operation.refuse('batch_dims is not supported', 'plain look-ups along an axis are');
  return gatherTensor(emitter, params, indices, axis);
};

export function gatherTensor(
  emitter: Emitter,
  params: Tensor,
  indices: Known,
  axis: number,
): Tensor {
  const dims = [...params.dims.slice(0, axis), ...dimsOf(indices), ...params.dims.slice(axis + 1)];
  return emitter.apply(
    'Gather',
    [params.value, emitter.useSource(indices)],
    { type: params.type, dims },
    { axis },
  );
}

const gatherNd: Handler = (operation, inputs, { emitter }) => {
  const params = sourceTensor(emitter, known(operation, inputs, 0));
  const indices = known(operation, inputs, 1);
  const depth = dimsOf(indices).at(-1);
  if (typeof depth !== 'number') return operation.refuse('its indices are of open depth');
  const dims = [...dimsOf(indices).slice(0, -1), ...params.dims.slice(depth)];
  const at = emitter.graph.cast(emitter.useSource(indices), 'INT64');
  return emitter.apply('GatherND', [params.value, at], { type: params.type, dims });
};

function padsOf(operation: Operation, inputs: readonly TfValue[]): [number, number][] {
  const list = intsAt(operation, inputs, 1);
  return Array.from({ length: list.length / 2 }, (_, i) => [
    list[2 * i] ?? 0,
    list[2 * i + 1] ?? 0,
  ]);
}

const pad: Handler = (operation, inputs, { emitter }) => {
  const tensor = asTensor(emitter, known(operation, inputs, 0));
  const pads = padsOf(operation, inputs);
  if (pads.every(([before, after]) => before === 0 && after === 0)) return tensor;
  const fill = inputs.length > 2 ? (listOf(constantAt(operation, inputs, 2))[0] ?? 0) : 0;
  const value = padConstant(emitter.graph, tensor.value, pads, fill);
  return emitter.tensor(value, tensor.type, paddedDims(tensor.dims, pads));
};

const paddedDims = (
  dims: readonly Dim[],
  pads: readonly (readonly [number, number])[],
): (Dim | null)[] =>
  dims.map((dim, axis) => {
    const [before, after] = pads[axis] ?? [0, 0];
    if (before + after === 0) return dim;
    return typeof dim === 'number' ? dim + before + after : null;
  });

const mirrorPad: Handler = (operation, inputs, { emitter }) => {
  if (operation.text('mode', 'REFLECT') !== 'REFLECT')
    return operation.refuse('SYMMETRIC padding is not supported', 'REFLECT is');
  const tensor = sourceTensor(emitter, known(operation, inputs, 0));
  const pads = padsOf(operation, inputs);
  const made = { type: tensor.type, dims: paddedDims(tensor.dims, pads) };
  return emitter.apply('Pad', [tensor.value, emitter.ints(onnxPads(pads))], made, {
    mode: 'reflect',
  });
};

/** Back to front along some axes. */
const reverse: Handler = (operation, inputs, { emitter }) => {
  const tensor = asTensor(emitter, known(operation, inputs, 0));
  const axes = intsAt(operation, inputs, 1).map((axis) =>
    normalAxis(axis, tensor.dims.length, operation.place),
  );
  const { value, type, dims } = tensor;
  const memory = axes.map((axis) => emitter.graph.memoryAxis(value, axis));
  const column = (n: number) => emitter.ints(axes.map(() => n));
  return emitter.apply(
    'Slice',
    [value, column(-1), column(-far), emitter.ints(memory), column(-1)],
    { type, dims, layout: value.layout },
  );
};

/** The runtime makes them of floats only. */
const oneHot: Handler = (operation, inputs, { emitter }) => {
  const indices = sourceTensor(emitter, known(operation, inputs, 0));
  const depth = intAt(operation, inputs, 1);
  const [on, off] = [constantAt(operation, inputs, 2), constantAt(operation, inputs, 3)];
  const axis = normalAxis(operation.int('axis', -1), indices.dims.length + 1, operation.place);
  const float = dataType('float');
  const values = emitter.floats([listOf(off)[0] ?? 0, listOf(on)[0] ?? 1]);
  const dims = [...indices.dims.slice(0, axis), depth, ...indices.dims.slice(axis)];
  const at = emitter.graph.cast(indices.value, 'INT64');
  const hot = emitter.apply(
    'OneHot',
    [at, emitter.ints([depth]), values],
    { type: float, dims },
    { axis },
  );
  return castTo(emitter, hot, on.type);
};

export const partHandlers: Handlers = {
  StridedSlice: stridedSlice,
  Slice: slice,
  Concat: concat,
  ConcatV2: concat,
  Pack: pack,
  Unpack: unpack,
  Split: split,
  SplitV: splitV,
  Gather: gather,
  GatherV2: gather,
  GatherNd: gatherNd,
  Pad: pad,
  PadV2: pad,
  MirrorPad: mirrorPad,
  ReverseV2: reverse,
  OneHot: oneHot,
};
