/**
 * Keras' activation functions as ONNX operators.
 * Source: keras/src/activations/activations.py and keras/src/backend/tensorflow/nn.py (3.15); Keras 2
 * where it differs (hard_sigmoid).
 */

import { float } from '../../onnx/graph-data.ts';
import { binary, clip, scalar, unary, withNumber } from '../elementwise.ts';
import type { ImportGraph, Value } from '../import-graph.ts';
import { UnsupportedModelError } from '../problems.ts';
import type { Json } from './config.ts';
import { isObject } from './config.ts';

export interface ActivationContext {
  readonly graph: ImportGraph;
  readonly place: string;
  /** Major version of the Keras that wrote the file. */
  readonly major: number;
}

type Activation = (value: Value, context: ActivationContext) => Value;

const plain =
  (op: string): Activation =>
  (value, { graph }) =>
    unary(graph, op, value);

/** Keras 3: x/6 + 1/2; Keras 2: x/5 + 1/2; both clipped to [0, 1]. */
const hardSigmoid: Activation = (value, { graph, major }) =>
  unary(graph, 'HardSigmoid', value, { alpha: float(major >= 3 ? 1 / 6 : 0.2), beta: float(0.5) });

const times = (graph: ImportGraph, a: Value, b: Value): Value => binary(graph, 'Mul', a, b);

export function softmaxOf(graph: ImportGraph, value: Value, axis: number, op = 'Softmax'): Value {
  const rank = value.shape.length;
  const inMemory = graph.memoryAxis(value, axis < 0 ? axis + rank : axis);
  return unary(graph, op, value, { axis: inMemory });
}

/** x · Φ(x); `approximate` is the formula with tanh. */
export function gelu(graph: ImportGraph, x: Value, approximate: boolean): Value {
  if (!approximate) {
    const erf = unary(graph, 'Erf', withNumber(graph, 'Div', x, Math.SQRT2));
    return withNumber(graph, 'Mul', times(graph, x, withNumber(graph, 'Add', erf, 1)), 0.5);
  }
  const cube = times(graph, times(graph, x, x), x);
  const inner = binary(graph, 'Add', x, withNumber(graph, 'Mul', cube, 0.044715));
  const tanh = unary(graph, 'Tanh', withNumber(graph, 'Mul', inner, Math.sqrt(2 / Math.PI)));
  return withNumber(graph, 'Mul', times(graph, x, withNumber(graph, 'Add', tanh, 1)), 0.5);
}

/** 0 within [-limit, limit], elsewhere what `outside` makes of the value. */
function shrink(graph: ImportGraph, x: Value, limit: number, outside: (x: Value) => Value): Value {
  const far = unary(graph, 'Abs', x);
  const isFar = binary(graph, 'Greater', far, scalar(graph, limit, x.dtype), 'BOOL');
  return where(graph, isFar, outside(x), scalar(graph, 0, x.dtype));
}

export function where(graph: ImportGraph, condition: Value, yes: Value, no: Value): Value {
  const layout = yes.layout;
  const inLayout = graph.toLayout(condition, layout);
  const { dtype, shape } = yes;
  return graph.apply('Where', [inLayout, yes, no], { dtype, shape, layout });
}

const squareplus = (graph: ImportGraph, x: Value, b: number): Value => {
  const root = unary(graph, 'Sqrt', withNumber(graph, 'Add', times(graph, x, x), b));
  return withNumber(graph, 'Mul', binary(graph, 'Add', x, root), 0.5);
};

/** 0 below -1, (x+1)²/4 between, x above 1. */
const sparsePlus: Activation = (x, { graph }) => {
  const shifted = clip(graph, withNumber(graph, 'Add', x, 1), 0, 2);
  const quarter = withNumber(graph, 'Mul', times(graph, shifted, shifted), 0.25);
  const over = unary(graph, 'Relu', withNumber(graph, 'Sub', x, 1));
  return binary(graph, 'Add', quarter, over);
};

export function glu(graph: ImportGraph, value: Value, axis: number): Value {
  const x = graph.toSource(value);
  const at = axis < 0 ? axis + x.shape.length : axis;
  const shape = x.shape.map((size, i) => (i === at && size !== null ? size / 2 : size));
  const [a = '', b = ''] = graph.graph.node({
    op: 'Split',
    inputs: [x.name],
    outputs: 2,
    attributes: { axis: at, num_outputs: 2 },
  });
  const half = (name: string): Value => ({ name, dtype: x.dtype, shape, layout: 'source' });
  return times(graph, half(a), unary(graph, 'Sigmoid', half(b)));
}

