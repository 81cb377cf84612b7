/** Small parts that most kinds of layers need. */

import type { Size, Value } from '../../import-graph.ts';
import { InvalidModelError } from '../../problems.ts';
import type { Weight } from '../../weight.ts';
import { applyActivation } from '../activations.ts';
import type { Json } from '../config.ts';
import { isObject } from '../config.ts';
import type { LayerCall } from '../layer-kind.ts';
import { readInnerLayer } from '../network.ts';

/** The input of a layer that takes one. */
export function onlyInput({ inputs, layer }: LayerCall): Value {
  const [input] = inputs;
  if (input && inputs.length === 1) return input;
  throw new InvalidModelError(
    layer.place,
    `it is called with ${inputs.length} tensors; expected one`,
  );
}

export function requireShape(weight: Weight, shape: readonly number[]): Weight {
  if (weight.shape.length === shape.length && weight.shape.every((size, i) => size === shape[i])) {
    return weight;
  }
  throw new InvalidModelError(
    weight.place,
    `it has the shape [${weight.shape.join(', ')}]; the configuration needs [${shape.join(', ')}]`,
  );
}

/** The layer's own activation (or another one) on a value. */
export function activate(
  call: LayerCall,
  value: Value,
  spec: Json | undefined = call.config.get('activation'),
): Value {
  const { graph, layer, file } = call;
  if (isObject(spec) && activationLayers.has(String(spec.class_name))) {
    const [result] = call.callInner(readInnerLayer(spec, layer), call.weights, [value]);
    return result as Value;
  }
  return applyActivation(value, spec, { graph, place: layer.place, major: file.version[0] });
}

/** Layers that may stand for an activation function: those without weights. */
const activationLayers = new Set(['ReLU', 'LeakyReLU', 'ELU', 'Softmax', 'ThresholdedReLU']);

/** An axis as 0 … rank-1. */
export function axisOf(call: LayerCall, value: Value, axis: number): number {
  const rank = value.shape.length;
  const at = axis < 0 ? axis + rank : axis;
  if (Number.isSafeInteger(at) && at >= 0 && at < rank) return at;
  throw new InvalidModelError(call.layer.place, `it has the axis ${axis} on ${rank} axes`);
}

export function knownSize(call: LayerCall, value: Value, axis: number): number {
  const size = value.shape[axis];
  if (typeof size === 'number') return size;
  throw new InvalidModelError(
    call.layer.place,
    `the size of axis ${axis} of its input is not known`,
  );
}

export const productOf = (sizes: readonly Size[]): Size =>
  sizes.some((size) => size === null)
    ? null
    : (sizes as readonly number[]).reduce((count, size) => count * size, 1);
