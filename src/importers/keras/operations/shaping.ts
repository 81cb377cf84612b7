/**
 * Operations that move, cut, put together and repeat.
 * Source: keras/src/ops/numpy.py, nn.py, image.py (3.15).
 */

import { einsum, parseEquation } from '../../einsum.ts';
import { broadcastShape } from '../../elementwise.ts';
import type { Size, Value } from '../../import-graph.ts';
import { padConstant } from '../../padding.ts';
import { InvalidModelError, UnsupportedModelError } from '../../problems.ts';
import { Config, isList, plain } from '../config.ts';
import type { LayerCall, Resolved } from '../layer-kind.ts';
import { isValue, valuesIn } from '../layer-kind.ts';
import { concat } from '../layers/merging.ts';
import { poolings } from '../layers/pooling.ts';
import { reverse } from '../layers/recurrent.ts';
import { resizings, slice } from '../layers/resizing.ts';
import type { Operation } from './arithmetic.ts';
import { getItem } from './get-item.ts';
import { axesOf, constantOf, first, flatNumbers, namedDtype, operandOf, pair } from './operands.ts';

const source = (call: LayerCall): Value => call.graph.toSource(first(call));

function reshapeTo(call: LayerCall, target: readonly (number | null)[]): Value {
  const { graph, layer } = call;
  const x = source(call);
  const wanted = target.map((size) => size ?? -1);
  const total = x.shape.some((size) => size === null)
    ? null
    : (x.shape as number[]).reduce((count, size) => count * size, 1);
  const open = wanted.indexOf(-1);
  const known = wanted.filter((size) => size !== -1).reduce((count, size) => count * size, 1);
  const shape = wanted.map(
    (size, i): Size => (i === open ? (total === null ? null : total / known) : size),
  );
  if (total !== null && open === -1 && known !== total) {
    throw new InvalidModelError(
      layer.place,
      `[${x.shape}] has not as many elements as [${wanted}]`,
    );
  }
  return graph.apply('Reshape', [x, graph.ints(wanted)], { dtype: x.dtype, shape });
}

const reshape: Operation = (call) => {
  const given = call.config.has('newshape')
    ? call.config.ints('newshape')
    : flatNumbers(call.args[1]);
  return reshapeTo(call, given);
};

const transpose: Operation = (call) => {
  const x = source(call);
  const axes = call.config.has('axes')
    ? call.config.ints('axes').map((axis) => (axis < 0 ? axis + x.shape.length : axis))
    : x.shape.map((_, i) => x.shape.length - 1 - i);
  return call.graph.transpose(x, axes);
};

const swapAxes: Operation = (call) => {
  const x = source(call);
  const at = (key: string): number => axesOf(call, x, key)[0] as number;
  const [a, b] = [at('axis1'), at('axis2')];
  return call.graph.transpose(
    x,
    x.shape.map((_, i) => (i === a ? b : i === b ? a : i)),
  );
};

const moveAxis: Operation = (call) => {
  const x = source(call);
  const from = axesOf(call, x, 'source');
  const to = axesOf(call, x, 'destination');
  const rest = x.shape.map((_, i) => i).filter((axis) => !from.includes(axis));
  const order = x.shape.map((_, i) => {
    const moved = to.indexOf(i);
    return moved === -1 ? (rest.shift() as number) : (from[moved] as number);
  });
  return call.graph.transpose(x, order);
};

const expandDims: Operation = (call) => {
  const x = source(call);
  const given = call.config.ints('axis');
  const rank = x.shape.length + given.length;
  const axes = given.map((axis) => (axis < 0 ? axis + rank : axis)).sort((a, b) => a - b);
  const rest = [...x.shape];
  const shape = Array.from(
    { length: rank },
    (_, i): Size => (axes.includes(i) ? 1 : (rest.shift() ?? null)),
  );
  return call.graph.apply('Unsqueeze', [x, call.graph.ints(axes)], { dtype: x.dtype, shape });
};

const squeeze: Operation = (call) => {
  const x = source(call);
  const axes = call.config.has('axis')
    ? axesOf(call, x)
    : x.shape.flatMap((size, i) => (size === 1 ? [i] : []));
  const shape = x.shape.filter((_, i) => !axes.includes(i));
  return call.graph.apply('Squeeze', [x, call.graph.ints(axes)], { dtype: x.dtype, shape });
};

const concatenate: Operation = (call) => {
  const values = valuesIn(call.args[0] ?? call.kwargs.xs);
  const [one] = values;
  if (!one) throw new InvalidModelError(call.layer.place, 'it has nothing to put together');
  const [axis = 0] = axesOf(call, one);
  return concat(call, values, axis);
};

