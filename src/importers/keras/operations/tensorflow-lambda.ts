/**
 * TensorFlow functions that tf.keras 2 kept as layers: their names and arguments in Keras' words.
 * Source: tensorflow/python/keras/layers/core.py of 2.15 (TFOpLambda, SlicingOpLambda).
 */

import type { Json } from '../config.ts';
import { Config } from '../config.ts';
import type { LayerCall, Resolved } from '../layer-kind.ts';
import type { Layer } from '../network.ts';
import { Slice } from '../network.ts';
import type { Operation } from './arithmetic.ts';
import { getItem } from './get-item.ts';

interface Row {
  readonly operation: string;
  /** The function's keyword arguments as options of the operation. */
  readonly options?: Readonly<Record<string, string>>;
  /** Keyword arguments that are operands. */
  readonly operands?: readonly string[];
}

const axis = { axis: 'axis', keepdims: 'keepdims' };
const pairOf = (operation: string): Row => ({ operation, operands: ['y'] });

const rows: Record<string, Row> = {
  'math.add': pairOf('Add'),
  '__operators__.add': pairOf('Add'),
  'math.subtract': pairOf('Subtract'),
  'math.multiply': pairOf('Multiply'),
  'math.truediv': pairOf('TrueDivide'),
  'math.divide': pairOf('TrueDivide'),
  'math.floordiv': pairOf('FloorDivide'),
  'math.pow': pairOf('Power'),
  'math.maximum': pairOf('Maximum'),
  'math.minimum': pairOf('Minimum'),
  'math.greater': pairOf('Greater'),
  'math.less': pairOf('Less'),
  'math.not_equal': pairOf('NotEqual'),
  'math.equal': pairOf('Equal'),
  'math.squared_difference': pairOf('SquaredDifference'),
  'nn.bias_add': { operation: 'Add', operands: ['bias'] },
  'linalg.matmul': { operation: 'Matmul', operands: ['b'] },
  'math.negative': { operation: 'Negative' },
  'math.abs': { operation: 'Absolute' },
  'math.exp': { operation: 'Exp' },
  'math.log': { operation: 'Log' },
  'math.sqrt': { operation: 'Sqrt' },
  'math.rsqrt': { operation: 'Rsqrt' },
  'math.square': { operation: 'Square' },
  'math.sign': { operation: 'Sign' },
  'math.sin': { operation: 'Sin' },
  'math.cos': { operation: 'Cos' },
  'math.tanh': { operation: 'Tanh' },
  'math.sigmoid': { operation: 'Sigmoid' },
  'nn.relu': { operation: 'Relu' },
  'nn.relu6': { operation: 'Relu6' },
  'nn.sigmoid': { operation: 'Sigmoid' },
  'nn.tanh': { operation: 'Tanh' },
  'nn.silu': { operation: 'Silu' },
  'nn.gelu': { operation: 'Gelu', options: { approximate: 'approximate' } },
  'nn.elu': { operation: 'Elu' },
  'nn.selu': { operation: 'Selu' },
  'nn.leaky_relu': { operation: 'LeakyRelu', options: { alpha: 'negative_slope' } },
  'nn.softmax': { operation: 'Softmax', options: { axis: 'axis' } },
  'nn.softplus': { operation: 'Softplus' },
  'math.reduce_mean': { operation: 'Mean', options: axis },
  'math.reduce_sum': { operation: 'Sum', options: axis },
  'math.reduce_max': { operation: 'Max', options: axis },
  'math.reduce_min': { operation: 'Min', options: axis },
  'math.reduce_prod': { operation: 'Prod', options: axis },
  'math.argmax': { operation: 'Argmax', options: { axis: 'axis' } },
  'math.l2_normalize': { operation: 'Normalize', options: { axis: 'axis' } },
  'linalg.l2_normalize': { operation: 'Normalize', options: { axis: 'axis' } },
  clip_by_value: {
    operation: 'Clip',
    options: { clip_value_min: 'x_min', clip_value_max: 'x_max' },
  },
  cast: { operation: 'Cast', options: { dtype: 'dtype' } },
  reshape: { operation: 'Reshape', options: { shape: 'newshape' } },
  transpose: { operation: 'Transpose', options: { perm: 'axes' } },
  expand_dims: { operation: 'ExpandDims', options: { axis: 'axis' } },
  squeeze: { operation: 'Squeeze', options: { axis: 'axis' } },
  concat: { operation: 'Concatenate', options: { axis: 'axis' } },
  stack: { operation: 'Stack', options: { axis: 'axis' } },
  tile: { operation: 'Tile', options: { multiples: 'repeats' } },
  pad: { operation: 'Pad', options: { paddings: 'pad_width' } },
  one_hot: { operation: 'OneHot', options: { depth: 'num_classes' } },
  'image.resize': {
    operation: 'Resize',
    options: { size: 'size', method: 'interpolation', antialias: 'antialias' },
  },
  identity: { operation: 'Copy' },
  stop_gradient: { operation: 'StopGradient' },
};

const defaults: Readonly<Record<string, Readonly<Record<string, Json>>>> = {
  Gelu: { approximate: false },
  Concatenate: { axis: 0 },
  Normalize: { axis: -1, epsilon: 1e-6 },
};

/** The operation of such a layer; undefined when its function is not known. */
export function tensorflowOperation(
  layer: Layer,
  operations: Readonly<Record<string, Operation>>,
): Operation | undefined {
  const name = String(layer.config.function ?? '').replace(/^compat\.v1\./, '');
  if (layer.className === 'SlicingOpLambda') return sliced;
  const row = Object.hasOwn(rows, name) ? rows[name] : undefined;
  const operation = row && operations[row.operation];
  if (!row || !operation) return undefined;
  return (call) => operation(translated(call, row));
}

function translated(call: LayerCall, { operation, options = {}, operands = [] }: Row): LayerCall {
  const values: Record<string, Json> = { ...defaults[operation] };
  for (const [theirs, ours] of Object.entries(options)) {
    const value = call.kwargs[theirs];
    if (value !== undefined && value !== null) values[ours] = value as Json;
  }
  const given = operands.flatMap((name): Resolved[] => {
    const value = call.kwargs[name];
    return value === undefined ? [] : [value];
  });
  // `2 - x` has its number first: the tensor is then the keyword argument.
  const args = [...call.args, ...given];
  return { ...call, args, config: new Config(values, call.layer.place) };
}

/** `slice_spec`: numbers, None, and {start, stop, step}. */
const sliced: Operation = (call) => {
  const spec = call.kwargs.slice_spec;
  const list = Array.isArray(spec) ? spec : [spec];
  const key = list.map((item): Resolved => {
    if (typeof item !== 'object' || item === null || Array.isArray(item) || !('start' in item)) {
      return item as Resolved;
    }
    const bound = (value: unknown): number | null => (typeof value === 'number' ? value : null);
    const { start, stop, step } = item as Record<string, unknown>;
    return new Slice(bound(start), bound(stop), bound(step));
  });
  return getItem({ ...call, args: [call.args[0] as Resolved, key] });
};
