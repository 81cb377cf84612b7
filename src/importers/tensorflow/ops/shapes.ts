/** Shapes and what is done with them: Shape, Reshape, Squeeze, ExpandDims, Transpose, Fill, Range. */

import { toFirst } from '../../import-graph.ts';
import type { Constant } from '../constant.ts';
import { constantOf } from '../constant.ts';
import { dataType } from '../data-types.ts';
import type { Emitter } from '../emitter.ts';
import type { Handler, Handlers } from '../evaluate/context.ts';
import type { Operation } from '../evaluate/operation.ts';
import { normalAxis, squeezedAxes } from '../fold/fold-shapes.ts';
import type { Dim, Known, Tensor, TfValue } from '../values.ts';
import { describeDims, isSameDim, sizeOf } from '../values.ts';
import { dimsOf, intAt, intsAt, known, sizeList, sizesValue } from './arguments.ts';
import { asTensor } from './broadcast.ts';
import { multiplySizes } from './reductions.ts';

const int64 = dataType('int64');

const shape: Handler = (operation, inputs) =>
  sizesValue(shapeOf(operation, inputs[0]), operation.type('out_type', 'int32'));

function shapeOf(operation: Operation, value: TfValue | undefined): readonly Dim[] {
  if (value?.kind === 'pictures') return value.dims;
  return dimsOf(known(operation, [value as TfValue], 0));
}

const shapes: Handler = (operation, inputs) =>
  inputs.map((input) => sizesValue(shapeOf(operation, input), operation.type('out_type', 'int32')));

const size: Handler = (operation, inputs) => {
  const [first = 1, ...rest] = dimsOf(known(operation, inputs, 0));
  return sizesValue([rest.reduce(multiplySizes, first)], operation.type('out_type', 'int32'), true);
};

const rank: Handler = (operation, inputs) =>
  constantOf(dataType('int32'), [], [shapeOf(operation, inputs[0]).length]);

const reshape: Handler = (operation, inputs, { emitter }) => {
  const input = known(operation, inputs, 0);
  const target = known(operation, inputs, 1);
  const list = sizeList(target);
  if (input.kind === 'sizes') return reshapeSizes(operation, input.dims, list, input.type);
  const tensor = asTensor(emitter, input);
  if (!list) return reshapeLate(operation, emitter, tensor, target);
  const dims = resolve(list, tensor.dims);
  if (!dims)
    return operation.refuse(`${describeDims(tensor.dims)} cannot become ${describeDims(list)}`);
  return reshapeTensor(emitter, tensor, list, dims);
};

function reshapeSizes(
  operation: Operation,
  dims: readonly Dim[],
  list: readonly Dim[] | undefined,
  type: Known['type'],
): TfValue {
  if (list?.length === 0 && dims.length === 1) return sizesValue(dims, type, true);
  if (list?.length === 1) return sizesValue(dims, type);
  return operation.refuse('it gives sizes that are open another shape');
}

/** A target that is computed at run time: its rank must be known. */
function reshapeLate(
  operation: Operation,
  emitter: Emitter,
  tensor: Tensor,
  target: Known,
): Tensor {
  const rankOfResult = dimsOf(target)[0];
  if (typeof rankOfResult !== 'number') return operation.refuse('its shape is of unknown rank');
  const value = emitter.graph.cast(emitter.useSource(target), 'INT64');
  const dims = new Array<null>(rankOfResult).fill(null);
  return emitter.apply('Reshape', [emitter.graph.toSource(tensor.value), value], {
    type: tensor.type,
    dims,
  });
}

/** The sizes of the result, -1 replaced where that can be told; null is told by the result. */
function resolve(target: readonly Dim[], from: readonly Dim[]): (Dim | null)[] | undefined {
  if (!target.includes(-1)) return [...target];
  const left = [...from];
  let divisor = 1;
  for (const dim of target) {
    if (dim === -1) continue;
    const at = left.findIndex(
      (candidate) => typeof candidate !== 'number' && isSameDim(candidate, dim),
    );
    if (at >= 0) left.splice(at, 1);
    else if (typeof dim === 'number') divisor *= dim;
    else return target.map((size) => (size === -1 ? null : size));
  }
  const product = left.reduce<number>((all, dim) => (typeof dim === 'number' ? all * dim : all), 1);
  const open = left.filter((dim) => typeof dim !== 'number');
  const rest = product / divisor;
  if (open.length === 0 && !Number.isInteger(rest)) return undefined;
  const filled =
    open.length === 0 ? rest : open.length === 1 && rest === 1 ? (open[0] as Dim) : null;
  return target.map((dim) => (dim === -1 ? filled : dim));
}