const stack: Operation = (call) => {
  const { graph, config, layer } = call;
  const values = valuesIn(call.args[0] ?? call.kwargs.x).map((value) => graph.toSource(value));
  const [one] = values;
  if (!one) throw new InvalidModelError(layer.place, 'it has nothing to put together');
  const rank = one.shape.length + 1;
  const given = config.int('axis', 0);
  const axis = given < 0 ? given + rank : given;
  const wide = values.map((value) => {
    const shape = [...value.shape.slice(0, axis), 1, ...value.shape.slice(axis)];
    return graph.apply('Unsqueeze', [value, graph.ints([axis])], { dtype: value.dtype, shape });
  });
  return concat(call, wide, axis);
};

const splitOperation: Operation = (call) => {
  const { config, graph, layer } = call;
  const x = source(call);
  const [axis = 0] = axesOf(call, x);
  const size = x.shape[axis];
  const given = plain(config.get('indices_or_sections'));
  if (typeof size !== 'number') {
    throw new UnsupportedModelError(
      layer.place,
      'it splits an axis of open size',
      'give the model a fixed input size',
    );
  }
  const ends = isList(given)
    ? [...given.map(Number), size]
    : Array.from({ length: Number(given) }, (_, i) => ((i + 1) * size) / Number(given));
  const sizes = ends.map((end, i) => end - (ends[i - 1] ?? 0));
  if (sizes.some((part) => !Number.isSafeInteger(part) || part < 0)) {
    throw new InvalidModelError(layer.place, `an axis of ${size} cannot be split so`);
  }
  const names = graph.nodeOf('Split', [x.name, graph.ints(sizes).name], { axis }, sizes.length);
  return names.map((name, i) => ({
    name,
    dtype: x.dtype,
    shape: x.shape.map((old, at) => (at === axis ? (sizes[i] as number) : old)),
    layout: 'source',
  }));
};

const pad: Operation = (call) => {
  const { config, graph, args, kwargs, layer } = call;
  const x = first(call);
  const widths = (plain(config.get('pad_width')) ?? []) as readonly unknown[];
  const all = x.shape.map((_, i): [number, number] => {
    const entry = plain((widths.length === 1 ? widths[0] : widths[i]) as never);
    if (!isList(entry)) throw config.fail('pad_width', 'two numbers for each axis');
    return [Number(entry[0]), Number(entry[1])];
  });
  const mode = config.text('mode', 'constant');
  if (mode === 'constant') {
    const fill = args[1] ?? kwargs.constant_values;
    return padConstant(graph, x, all, typeof fill === 'number' ? fill : 0);
  }
  const modes: Record<string, string> = { reflect: 'reflect', edge: 'edge', wrap: 'wrap' };
  const onnxMode = modes[mode];
  if (!onnxMode) {
    throw new UnsupportedModelError(
      layer.place,
      `the mode ${mode} is not supported`,
      'constant, reflect, edge and wrap are',
    );
  }
  const s = graph.toSource(x);
  const pads = graph.ints([...all.map(([a]) => a), ...all.map(([, b]) => b)]);
  const shape = s.shape.map((size, i) =>
    size === null ? null : size + (all[i] as [number, number])[0] + (all[i] as [number, number])[1],
  );
  return graph.apply('Pad', [s, pads], { dtype: s.dtype, shape }, { mode: onnxMode });
};

const repeat: Operation = (call) => {
  const { config, graph, layer } = call;
  const x = source(call);
  const times = config.int('repeats');
  const [axis = 0, ...more] = axesOf(call, x);
  const size = x.shape[axis];
  if (more.length > 0 || typeof size !== 'number') {
    throw new UnsupportedModelError(
      layer.place,
      'repeating along an axis of open size is not supported',
      'a known size is',
    );
  }
  const indices = Array.from({ length: size * times }, (_, i) => Math.floor(i / times));
  const shape = x.shape.map((old, i) => (i === axis ? size * times : old));
  return graph.apply('Gather', [x, graph.ints(indices)], { dtype: x.dtype, shape }, { axis });
};

const tile: Operation = (call) => {
  const { config, graph } = call;
  const x = source(call);
  const given = config.ints('repeats');
  const missing = x.shape.length - given.length;
  const repeats = [...Array.from({ length: Math.max(0, missing) }, () => 1), ...given];
  if (missing < 0) throw config.fail('repeats', `at most ${x.shape.length} numbers`);
  const shape = x.shape.map((size, i) => (size === null ? null : size * (repeats[i] as number)));
  return graph.apply('Tile', [x, graph.ints(repeats)], { dtype: x.dtype, shape });
};

const flip: Operation = (call) => {
  const x = source(call);
  return axesOf(call, x).reduce((value, axis) => reverse(call.graph, value, axis), x);
};

const roll: Operation = (call) => {
  const { config, graph } = call;
  const x = source(call);
  const [axis = 0] = axesOf(call, x);
  const shift = config.int('shift');
  if (shift === 0) return x;
  const part = (start: number, end: number): Value =>
    slice(graph, x, { axes: [axis], starts: [start], ends: [end] });
  const end = Number.MAX_SAFE_INTEGER;
  const joined = concat(call, [part(-shift, end), part(0, -shift)], axis);
  return { ...joined, shape: x.shape };
};

