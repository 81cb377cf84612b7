/** Operators on single elements: arithmetic, comparisons, logic, choices, activations. */

import { numberOfElementType } from '../../../onnx/element-type.ts';
import type { Attributes } from '../../../onnx/graph-data.ts';
import { float } from '../../../onnx/graph-data.ts';
import type { Value } from '../../import-graph.ts';
import type { Constant } from '../constant.ts';
import { constantOf, countOf } from '../constant.ts';
import type { DataType } from '../data-types.ts';
import { dataType, isFloating } from '../data-types.ts';
import type { Emitter } from '../emitter.ts';
import { elementOf } from '../emitter.ts';
import type { Handler, Handlers } from '../evaluate/context.ts';
import { castConstant } from '../fold/fold-elementwise.ts';
import type { Known, Tensor } from '../values.ts';
import { dimsOf, known, rankOf } from './arguments.ts';
import { asTensor, elementwise, unary } from './broadcast.ts';
import { noteClippedToSix, notePlusThree, takeHardSigmoid } from './hard-sigmoid.ts';
import {
  noteOpposite,
  noteOppositeTimes,
  noteScaled,
  oppositeOf,
  takeScaled,
} from './scale-and-shift.ts';

const bool = dataType('bool');

const binary =
  (op: string, attributes: Attributes = {}): Handler =>
  (operation, inputs, { emitter }) => {
    const a = known(operation, inputs, 0);
    return elementwise(
      operation,
      emitter,
      op,
      [a, known(operation, inputs, 1)],
      a.type,
      attributes,
    );
  };

const compare =
  (op: string): Handler =>
  (operation, inputs, { emitter }) => {
    const pair = [known(operation, inputs, 0), known(operation, inputs, 1)];
    return elementwise(operation, emitter, op, pair, bool);
  };

const one =
  (make: (emitter: Emitter, input: Tensor) => Tensor): Handler =>
  (operation, inputs, { emitter }) =>
    make(emitter, asTensor(emitter, known(operation, inputs, 0)));

const plain = (op: string, attributes: Attributes = {}): Handler =>
  one((emitter, input) => unary(emitter, op, input, attributes));

/** Another node behind, of the same shape. */
const then = (emitter: Emitter, op: string, input: Tensor, ...others: Value[]): Tensor => {
  const { type, dims, value } = input;
  return emitter.apply(op, [value, ...others], { type, dims, layout: value.layout });
};

const number = (emitter: Emitter, value: number, type: DataType): Value =>
  emitter.initialiser(constantOf(type, [], [value]));

/** Whole numbers divide towards zero in ONNX; TensorFlow's FloorDiv rounds down. */
const floorDivide: Handler = (operation, inputs, { emitter }) => {
  const [a, b] = [known(operation, inputs, 0), known(operation, inputs, 1)];
  if (isFloating(a.type))
    return unary(emitter, 'Floor', elementwise(operation, emitter, 'Div', [a, b], a.type));
  const double = dataType('double');
  const [x, y] = [castTo(emitter, a, double), castTo(emitter, b, double)];
  const floor = unary(emitter, 'Floor', elementwise(operation, emitter, 'Div', [x, y], double));
  return castTo(emitter, floor, a.type);
};

/** The remainder has the sign of the divisor. */
const floorMod: Handler = (operation, inputs, { emitter }) => {
  const [a, b] = [known(operation, inputs, 0), known(operation, inputs, 1)];
  if (!isFloating(a.type)) return elementwise(operation, emitter, 'Mod', [a, b], a.type);
  const times = unary(emitter, 'Floor', elementwise(operation, emitter, 'Div', [a, b], a.type));
  const product = elementwise(operation, emitter, 'Mul', [times, b], a.type);
  return elementwise(operation, emitter, 'Sub', [a, product], a.type);
};

const squaredDifference: Handler = (operation, inputs, { emitter }) => {
  const [a, b] = [known(operation, inputs, 0), known(operation, inputs, 1)];
  const difference = elementwise(operation, emitter, 'Sub', [a, b], a.type);
  return then(emitter, 'Mul', difference, difference.value);
};

/** 0 where the divisor is 0. */
const divideNoNan: Handler = (operation, inputs, { emitter }) => {
  const [a, b] = [known(operation, inputs, 0), known(operation, inputs, 1)];
  const zero = constantOf(a.type, [], [0]);
  const isZero = elementwise(operation, emitter, 'Equal', [b, zero], bool);
  const quotient = elementwise(operation, emitter, 'Div', [a, b], a.type);
  return elementwise(operation, emitter, 'Where', [isZero, zero, quotient], a.type);
};

const notEqual: Handler = (operation, inputs, context) =>
  unary(context.emitter, 'Not', compare('Equal')(operation, inputs, context) as Tensor);