export function reshapeTensor(
  emitter: Emitter,
  tensor: Tensor,
  target: readonly Dim[],
  dims: readonly (Dim | null)[],
): Tensor {
  const { type } = tensor;
  const value = flatSource(emitter, tensor);
  const open = dims.filter((dim) => typeof dim !== 'number').length;
  const plain = dims.map((dim, i) => {
    if (typeof dim === 'number' && dim > 0) return dim;
    const own = tensor.dims[i];
    if (dim !== null && own !== undefined && typeof dim !== 'number' && isSameDim(own, dim))
      return open > 1 ? 0 : -1;
    return open === 1 && typeof dim !== 'number' ? -1 : undefined;
  });
  if (plain.every((n) => n !== undefined)) {
    const isPixel = dims.length === 4 && dims[1] === 1 && dims[2] === 1;
    if (isPixel) return reshapeToPixel(emitter, value, type, dims, plain as number[]);
    return emitter.apply('Reshape', [value, emitter.ints(plain as number[])], { type, dims });
  }
  const late = emitter.sizes(
    target.map((dim, i) => (dim === -1 && typeof dims[i] === 'number' ? (dims[i] as number) : dim)),
  );
  return emitter.apply('Reshape', [value, late], { type, dims });
}

/** A picture of one pixel lies the same with its channels first, where what comes next wants them. */
function reshapeToPixel(
  emitter: Emitter,
  value: Tensor['value'],
  type: Tensor['type'],
  dims: readonly (Dim | null)[],
  [rows = -1, , , channels = -1]: readonly number[],
): Tensor {
  // 0 would copy what lies at another axis in memory.
  const target = emitter.ints([rows, channels === 0 ? -1 : channels, 1, 1]);
  return emitter.apply('Reshape', [value, target], { type, dims, layout: 'channels-first' });
}

/** In the source's order; a picture of one pixel lies the same either way, so it is not turned. */
function flatSource(emitter: Emitter, { value, dims }: Tensor): Tensor['value'] {
  const isPixel = value.layout === 'channels-first' && dims.slice(1, -1).every((dim) => dim === 1);
  if (!isPixel) return emitter.graph.toSource(value);
  return { ...value, layout: 'source' };
}

const squeeze: Handler = (operation, inputs, { emitter }) => {
  const input = known(operation, inputs, 0);
  if (input.kind === 'sizes') return sizesValue(input.dims, input.type, true);
  const tensor = asTensor(emitter, input);
  const axes = squeezedAxes(operation, tensor.dims.map(sizeOf));
  return squeezeTensor(emitter, tensor, axes);
};

export function squeezeTensor(emitter: Emitter, tensor: Tensor, axes: readonly number[]): Tensor {
  const { type } = tensor;
  if (axes.length === 0) return tensor;
  const dims = tensor.dims.filter((_, axis) => !axes.includes(axis));
  const rankOf = tensor.dims.length;
  const { layout } = tensor.value;
  const isInner = axes.every((axis) => axis > 0 && axis < rankOf - 1);
  if (layout === 'channels-first' && isInner) {
    // Channels stay second: [N, C, H, W] without H is [N, C, W].
    const memory = axes.map((axis) => emitter.graph.memoryAxis(tensor.value, axis));
    const kept = dims.length >= 3 ? layout : 'source';
    return emitter.apply('Squeeze', [tensor.value, emitter.ints(memory)], {
      type,
      dims,
      layout: kept,
    });
  }
  const value = emitter.graph.toSource(tensor.value);
  return emitter.apply('Squeeze', [value, emitter.ints(axes)], { type, dims });
}

const expandDims: Handler = (operation, inputs, { emitter }) => {
  const input = known(operation, inputs, 0);
  if (input.kind === 'sizes') {
    return input.isScalar
      ? sizesValue(input.dims, input.type)
      : operation.refuse('it expands sizes that are open');
  }
  const tensor = asTensor(emitter, input);
  const axis = normalAxis(intAt(operation, inputs, 1), tensor.dims.length + 1, operation.place);
  return expandTensor(emitter, tensor, axis);
};