const take: Operation = (call) => {
  const { args, kwargs, graph } = call;
  const x = source(call);
  const [axis = 0] = axesOf(call, x);
  const given: Resolved | undefined = args[1] ?? kwargs.indices;
  const numbers = flatNumbers(given);
  const isScalar = typeof given === 'number';
  const indices = isValue(given)
    ? graph.cast(graph.toSource(given), 'INT64')
    : constantOf(graph, numbers, isScalar ? [] : [numbers.length], 'INT64');
  const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
  return graph.apply('Gather', [x, indices], { dtype: x.dtype, shape }, { axis });
};

const einsumOperation: Operation = (call) => {
  const values = valuesIn(call.args).map((value) => call.graph.cast(value, 'FP32'));
  const text = call.config.text('subscripts');
  const ranks = values.map(({ shape }) => shape.length);
  return einsum(call.graph, values, parseEquation(text, ranks, call.layer.place));
};

const matmul: Operation = (call) => {
  const { graph } = call;
  const [a, b] = pair(call, 'FP32').map((value) => graph.toSource(value)) as [Value, Value];
  const batch = broadcastShape([a.shape.slice(0, -2), b.shape.slice(0, -2)]);
  const rows = a.shape.length > 1 ? [a.shape.at(-2) ?? null] : [];
  const columns = b.shape.length > 1 ? [b.shape.at(-1) ?? null] : [];
  return graph.apply('MatMul', [a, b], { shape: [...batch, ...rows, ...columns] });
};

const filledLike =
  (number: number): Operation =>
  (call) => {
    const { graph } = call;
    const x = source(call);
    const dims = graph.apply('Shape', [x], { dtype: 'INT64', shape: [x.shape.length] });
    const dtype = namedDtype(call, x.dtype);
    const filler = operandOf(call, number, dtype);
    return graph.apply('Expand', [filler, dims], { dtype, shape: x.shape });
  };

const oneHot: Operation = (call) => {
  const { config, graph } = call;
  const x = graph.cast(source(call), 'INT64');
  const classes = config.int('num_classes');
  const given = config.int('axis', -1);
  const axis = given < 0 ? given + x.shape.length + 1 : given;
  const depth = graph.constant('depth', {
    dtype: 'INT64',
    shape: [],
    data: BigInt64Array.of(BigInt(classes)),
  });
  const shape = [...x.shape.slice(0, axis), classes, ...x.shape.slice(axis)];
  return graph.apply('OneHot', [x, depth, graph.floats([0, 1])], { shape }, { axis });
};

/** The layer of the same meaning, with the operation's options. */
const asLayer =
  (
    kinds: typeof poolings,
    name: (rank: number) => string,
    options: (call: LayerCall) => object = () => ({}),
  ): Operation =>
  (call) => {
    const x = first(call);
    const kind = kinds[name(x.shape.length - 2)];
    if (!kind)
      throw new InvalidModelError(call.layer.place, `it does not fit ${x.shape.length} axes`);
    const { data_format: format, ...rest } = call.config.values;
    const values = { ...rest, data_format: format ?? 'channels_last', ...options(call) };
    const config = new Config(values, call.layer.place);
    return kind.convert({ ...call, config, inputs: [call.graph.cast(x, 'FP32')] });
  };

const sizeOfImage = ({ config }: LayerCall): object => {
  const [height, width] = config.ints('size', 2);
  return { height, width };
};

const broadcastTo: Operation = (call) => {
  const { config, graph } = call;
  const x = source(call);
  const target = config.ints('shape');
  return graph.apply('Expand', [x, graph.ints(target)], {
    dtype: x.dtype,
    shape: broadcastShape([x.shape, target]),
  });
};

export const shapingOperations: Record<string, Operation> = {
  Reshape: reshape,
  Ravel: (call) => reshapeTo(call, [-1]),
  Transpose: transpose,
  Swapaxes: swapAxes,
  Moveaxis: moveAxis,
  ExpandDims: expandDims,
  Squeeze: squeeze,
  Concatenate: concatenate,
  Stack: stack,
  Split: splitOperation,
  Pad: pad,
  Repeat: repeat,
  Tile: tile,
  Flip: flip,
  Roll: roll,
  Take: take,
  GetItem: getItem,
  Einsum: einsumOperation,
  Matmul: matmul,
  OnesLike: filledLike(1),
  ZerosLike: filledLike(0),
  BroadcastTo: broadcastTo,
  OneHot: oneHot,
  StopGradient: (call) => first(call),
  Copy: (call) => first(call),
  MaxPool: asLayer(poolings, (rank) => `MaxPooling${rank}D`),
  AveragePool: asLayer(poolings, (rank) => `AveragePooling${rank}D`),
  Resize: asLayer(resizings, () => 'Resizing', sizeOfImage),
};
