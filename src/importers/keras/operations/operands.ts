/**
 * The operands of an operation: tensors, numbers and lists of numbers, brought to one dtype.
 */

import type { ElementType } from '../../../onnx/element-type.ts';
import { scalar } from '../../elementwise.ts';
import type { ImportGraph, Value } from '../../import-graph.ts';
import { InvalidModelError, UnsupportedModelError } from '../../problems.ts';
import { numberDtypes } from '../dtypes.ts';
import type { LayerCall, Resolved } from '../layer-kind.ts';
import { isValue } from '../layer-kind.ts';

const order: readonly ElementType[] = ['BOOL', 'UINT8', 'INT8', 'INT16', 'INT32', 'INT64', 'FP32'];

const isFloatNumber = (value: Resolved | undefined): boolean =>
  typeof value === 'number' && !Number.isInteger(value);

/** The dtype that all of them can be turned into without loss of meaning. */
function commonDtype(operands: readonly (Resolved | undefined)[]): ElementType {
  const known = operands.filter(isValue).map(({ dtype }) => dtype);
  const highest = Math.max(-1, ...known.map((dtype) => order.indexOf(dtype)));
  const hasFloat = operands.some((operand) => isFloatNumber(operand) || hasFloats(operand));
  if (highest === -1 || hasFloat) return 'FP32';
  const dtype = order[highest] as ElementType;
  const hasNumbers = operands.some((operand) => typeof operand === 'number');
  return dtype === 'BOOL' && hasNumbers ? 'INT32' : dtype;
}

const hasFloats = (operand: Resolved | undefined): boolean =>
  Array.isArray(operand) && flatNumbers(operand).some((value) => !Number.isInteger(value));

export function flatNumbers(list: Resolved | undefined): number[] {
  if (typeof list === 'number') return [list];
  return Array.isArray(list) ? list.flatMap(flatNumbers) : [];
}

function shapeOfList(list: Resolved | undefined): number[] {
  return Array.isArray(list) ? [list.length, ...shapeOfList(list[0])] : [];
}

/** One operand as a value of that dtype. */
export function operandOf(
  call: LayerCall,
  operand: Resolved | undefined,
  dtype: ElementType,
): Value {
  const { graph, layer } = call;
  if (isValue(operand)) return graph.cast(operand, dtype);
  if (typeof operand === 'number' || typeof operand === 'boolean') {
    return scalar(graph, Number(operand), dtype);
  }
  const numbers = flatNumbers(operand);
  const shape = shapeOfList(operand);
  const fits =
    Array.isArray(operand) && shape.reduce((count, size) => count * size, 1) === numbers.length;
  if (!fits)
    throw new InvalidModelError(layer.place, 'one of its operands is missing or no number');
  return constantOf(graph, numbers, shape, dtype);
}

export function constantOf(
  graph: ImportGraph,
  numbers: readonly number[],
  shape: readonly number[],
  dtype: ElementType,
): Value {
  if (dtype === 'INT64') {
    return graph.constant('list', { dtype, shape, data: BigInt64Array.from(numbers, BigInt) });
  }
  const floats = graph.constant('list', { dtype: 'FP32', shape, data: Float32Array.from(numbers) });
  return graph.cast(floats, dtype);
}

/** The first two arguments (Keras calls the second x2 or y), as values of one dtype. */
export function pair(call: LayerCall, dtype?: ElementType): [Value, Value] {
  const { args, kwargs } = call;
  const a = args[0] ?? kwargs.x1 ?? kwargs.x;
  const b = args[1] ?? kwargs.x2 ?? kwargs.y;
  const common = dtype ?? commonDtype([a, b]);
  return [operandOf(call, a, common), operandOf(call, b, common)];
}

/** The first argument, which must be a tensor. */
export function first(call: LayerCall): Value {
  const value = call.args[0] ?? call.kwargs.x ?? call.kwargs.inputs;
  if (isValue(value)) return value;
  throw new InvalidModelError(call.layer.place, 'its first operand is no tensor');
}

export const asFloat = (call: LayerCall, value: Value): Value => call.graph.cast(value, 'FP32');

/** `axis` as a list of 0 … rank-1; all axes when it is null. */
export function axesOf(call: LayerCall, value: Value, key = 'axis'): number[] {
  const rank = value.shape.length;
  if (!call.config.has(key)) return value.shape.map((_, i) => i);
  return call.config.ints(key).map((axis) => {
    const at = axis < 0 ? axis + rank : axis;
    if (at >= 0 && at < rank) return at;
    throw new InvalidModelError(call.layer.place, `it has the axis ${axis} on ${rank} axes`);
  });
}

/** The dtype that an operation is told to give; `fallback` when it is told none. */
export function namedDtype({ config, layer }: LayerCall, fallback: ElementType): ElementType {
  if (!config.has('dtype')) return fallback;
  const name = config.text('dtype');
  const dtype = numberDtypes[name];
  if (dtype) return dtype;
  throw new UnsupportedModelError(
    layer.place,
    `the dtype ${name} is not supported`,
    `supported: ${Object.keys(numberDtypes).join(', ')}`,
  );
}
