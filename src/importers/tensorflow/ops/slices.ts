/** Slices: ranges of axes, also at places that only a request tells. */

import type { Emitter } from '../emitter.ts';
import type { Handler, Handlers } from '../evaluate/context.ts';
import type { Operation } from '../evaluate/operation.ts';
import { normalAxis } from '../fold/fold-shapes.ts';
import type { Dim, Sizes, Tensor, TfValue } from '../values.ts';
import { sizeOf } from '../values.ts';
import { dimsOf, intsAt, known, sizeList, sizesValue } from './arguments.ts';
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

export const sliceHandlers: Handlers = {
  StridedSlice: stridedSlice,
  Slice: slice,
  ReverseV2: reverse,
};
