/** Reductions, normalised exponentials, the largest and where they are. */

import { numberOfElementType } from '../../../onnx/element-type.ts';
import type { Attributes } from '../../../onnx/graph-data.ts';
import { dataType } from '../data-types.ts';
import type { Emitter } from '../emitter.ts';
import { elementOf } from '../emitter.ts';
import type { Handler, Handlers } from '../evaluate/context.ts';
import type { Operation } from '../evaluate/operation.ts';
import { normalAxis } from '../fold/fold-shapes.ts';
import type { Dim, Sizes, Tensor, TfValue } from '../values.ts';
import { intAt, intsAt, known, sizesValue } from './arguments.ts';
import { asTensor, unary } from './broadcast.ts';

/** All axes but the first and the last: those of a picture, or a signal. */
const isSpatial = (axes: readonly number[], rank: number): boolean =>
  rank > 2 && axes.length === rank - 2 && axes.every((axis, i) => axis === i + 1);

const reduce =
  (op: string): Handler =>
  (operation, inputs, { emitter }) => {
    const input = known(operation, inputs, 0);
    if (input.kind === 'sizes') return reduceSizes(operation, input);
    const tensor = asTensor(emitter, input);
    const rank = tensor.dims.length;
    const axes = intsAt(operation, inputs, 1)
      .map((axis) => normalAxis(axis, rank, operation.place))
      .sort((a, b) => a - b);
    return reduceTensor(emitter, op, tensor, axes, operation.bool('keep_dims', false));
  };

/** The number of elements that sizes make. */
function reduceSizes(operation: Operation, { dims, type }: Sizes): TfValue {
  const [first, ...rest] = dims;
  if (operation.op !== 'Prod' || first === undefined)
    return operation.refuse('it reduces sizes that are open');
  return sizesValue([rest.reduce((a, b) => multiplySizes(a, b), first)], type, true);
}

export function multiplySizes(a: Dim, b: Dim): Dim {
  if (typeof a === 'number' && typeof b === 'number') return a * b;
  if (a === 1) return b;
  if (b === 1) return a;
  const [x, y] = [a, b].sort(
    (p, q) => (typeof p === 'number' ? 1 : 0) - (typeof q === 'number' ? 1 : 0),
  );
  return combineSizes('Mul', x as Dim, y as Dim);
}

/** A size made of two, one of them open. */
export function combineSizes(op: string, a: Dim, b: Dim): Dim {
  const part = (dim: Dim): string => (typeof dim === 'number' ? String(dim) : dim.key);
  return {
    key: `${op}(${part(a)},${part(b)})`,
    make: (emitter) =>
      emitter.graph.apply(op, [emitter.sizes([a]), emitter.sizes([b])], {
        dtype: 'INT64',
        shape: [1],
      }),
  };
}

export function reduceTensor(
  emitter: Emitter,
  op: string,
  tensor: Tensor,
  axes: readonly number[],
  keeps: boolean,
): Tensor {
  const { type, dims } = tensor;
  if (axes.length === 0) return tensor;
  const rank = dims.length;
  const isFirst = tensor.value.layout === 'channels-first';
  const onlyChannelsLeft = isSpatial(axes, rank) || axes.length >= rank - 1;
  const value =
    isFirst && !keeps && !onlyChannelsLeft ? emitter.graph.toSource(tensor.value) : tensor.value;
  const kept = dims.map((dim, axis) => (axes.includes(axis) ? 1 : dim));
  const left = keeps ? kept : dims.filter((_, axis) => !axes.includes(axis));
  const layout = keeps ? value.layout : 'source';
  const memory = axes.map((axis) => emitter.graph.memoryAxis(value, axis)).sort((a, b) => a - b);
  if (op === 'ReduceMean' && value.layout === 'channels-first' && isSpatial(axes, rank)) {
    const pooled = emitter.apply('GlobalAveragePool', [value], {
      type,
      dims: kept,
      layout: value.layout,
    });
    if (keeps) return pooled;
    return emitter.apply('Squeeze', [pooled.value, emitter.ints(memory)], { type, dims: left });
  }
  const made = { type, dims: left, layout };
  // Opset 18: the axes are an input.
  return emitter.apply(op, [value, emitter.ints(memory)], made, { keepdims: keeps ? 1 : 0 });
}

