/** Operators that take tensors apart and put them together: splits, joins, look-ups. */

import { listOf } from '../constant.ts';
import { dataType } from '../data-types.ts';
import type { Emitter } from '../emitter.ts';
import type { Handler, Handlers } from '../evaluate/context.ts';
import { normalAxis } from '../fold/fold-shapes.ts';
import type { Dim, Known, Tensor, TfValue } from '../values.ts';
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
import { expandTensor, squeezeTensor } from './shapes.ts';

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
  Concat: concat,
  ConcatV2: concat,
  Pack: pack,
  Unpack: unpack,
  Split: split,
  SplitV: splitV,
  Gather: gather,
  GatherV2: gather,
  GatherNd: gatherNd,
  OneHot: oneHot,
};
