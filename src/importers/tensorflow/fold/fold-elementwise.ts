/** Operators on single elements, computed ahead where all their inputs are known. */

import type { Constant } from '../constant.ts';
import { constantOf, doublesOf, storedConstant } from '../constant.ts';
import type { DataType } from '../data-types.ts';
import { dataType, isFloating } from '../data-types.ts';
import type { Operation } from '../evaluate/operation.ts';
import { mapElements } from './broadcast.ts';
import type { Folder } from './fold.ts';

const bool = dataType('bool');

type Compute = (...values: number[]) => number;

/** The result has the type of the first input. */
const same =
  (compute: Compute): Folder =>
  (operation, constants) =>
    mapElements(constants, (constants[0] as Constant).type, operation.place, compute);

const compare =
  (compute: (a: number, b: number) => boolean): Folder =>
  (operation, constants) =>
    mapElements(constants, bool, operation.place, (a = 0, b = 0) => (compute(a, b) ? 1 : 0));

const roundHalfEven = (value: number): number => {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
};

const divide = (type: DataType): Compute =>
  isFloating(type) ? (a = 0, b = 1) => a / b : (a = 0, b = 1) => Math.trunc(a / b);

const byType =
  (choose: (type: DataType) => Compute): Folder =>
  (operation, constants) =>
    same(choose((constants[0] as Constant).type))(operation, constants);

const select: Folder = (operation, [condition, yes, no]) =>
  mapElements(
    [condition as Constant, yes as Constant, no as Constant],
    (yes as Constant).type,
    operation.place,
    (c = 0, a = 0, b = 0) => (c === 0 ? b : a),
  );

/** A conversion to whole numbers cuts the fraction off. */
export function castConstant(constant: Constant, type: DataType): Constant {
  if (type.name === constant.type.name) return constant;
  const { shape, place } = constant;
  return storedConstant(type, shape, place, () => {
    const cut = isFloating(type) || type.name === 'bool' ? (value: number) => value : Math.trunc;
    return constantOf(type, shape, doublesOf(constant).map(cut), place).read();
  });
}

const cast: Folder = (operation: Operation, [input]) =>
  castConstant(input as Constant, operation.type('DstT'));

export const elementwiseFolders: Readonly<Record<string, Folder>> = {
  Add: same((a = 0, b = 0) => a + b),
  AddV2: same((a = 0, b = 0) => a + b),
  AddN: same((...values) => values.reduce((sum, value) => sum + value, 0)),
  Sub: same((a = 0, b = 0) => a - b),
  Mul: same((a = 0, b = 0) => a * b),
  RealDiv: byType(divide),
  Div: byType(divide),
  TruncateDiv: byType(divide),
  DivNoNan: same((a = 0, b = 0) => (b === 0 ? 0 : a / b)),
  FloorDiv: same((a = 0, b = 1) => Math.floor(a / b)),
  FloorMod: same((a = 0, b = 1) => a - Math.floor(a / b) * b),
  Mod: same((a = 0, b = 1) => a % b),
  Maximum: same(Math.max),
  Minimum: same(Math.min),
  Pow: same((a = 0, b = 0) => a ** b),
  SquaredDifference: same((a = 0, b = 0) => (a - b) ** 2),
  BiasAdd: same((a = 0, b = 0) => a + b),
  Neg: same((a = 0) => -a),
  Abs: same((a = 0) => Math.abs(a)),
  Sign: same((a = 0) => Math.sign(a)),
  Square: same((a = 0) => a * a),
  Sqrt: same((a = 0) => Math.sqrt(a)),
  Rsqrt: same((a = 0) => 1 / Math.sqrt(a)),
  Reciprocal: same((a = 0) => 1 / a),
  Inv: same((a = 0) => 1 / a),
  Exp: same((a = 0) => Math.exp(a)),
  Expm1: same((a = 0) => Math.expm1(a)),
  Log: same((a = 0) => Math.log(a)),
  Log1p: same((a = 0) => Math.log1p(a)),
  Tanh: same((a = 0) => Math.tanh(a)),
  Sigmoid: same((a = 0) => 1 / (1 + Math.exp(-a))),
  Softplus: same((a = 0) => Math.log1p(Math.exp(-Math.abs(a))) + Math.max(a, 0)),
  Relu: same((a = 0) => Math.max(a, 0)),
  Sin: same((a = 0) => Math.sin(a)),
  Cos: same((a = 0) => Math.cos(a)),
  Floor: same((a = 0) => Math.floor(a)),
  Ceil: same((a = 0) => Math.ceil(a)),
  Round: same((a = 0) => roundHalfEven(a)),
  Rint: same((a = 0) => roundHalfEven(a)),
  LogicalNot: same((a = 0) => (a === 0 ? 1 : 0)),
  LogicalAnd: compare((a, b) => a !== 0 && b !== 0),
  LogicalOr: compare((a, b) => a !== 0 || b !== 0),
  Less: compare((a, b) => a < b),
  LessEqual: compare((a, b) => a <= b),
  Greater: compare((a, b) => a > b),
  GreaterEqual: compare((a, b) => a >= b),
  Equal: compare((a, b) => a === b),
  NotEqual: compare((a, b) => a !== b),
  Select: select,
  SelectV2: select,
  Cast: cast,
  ZerosLike: same(() => 0),
  OnesLike: same(() => 1),
};
