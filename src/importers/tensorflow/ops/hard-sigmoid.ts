/**
 * clip(x + 3, 0, 6) / 6 is one ONNX HardSigmoid, which the runtime computes in one pass; exports have three
 * operators for it. What else uses their results keeps them.
 */

import { float } from '../../../onnx/graph-data.ts';
import type { Value } from '../../import-graph.ts';
import { countOf } from '../constant.ts';
import type { Emitter } from '../emitter.ts';
import type { Known, Tensor } from '../values.ts';
import { unary } from './broadcast.ts';

/** What a sum with 3, and its part between 0 and 6, were made of. */
const plusThree = new WeakMap<Value, Tensor>();
const clipped = new WeakMap<Value, Tensor>();

/** The one number that a constant of floats is. */
function numberOf(known: Known): number | undefined {
  if (known.kind !== 'constant' || known.type.name !== 'float') return undefined;
  return countOf(known.shape) === 1 ? Number(known.read()[0]) : undefined;
}

/** Remembers that `sum` is a tensor and 3; a constant of more axes than the tensor changes its rank. */
export function notePlusThree(sum: Known, a: Known, b: Known): void {
  const [tensor, constant] = a.kind === 'tensor' ? [a, b] : [b, a];
  if (sum.kind !== 'tensor' || tensor.kind !== 'tensor' || numberOf(constant) !== 3) return;
  if (sum.dims.length === tensor.dims.length) plusThree.set(sum.value, tensor);
}

/** Remembers that `result` is a value between 0 and 6. */
export function noteClippedToSix(result: Tensor, input: Tensor): Tensor {
  const of = plusThree.get(input.value);
  if (of) clipped.set(result.value, of);
  return result;
}

/** A sixth of such a value; undefined for anything else. */
export function takeHardSigmoid(
  emitter: Emitter,
  value: Known,
  other: Known,
  op: 'Mul' | 'Div',
): Tensor | undefined {
  const of = value.kind === 'tensor' ? clipped.get(value.value) : undefined;
  const number = of && numberOf(other);
  if (!of || number !== (op === 'Div' ? 6 : Math.fround(1 / 6))) return undefined;
  if (other.kind === 'constant' && other.shape.length > of.dims.length) return undefined;
  return unary(emitter, 'HardSigmoid', of, { alpha: float(1 / 6), beta: float(0.5) });
}
