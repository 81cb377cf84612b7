/**
 * Operations element by element.
 * Source: keras/src/ops/numpy.py, math.py, nn.py (3.15).
 */

import { float } from '../../../onnx/graph-data.ts';
import { binary, clip, scalar, unary, withNumber } from '../../elementwise.ts';
import type { Value } from '../../import-graph.ts';
import { applyActivation, gelu, softmaxOf, where } from '../activations.ts';
import type { LayerCall } from '../layer-kind.ts';
import { reluOf } from '../layers/activation-layers.ts';
import { asFloat, first, namedDtype, pair } from './operands.ts';

export type Operation = (call: LayerCall) => Value | readonly Value[];

const plainUnary =
  (op: string): Operation =>
  (call) =>
    unary(call.graph, op, first(call));

const floatUnary =
  (op: string): Operation =>
  (call) =>
    unary(call.graph, op, asFloat(call, first(call)));

const arithmetic =
  (op: string): Operation =>
  (call) =>
    binary(call.graph, op, ...pair(call));

const comparison =
  (op: string): Operation =>
  (call) =>
    binary(call.graph, op, ...pair(call), 'BOOL');

const logical =
  (op: string): Operation =>
  (call) =>
    binary(call.graph, op, ...pair(call, 'BOOL'), 'BOOL');

const activation =
  (name: string): Operation =>
  (call) => {
    const { graph, layer, file } = call;
    const context = { graph, place: layer.place, major: file.version[0] };
    return applyActivation(asFloat(call, first(call)), name, context);
  };

const floorDivide: Operation = (call) => {
  const [a, b] = pair(call);
  const [x, y] = [asFloat(call, a), asFloat(call, b)];
  const floored = unary(call.graph, 'Floor', binary(call.graph, 'Div', x, y));
  return call.graph.cast(floored, a.dtype);
};

/** Python's: the sign of the divisor. */
const mod: Operation = (call) => {
  const { graph } = call;
  const [a, b] = pair(call);
  if (a.dtype !== 'FP32') return binary(graph, 'Mod', a, b);
  const times = unary(graph, 'Floor', binary(graph, 'Div', a, b));
  return binary(graph, 'Sub', a, binary(graph, 'Mul', times, b));
};

const whereOperation: Operation = (call) => {
  const { graph, args } = call;
  const condition = graph.cast(first(call), 'BOOL');
  const [a, b] = pair({ ...call, args: args.slice(1) });
  // Broadcast of all three: the numbers take the shape of the condition.
  const like = a.shape.length >= b.shape.length ? a : b;
  const shape = like.shape.length >= condition.shape.length ? like.shape : condition.shape;
  const layoutOf = [a, b, condition].find((value) => value.shape.length === shape.length)?.layout;
  const layout = layoutOf ?? 'source';
  const inputs = [condition, a, b].map((value) => graph.toLayout(value, layout));
  return graph.apply('Where', inputs, { dtype: a.dtype, shape, layout });
};

/** To a whole number from a float: towards zero, as everywhere. */
const cast: Operation = (call) => call.graph.cast(first(call), namedDtype(call, 'FP32'));

const clipOperation: Operation = (call) => {
  const { config, args, graph } = call;
  const bound = (key: string, position: number): number | undefined => {
    const value = config.optionalNumber(key) ?? args[position];
    return typeof value === 'number' ? value : undefined;
  };
  return clip(graph, first(call), bound('x_min', 1), bound('x_max', 2));
};

const maximumWith =
  (op: 'Max' | 'Min'): Operation =>
  (call) =>
    binary(call.graph, op, ...pair(call));

const expm1: Operation = (call) =>
  withNumber(call.graph, 'Sub', unary(call.graph, 'Exp', asFloat(call, first(call))), 1);

const log1p: Operation = (call) =>
  unary(call.graph, 'Log', withNumber(call.graph, 'Add', asFloat(call, first(call)), 1));

const logOfBase =
  (base: number): Operation =>
  (call) =>
    withNumber(
      call.graph,
      'Div',
      unary(call.graph, 'Log', asFloat(call, first(call))),
      Math.log(base),
    );

const square: Operation = (call) => {
  const x = first(call);
  return binary(call.graph, 'Mul', x, x);
};

const rsqrt: Operation = (call) =>
  unary(call.graph, 'Reciprocal', unary(call.graph, 'Sqrt', asFloat(call, first(call))));

const leakyRelu: Operation = (call) =>
  unary(call.graph, 'LeakyRelu', asFloat(call, first(call)), {
    alpha: float(call.config.number('negative_slope', 0.2)),
  });

const withAlpha =
  (op: string): Operation =>
  (call) =>
    unary(call.graph, op, asFloat(call, first(call)), {
      alpha: float(call.config.number('alpha', 1)),
    });

const softmax =
  (op: string): Operation =>
  (call) =>
    softmaxOf(call.graph, asFloat(call, first(call)), call.config.int('axis', -1), op);