const addAll: Handler = (operation, inputs, { emitter }) => {
  const all = inputs.map((_, i) => known(operation, inputs, i));
  return all
    .slice(1)
    .reduce<Known>(
      (sum, next) => elementwise(operation, emitter, 'Add', [sum, next], sum.type),
      all[0] ?? operation.refuse('it has no inputs'),
    );
};

/** A factor for each channel, then a summand: kept for a normalisation that takes both (ONNX has one). */
const multiply: Handler = (operation, inputs, { emitter }) => {
  const [a, b] = [known(operation, inputs, 0), known(operation, inputs, 1)];
  const hard = takeHardSigmoid(emitter, a, b, 'Mul') ?? takeHardSigmoid(emitter, b, a, 'Mul');
  if (hard) return hard;
  const product = elementwise(operation, emitter, 'Mul', [a, b], a.type);
  noteScaled(product, a, b);
  noteOppositeTimes(product, a, b);
  return product;
};

const add: Handler = (operation, inputs, { emitter }) => {
  const [a, b] = [known(operation, inputs, 0), known(operation, inputs, 1)];
  const normalised = takeScaled(emitter, a, b, 1) ?? takeScaled(emitter, b, a, 1);
  if (normalised) return normalised;
  const sum = elementwise(operation, emitter, 'Add', [a, b], a.type);
  notePlusThree(sum, a, b);
  return sum;
};

const divide: Handler = (operation, inputs, { emitter }) => {
  const [a, b] = [known(operation, inputs, 0), known(operation, inputs, 1)];
  const hard = takeHardSigmoid(emitter, a, b, 'Div');
  return hard ?? elementwise(operation, emitter, 'Div', [a, b], a.type);
};

const subtract: Handler = (operation, inputs, { emitter }) => {
  const [a, b] = [known(operation, inputs, 0), known(operation, inputs, 1)];
  return takeScaled(emitter, a, b, -1) ?? elementwise(operation, emitter, 'Sub', [a, b], a.type);
};

/** A condition of rank 1 chooses rows; of any other rank it has the shape of the choices. */
const select: Handler = (operation, inputs, { emitter }) => {
  const [condition, yes, no] = [0, 1, 2].map((i) => known(operation, inputs, i)) as [
    Known,
    Known,
    Known,
  ];
  const rank = rankOf(yes);
  if (operation.op !== 'Select' || rankOf(condition) !== 1 || rank === 1) {
    return elementwise(operation, emitter, 'Where', [condition, yes, no], yes.type);
  }
  const axes = Array.from({ length: rank - 1 }, (_, i) => i + 1);
  const dims = [...dimsOf(condition), ...axes.map(() => 1)];
  const wide = emitter.apply('Unsqueeze', [emitter.useSource(condition), emitter.ints(axes)], {
    type: bool,
    dims,
  });
  return elementwise(operation, emitter, 'Where', [wide, yes, no], yes.type);
};

export function castTo(emitter: Emitter, input: Known, type: DataType): Known {
  if (input.type.name === type.name) return input;
  if (input.kind === 'constant') return castConstant(input, type);
  const tensor = asTensor(emitter, input);
  if (elementOf(tensor.type) === elementOf(type)) return { ...tensor, type };
  return unary(emitter, 'Cast', tensor, { to: numberOfElementType(elementOf(type)) }, type);
}

const isWhole = (type: DataType): boolean => /^u?int/.test(type.name);

const cast: Handler = (operation, inputs, { emitter }) => {
  const input = known(operation, inputs, 0);
  const type = operation.type('DstT');
  if (!type.element || type.name === 'string')
    operation.refuse(`a cast to ${type.name} is not supported`);
  if (input.kind === 'sizes' && isWhole(type)) return { ...input, type };
  return castTo(emitter, input, type);
};

const clip: Handler = (operation, inputs, { emitter }) => {
  const [x, low, high] = [0, 1, 2].map((i) => known(operation, inputs, i)) as [Known, Known, Known];
  const raised = elementwise(operation, emitter, 'Max', [x, low], x.type);
  return elementwise(operation, emitter, 'Min', [raised, high], x.type);
};

const clipTo = (emitter: Emitter, input: Tensor, low: number, high: number): Tensor => {
  const { type } = input;
  return then(emitter, 'Clip', input, number(emitter, low, type), number(emitter, high, type));
};

const leakyRelu: Handler = (operation, inputs, { emitter }) =>
  unary(emitter, 'LeakyRelu', asTensor(emitter, known(operation, inputs, 0)), {
    alpha: float(operation.float('alpha', 0.2)),
  });

/** Log and Exp of ONNX lose the digits that log1p and expm1 keep near 0; within float it hardly shows. */
const plusOne = (emitter: Emitter, input: Tensor): Tensor =>
  then(emitter, 'Add', input, number(emitter, 1, input.type));