export function expandTensor(emitter: Emitter, tensor: Tensor, axis: number): Tensor {
  const { type } = tensor;
  const dims: Dim[] = [...tensor.dims.slice(0, axis), 1, ...tensor.dims.slice(axis)];
  const { layout } = tensor.value;
  if (layout === 'channels-first' && axis > 0 && axis < tensor.dims.length) {
    const at = toFirst(dims.length).indexOf(axis);
    return emitter.apply('Unsqueeze', [tensor.value, emitter.ints([at])], { type, dims, layout });
  }
  const value = emitter.graph.toSource(tensor.value);
  return emitter.apply('Unsqueeze', [value, emitter.ints([axis])], { type, dims });
}

const transpose: Handler = (operation, inputs, { emitter }) => {
  const tensor = asTensor(emitter, known(operation, inputs, 0));
  const perm = intsAt(operation, inputs, 1);
  const { type, dims, value } = tensor;
  if (perm.length !== dims.length)
    return operation.refuse(`it turns ${dims.length} axes by [${perm.join(', ')}]`);
  if (perm.every((axis, i) => axis === i)) return tensor;
  const turned = perm.map((axis) => dims[axis] as Dim);
  if (value.layout === 'channels-first') {
    const first = toFirst(dims.length);
    // What it turns into is what lies there already.
    if (perm.every((axis, i) => axis === first[i])) {
      return emitter.tensor(
        { ...value, shape: turned.map(sizeOf), layout: 'source' },
        type,
        turned,
      );
    }
  }
  return emitter.apply(
    'Transpose',
    [emitter.graph.toSource(value)],
    { type, dims: turned },
    { perm },
  );
};

const fill: Handler = (operation, inputs, { emitter }) => {
  const target = known(operation, inputs, 0);
  const value = known(operation, inputs, 1);
  return expandTo(operation, emitter, value, target);
};

const broadcastTo: Handler = (operation, inputs, { emitter }) =>
  expandTo(operation, emitter, known(operation, inputs, 0), known(operation, inputs, 1));

function expandTo(operation: Operation, emitter: Emitter, value: Known, target: Known): Tensor {
  const list = sizeList(target);
  const length = dimsOf(target)[0];
  const dims =
    list ?? (typeof length === 'number' ? new Array<null>(length).fill(null) : undefined);
  if (!dims) return operation.refuse('its shape is of unknown rank');
  const to = list ? emitter.sizes(list) : emitter.graph.cast(emitter.useSource(target), 'INT64');
  return emitter.apply('Expand', [emitter.useSource(value), to], { type: value.type, dims });
}

const range: Handler = (operation, inputs, { emitter }) => {
  const parts = [0, 1, 2].map((i) => known(operation, inputs, i));
  const [start, limit, delta] = parts.map((part) => sizeList(part)?.[0]);
  const isPlain = start === 0 && delta === 1 && limit !== undefined;
  const type = (parts[0] as Known).type;
  const values = parts.map((part) => emitter.useSource(part));
  return emitter.apply('Range', values, { type, dims: [isPlain ? limit : null] });
};

const tile: Handler = (operation, inputs, { emitter }) => {
  const tensor = asTensor(emitter, known(operation, inputs, 0));
  const list = sizeList(known(operation, inputs, 1));
  if (!list) return operation.refuse('how often it repeats is only known at run time');
  const dims = tensor.dims.map((dim, i) => multiplySizes(dim, list[i] ?? 1));
  const repeats = emitter.sizes(list, int64);
  return emitter.apply('Tile', [emitter.graph.toSource(tensor.value), repeats], {
    type: tensor.type,
    dims,
  });
};

const onesLike: Handler = (operation, inputs, { emitter }) => {
  const input = known(operation, inputs, 0);
  const one: Constant = constantOf(input.type, [], [1]);
  return expandTo(operation, emitter, one, sizesValue(dimsOf(input)));
};

export const shapeHandlers: Handlers = {
  Shape: shape,
  ShapeN: shapes,
  Size: size,
  Rank: rank,
  Reshape: reshape,
  Squeeze: squeeze,
  ExpandDims: expandDims,
  Transpose: transpose,
  Fill: fill,
  BroadcastTo: broadcastTo,
  Range: range,
  Tile: tile,
  OnesLike: onesLike,
};