/** All and Any, over numbers. */
const reduceBool =
  (op: string): Handler =>
  (operation, inputs, context) => {
    const { emitter } = context;
    const int = dataType('int32');
    const input = asTensor(emitter, known(operation, inputs, 0));
    const numbers = unary(emitter, 'Cast', input, { to: numberOfElementType('INT32') }, int);
    const reduced = reduce(op)(operation, [numbers, ...inputs.slice(1)], context) as Tensor;
    return unary(emitter, 'Cast', reduced, { to: numberOfElementType('BOOL') }, dataType('bool'));
  };

const overLast =
  (op: string): Handler =>
  (operation, inputs, { emitter }) => {
    const tensor = asTensor(emitter, known(operation, inputs, 0));
    const { type, dims } = tensor;
    const value = emitter.graph.toSource(tensor.value);
    return emitter.apply(op, [value], { type, dims }, { axis: -1 });
  };

const extreme =
  (op: string): Handler =>
  (operation, inputs, { emitter }) => {
    const tensor = asTensor(emitter, known(operation, inputs, 0));
    const axis = normalAxis(intAt(operation, inputs, 1, 0), tensor.dims.length, operation.place);
    const value = emitter.graph.toSource(tensor.value);
    const int64 = dataType('int64');
    const dims = tensor.dims.filter((_, i) => i !== axis);
    const attributes: Attributes = { axis, keepdims: 0 };
    const found = emitter.apply(op, [value], { type: int64, dims }, attributes);
    const type = operation.type('output_type', 'int64');
    if (type.name === 'int64') return found;
    return unary(emitter, 'Cast', found, { to: numberOfElementType(elementOf(type)) }, type);
  };

const topK: Handler = (operation, inputs, { emitter }) => {
  const tensor = asTensor(emitter, known(operation, inputs, 0));
  const k = intAt(operation, inputs, 1);
  const dims = [...tensor.dims.slice(0, -1), k];
  const names = emitter.graph.graph.node({
    op: 'TopK',
    inputs: [emitter.graph.toSource(tensor.value).name, emitter.ints([k]).name],
    outputs: 2,
    attributes: { axis: -1, largest: 1, sorted: 1 },
  });
  const shape = dims.map((dim) => (typeof dim === 'number' ? dim : null));
  const value = (i: number, dtype: 'INT64' | Tensor['value']['dtype']) => ({
    name: names[i] as string,
    dtype,
    shape,
    layout: 'source' as const,
  });
  const indices = emitter.tensor(value(1, 'INT64'), dataType('int64'), dims);
  const type = operation.type('index_type', 'int32');
  const cast = unary(emitter, 'Cast', indices, { to: numberOfElementType(elementOf(type)) }, type);
  return [emitter.tensor(value(0, tensor.value.dtype), tensor.type, dims), cast];
};

const cumulative: Handler = (operation, inputs, { emitter }) => {
  const tensor = asTensor(emitter, known(operation, inputs, 0));
  const { type, dims } = tensor;
  const axis = normalAxis(intAt(operation, inputs, 1), dims.length, operation.place);
  const attributes = {
    exclusive: operation.bool('exclusive', false) ? 1 : 0,
    reverse: operation.bool('reverse', false) ? 1 : 0,
  };
  const value = emitter.graph.toSource(tensor.value);
  return emitter.apply('CumSum', [value, emitter.ints([axis])], { type, dims }, attributes);
};

export const reductionHandlers: Handlers = {
  Sum: reduce('ReduceSum'),
  Mean: reduce('ReduceMean'),
  Max: reduce('ReduceMax'),
  Min: reduce('ReduceMin'),
  Prod: reduce('ReduceProd'),
  All: reduceBool('ReduceMin'),
  Any: reduceBool('ReduceMax'),
  Softmax: overLast('Softmax'),
  LogSoftmax: overLast('LogSoftmax'),
  ArgMax: extreme('ArgMax'),
  ArgMin: extreme('ArgMin'),
  TopKV2: topK,
  Cumsum: cumulative,
};
