/**
 * Exports split a batch normalisation into a product and a sum. Both together are one ONNX
 * BatchNormalization again, which the runtime folds into the convolution before it, or runs in one pass.
 */

import { float } from '../../../onnx/graph-data.ts';
import type { Value } from '../../import-graph.ts';
import type { Constant } from '../constant.ts';
import { constantOf, countOf, reshapeConstant } from '../constant.ts';
import type { Emitter } from '../emitter.ts';
import { mapElements } from '../fold/broadcast.ts';
import type { Known, Tensor } from '../values.ts';

interface Scaled {
  readonly from: Tensor;
  readonly scale: Constant;
}

const scaled = new WeakMap<Value, Scaled>();

/** Values that are the opposite of others, and factors of such. */
const opposites = new WeakMap<Value, { readonly of: Tensor; readonly factor: number }>();

export function noteOpposite(negated: Tensor, of: Tensor): Tensor {
  opposites.set(negated.value, { of, factor: 1 });
  return negated;
}

/** Remembers that `product` is a number times the opposite of a value. */
export function noteOppositeTimes(product: Tensor, a: Known, b: Known): void {
  const [tensor, constant] = a.kind === 'tensor' ? [a, b] : [b, a];
  const opposite = tensor.kind === 'tensor' ? opposites.get(tensor.value) : undefined;
  if (!opposite || constant.kind !== 'constant' || countOf(constant.shape) !== 1) return;
  const factor = opposite.factor * Number(constant.read()[0] ?? 1);
  opposites.set(product.value, { of: opposite.of, factor });
}

/** `x` and `c` of a value that is −x · c. */
export const oppositeOf = (value: Value) => opposites.get(value);

/** The constant as one number a channel, when it is that: [C], [1, …, C]. */
function channelsOf(constant: Known, tensor: Tensor): Constant | undefined {
  if (constant.kind !== 'constant' || constant.type.name !== 'float') return undefined;
  const channels = tensor.dims.at(-1);
  const isVector = constant.shape.at(-1) === channels && countOf(constant.shape) === channels;
  if (!isVector || constant.shape.length > tensor.dims.length) return undefined;
  return reshapeConstant(constant, [channels as number]);
}

/** ONNX wants the channels second: they are, in a value that a convolution made. */
const takesChannels = ({ value, dims }: Tensor): boolean =>
  value.layout === 'channels-first' && dims.length >= 3;

/** Remembers that `product` is a tensor times one number a channel. */
export function noteScaled(product: Tensor, a: Known, b: Known): void {
  const [tensor, constant] = a.kind === 'tensor' ? [a, b] : [b, a];
  if (tensor.kind !== 'tensor' || !takesChannels(tensor)) return;
  const scale = channelsOf(constant, tensor);
  if (scale) scaled.set(product.value, { from: tensor, scale });
}

/** `product + sign * shift` as one normalisation, when that is what it is. */
export function takeScaled(
  emitter: Emitter,
  product: Known,
  shift: Known,
  sign: 1 | -1,
): Tensor | undefined {
  const known = product.kind === 'tensor' ? scaled.get(product.value) : undefined;
  const bias = known && channelsOf(shift, known.from);
  if (!known || !bias) return undefined;
  const { from, scale } = known;
  const signed = sign === 1 ? bias : mapElements([bias], bias.type, bias.place, (a = 0) => -a);
  const count = [countOf(scale.shape)];
  const fill = (value: number): Value =>
    emitter.initialiser(constantOf(scale.type, count, new Float32Array(count[0] ?? 0).fill(value)));
  return emitter.apply(
    'BatchNormalization',
    [from.value, emitter.initialiser(scale), emitter.initialiser(signed), fill(0), fill(1)],
    { type: from.type, dims: from.dims, layout: from.value.layout },
    { epsilon: float(0) },
  );
}