/** a / b, and 0 where b is 0. */
const divideNoNan: Operation = (call) => {
  const { graph } = call;
  const [a, b] = pair(call, 'FP32');
  const isZero = binary(graph, 'Equal', b, scalar(graph, 0), 'BOOL');
  const safe = where(graph, isZero, graph.floats(1), b);
  const quotient = binary(graph, 'Div', a, { ...safe, shape: b.shape, layout: b.layout });
  const kept = graph.cast(unary(graph, 'Not', isZero, {}, 'BOOL'), 'FP32');
  return binary(graph, 'Mul', quotient, kept);
};

/** With the options that tf.keras gives to tf.nn.relu's layer form. */
const relu: Operation = (call) =>
  reluOf(call.graph, asFloat(call, first(call)), {
    slope: call.config.optionalNumber('alpha') ?? 0,
    max: call.config.optionalNumber('max_value'),
    threshold: call.config.optionalNumber('threshold') ?? 0,
  });

const power: Operation = (call) => {
  const [a, b] = pair(call, 'FP32');
  return binary(call.graph, 'Pow', a, b);
};

const notEqual: Operation = (call) =>
  unary(call.graph, 'Not', binary(call.graph, 'Equal', ...pair(call), 'BOOL'), {}, 'BOOL');

const squaredDifference: Operation = (call) => {
  const difference = binary(call.graph, 'Sub', ...pair(call));
  return binary(call.graph, 'Mul', difference, difference);
};

export const arithmeticOperations: Record<string, Operation> = {
  Add: arithmetic('Add'),
  Subtract: arithmetic('Sub'),
  Multiply: arithmetic('Mul'),
  Divide: (call) => binary(call.graph, 'Div', ...pair(call, 'FP32')),
  TrueDivide: (call) => binary(call.graph, 'Div', ...pair(call, 'FP32')),
  DivideNoNan: divideNoNan,
  FloorDivide: floorDivide,
  Mod: mod,
  Power: power,
  Maximum: maximumWith('Max'),
  Minimum: maximumWith('Min'),
  SquaredDifference: squaredDifference,
  Greater: comparison('Greater'),
  GreaterEqual: comparison('GreaterOrEqual'),
  Less: comparison('Less'),
  LessEqual: comparison('LessOrEqual'),
  Equal: comparison('Equal'),
  NotEqual: notEqual,
  LogicalAnd: logical('And'),
  LogicalOr: logical('Or'),
  LogicalXor: logical('Xor'),
  LogicalNot: (call) => unary(call.graph, 'Not', call.graph.cast(first(call), 'BOOL'), {}, 'BOOL'),
  Where: whereOperation,
  Cast: cast,
  Clip: clipOperation,
  Absolute: plainUnary('Abs'),
  Abs: plainUnary('Abs'),
  Negative: plainUnary('Neg'),
  Sign: plainUnary('Sign'),
  Square: square,
  Sqrt: floatUnary('Sqrt'),
  Rsqrt: rsqrt,
  Reciprocal: floatUnary('Reciprocal'),
  Exp: floatUnary('Exp'),
  Expm1: expm1,
  Log: floatUnary('Log'),
  Log1p: log1p,
  Log2: logOfBase(2),
  Log10: logOfBase(10),
  Floor: floatUnary('Floor'),
  Ceil: floatUnary('Ceil'),
  Round: floatUnary('Round'),
  Sin: floatUnary('Sin'),
  Cos: floatUnary('Cos'),
  Tan: floatUnary('Tan'),
  Arcsin: floatUnary('Asin'),
  Arccos: floatUnary('Acos'),
  Arctan: floatUnary('Atan'),
  Sinh: floatUnary('Sinh'),
  Cosh: floatUnary('Cosh'),
  Tanh: floatUnary('Tanh'),
  Erf: floatUnary('Erf'),
  Isnan: (call) => unary(call.graph, 'IsNaN', asFloat(call, first(call)), {}, 'BOOL'),
  Relu: relu,
  Relu6: activation('relu6'),
  Sigmoid: activation('sigmoid'),
  Silu: activation('silu'),
  Softplus: activation('softplus'),
  Softsign: activation('softsign'),
  HardSigmoid: activation('hard_sigmoid'),
  HardSilu: activation('hard_silu'),
  HardTanh: activation('hard_tanh'),
  LogSigmoid: activation('log_sigmoid'),
  TanhShrink: activation('tanh_shrink'),
  SparsePlus: activation('sparse_plus'),
  SparseSigmoid: activation('sparse_sigmoid'),
  Mish: activation('mish'),
  Selu: activation('selu'),
  LeakyRelu: leakyRelu,
  Elu: withAlpha('Elu'),
  Celu: withAlpha('Celu'),
  Gelu: (call) =>
    gelu(call.graph, asFloat(call, first(call)), call.config.bool('approximate', true)),
  Softmax: softmax('Softmax'),
  LogSoftmax: softmax('LogSoftmax'),
};