/** 1 − erf(x); of −x · c it is 1 + erf(x · c), in the form in which the runtime knows it as part of GELU. */
function complement(emitter: Emitter, input: Tensor): Tensor {
  const opposite = oppositeOf(input.value);
  const { type } = input;
  const one = number(emitter, 1, type);
  if (opposite) {
    const scaled = then(emitter, 'Div', opposite.of, number(emitter, 1 / opposite.factor, type));
    return then(emitter, 'Add', unary(emitter, 'Erf', scaled), one);
  }
  const { dims, value } = unary(emitter, 'Erf', input);
  return emitter.apply('Sub', [one, value], { type, dims, layout: value.layout });
}

const finite: Handler = one((emitter, input) => {
  const { dims } = input;
  const { layout } = input.value;
  const made = { type: bool, dims, layout };
  const infinite = emitter.apply('IsInf', [input.value], made);
  const nan = emitter.apply('IsNaN', [input.value], made);
  return unary(emitter, 'Not', emitter.apply('Or', [infinite.value, nan.value], made));
});

/** A bias is for the channels: the last axis, or the second where the node says NCHW. */
const biasAdd: Handler = (operation, inputs, context) => {
  const bias = known(operation, inputs, 1);
  const rank = rankOf(known(operation, inputs, 0));
  if (!operation.text('data_format', 'NHWC').startsWith('NC') || rank < 3)
    return add(operation, inputs, context);
  if (bias.kind !== 'constant')
    return operation.refuse('a computed bias with channels first is not supported');
  const shape = [countOf(bias.shape), ...new Array<number>(rank - 2).fill(1)];
  const wide: Constant = { ...bias, shape };
  return add(operation, [inputs[0] as Known, wide], context);
};

export const arithmeticHandlers: Handlers = {
  Add: add,
  AddV2: add,
  AddN: addAll,
  BiasAdd: biasAdd,
  BiasAddV1: add,
  Sub: subtract,
  Mul: multiply,
  RealDiv: divide,
  Div: divide,
  TruncateDiv: binary('Div'),
  DivNoNan: divideNoNan,
  FloorDiv: floorDivide,
  FloorMod: floorMod,
  Maximum: binary('Max'),
  Minimum: binary('Min'),
  Pow: binary('Pow'),
  SquaredDifference: squaredDifference,
  Less: compare('Less'),
  LessEqual: compare('LessOrEqual'),
  Greater: compare('Greater'),
  GreaterEqual: compare('GreaterOrEqual'),
  Equal: compare('Equal'),
  NotEqual: notEqual,
  LogicalAnd: compare('And'),
  LogicalOr: compare('Or'),
  LogicalNot: plain('Not'),
  Select: select,
  SelectV2: select,
  Cast: cast,
  ClipByValue: clip,
  Neg: one((emitter, input) => noteOpposite(unary(emitter, 'Neg', input), input)),
  Abs: plain('Abs'),
  Sign: plain('Sign'),
  Sqrt: plain('Sqrt'),
  Exp: plain('Exp'),
  Log: plain('Log'),
  Sin: plain('Sin'),
  Cos: plain('Cos'),
  Tan: plain('Tan'),
  Asin: plain('Asin'),
  Acos: plain('Acos'),
  Atan: plain('Atan'),
  Sinh: plain('Sinh'),
  Cosh: plain('Cosh'),
  Asinh: plain('Asinh'),
  Acosh: plain('Acosh'),
  Atanh: plain('Atanh'),
  Floor: plain('Floor'),
  Ceil: plain('Ceil'),
  Round: plain('Round'),
  Rint: plain('Round'),
  Erf: plain('Erf'),
  Reciprocal: plain('Reciprocal'),
  Inv: plain('Reciprocal'),
  Tanh: plain('Tanh'),
  Sigmoid: plain('Sigmoid'),
  Relu: plain('Relu'),
  Elu: plain('Elu', { alpha: float(1) }),
  Selu: plain('Selu', { alpha: float(1.6732632423543772), gamma: float(1.0507009873554805) }),
  Softplus: plain('Softplus'),
  Softsign: plain('Softsign'),
  LeakyRelu: leakyRelu,
  Relu6: one((emitter, input) => noteClippedToSix(clipTo(emitter, input, 0, 6), input)),
  Square: one((emitter, input) => then(emitter, 'Mul', input, input.value)),
  Rsqrt: one((emitter, input) => unary(emitter, 'Reciprocal', unary(emitter, 'Sqrt', input))),
  Log1p: one((emitter, input) => unary(emitter, 'Log', plusOne(emitter, input))),
  Expm1: one((emitter, input) =>
    then(emitter, 'Sub', unary(emitter, 'Exp', input), number(emitter, 1, input.type)),
  ),
  Erfc: one(complement),
  IsFinite: finite,
  IsNan: one((emitter, input) => unary(emitter, 'IsNaN', input, {}, bool)),
  IsInf: one((emitter, input) => unary(emitter, 'IsInf', input, {}, bool)),
  ZerosLike: one((emitter, input) => then(emitter, 'Mul', input, number(emitter, 0, input.type))),
};