const table: Record<string, Activation> = {
  linear: (value) => value,
  relu: plain('Relu'),
  relu6: (value, { graph }) => clip(graph, value, 0, 6),
  leaky_relu: (value, { graph }) => unary(graph, 'LeakyRelu', value, { alpha: float(0.2) }),
  elu: plain('Elu'),
  celu: plain('Celu'),
  selu: (value, { graph }) =>
    unary(graph, 'Selu', value, {
      alpha: float(1.6732632423543772),
      gamma: float(1.0507009873554805),
    }),
  softplus: plain('Softplus'),
  softsign: plain('Softsign'),
  sigmoid: plain('Sigmoid'),
  tanh: plain('Tanh'),
  exponential: plain('Exp'),
  hard_sigmoid: hardSigmoid,
  silu: (value, { graph }) => times(graph, value, unary(graph, 'Sigmoid', value)),
  hard_silu: (value, context) =>
    times(context.graph, value, hardSigmoid(value, { ...context, major: 3 })),
  gelu: (value, { graph }) => gelu(graph, value, false),
  mish: (value, { graph }) =>
    times(graph, value, unary(graph, 'Tanh', unary(graph, 'Softplus', value))),
  softmax: (value, { graph }) => softmaxOf(graph, value, -1),
  log_softmax: (value, { graph }) => softmaxOf(graph, value, -1, 'LogSoftmax'),
  log_sigmoid: (value, { graph }) =>
    unary(graph, 'Neg', unary(graph, 'Softplus', unary(graph, 'Neg', value))),
  tanh_shrink: (value, { graph }) => binary(graph, 'Sub', value, unary(graph, 'Tanh', value)),
  hard_tanh: (value, { graph }) => clip(graph, value, -1, 1),
  hard_shrink: (value, { graph }) => shrink(graph, value, 0.5, (x) => x),
  soft_shrink: (value, { graph }) =>
    shrink(graph, value, 0.5, (x) =>
      binary(graph, 'Sub', x, withNumber(graph, 'Mul', unary(graph, 'Sign', x), 0.5)),
    ),
  sparse_plus: sparsePlus,
  sparse_sigmoid: (value, { graph }) =>
    clip(graph, withNumber(graph, 'Add', withNumber(graph, 'Mul', value, 0.5), 0.5), 0, 1),
  squareplus: (value, { graph }) => squareplus(graph, value, 4),
  glu: (value, { graph }) => glu(graph, value, -1),
};

const aliases: Record<string, string> = {
  swish: 'silu',
  hard_swish: 'hard_silu',
  exp: 'exponential',
};

/** `relu`, `{class_name: 'function', config: 'relu'}`, `{class_name: 'ReLU', config: {…}}`, null. */
export function activationName(spec: Json | undefined): string | undefined {
  if (spec === null || spec === undefined) return 'linear';
  const name = typeof spec === 'string' ? spec : isObject(spec) ? nameOfObject(spec) : undefined;
  return name === undefined ? undefined : (aliases[name] ?? name);
}

function nameOfObject(spec: { readonly [key: string]: Json | undefined }): string | undefined {
  if (spec.class_name === 'function' || typeof spec.config === 'string') return String(spec.config);
  const config = isObject(spec.config) ? spec.config : {};
  // Default options only: others are of the layer and not of the function.
  const hasOptions = Object.keys(config).some(
    (key) => !['name', 'dtype', 'trainable'].includes(key),
  );
  return hasOptions ? undefined : String(spec.class_name).toLowerCase();
}

export const isActivation = (name: string): boolean => name in table || name in aliases;

/** Applies the activation that a configuration names. Throws UnsupportedModelError for a custom one. */
export function applyActivation(
  value: Value,
  spec: Json | undefined,
  context: ActivationContext,
): Value {
  const name = activationName(spec);
  const activation = name === undefined ? undefined : table[name];
  if (activation && Object.hasOwn(table, name as string)) return activation(value, context);
  const written = typeof spec === 'string' ? spec : JSON.stringify(spec).slice(0, 80);
  throw new UnsupportedModelError(
    context.place,
    `the activation ${written} is not supported`,
    `supported activations: ${Object.keys(table).sort().join(', ')}`,
  );
}
