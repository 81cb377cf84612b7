/**
 * What merging layers make of masks, and masks of them.
 * Source: keras/src/layers/merging/ (3.15); tf_keras 2 where it differs.
 */

import { binary, scalar } from '../../elementwise.ts';
import type { Size, Value } from '../../import-graph.ts';
import { where } from '../activations.ts';
import type { LayerCall } from '../layer-kind.ts';
import { unsqueeze } from './attention-parts.ts';

const isNew = ({ file }: LayerCall): boolean => file.version[0] >= 3;

export const masksOf = (call: LayerCall): (Value | undefined)[] =>
  call.inputs.map((input) => call.maskOf(input));

/**
 * Keras 3: a step counts when it counts in any of the tensors, and there is no mask when one of them has
 * none. Keras 2: when it counts in all that have a mask.
 */
export function mergedMask(call: LayerCall): Value | undefined {
  const masks = masksOf(call);
  const given = masks.filter((mask) => mask !== undefined);
  if (isNew(call) && given.length < masks.length) return undefined;
  return fold(call, given, isNew(call) ? 'Or' : 'And');
}

function fold({ graph }: LayerCall, masks: readonly Value[], op: 'Or' | 'And'): Value | undefined {
  const [first, ...rest] = masks;
  return first && rest.reduce((all, mask) => binary(graph, op, all, mask, 'BOOL'), first);
}

/** Along the steps one after the other; along the features as of any other merging. */
export function concatenatedMask(call: LayerCall, axis: number): Value | undefined {
  const masks = masksOf(call);
  if (masks.every((mask) => mask === undefined)) return undefined;
  if (call.inputs.some(({ shape }) => shape.length !== 3)) return undefined;
  if (axis === 2) return mergedMask(call);
  const { graph } = call;
  const all = call.inputs.map((input, i) => masks[i] ?? allSteps(call, input));
  const sizes = all.map(({ shape }) => shape[1] ?? null);
  const steps = sizes.includes(null)
    ? null
    : (sizes as number[]).reduce((sum, size) => sum + size, 0);
  const shape: Size[] = [all[0]?.shape[0] ?? null, steps];
  return graph.apply('Concat', all, { dtype: 'BOOL', shape }, { axis: 1 });
}

/** True for every step: [batch, steps]. */
function allSteps({ graph }: LayerCall, value: Value): Value {
  const source = graph.toSource(value);
  const made = { dtype: 'INT64', shape: [2] } as const;
  const dims = graph.apply('Shape', [source], made, { start: 0, end: 2 });
  const shape = value.shape.slice(0, 2);
  return graph.apply('Expand', [scalar(graph, 1, 'BOOL'), dims], { dtype: 'BOOL', shape });
}

/** A mask as one that broadcasts over the features. */
const wide = ({ graph }: LayerCall, mask: Value): Value => unsqueeze(graph, mask, -1);

/** The product as Keras 3 has it: what does not count is 1, and 0 where nothing counts. */
export function maskedProduct(call: LayerCall, values: readonly Value[]): Value {
  const { graph } = call;
  const masks = masksOf(call);
  const factors = values.map((value, i) => {
    const mask = masks[i];
    const source = graph.toSource(value);
    return mask ? where(graph, wide(call, mask), source, scalar(graph, 1, value.dtype)) : source;
  });
  const [first, ...rest] = factors as [Value, ...Value[]];
  const product = rest.reduce((all, next) => binary(graph, 'Mul', all, next), first);
  const mask = mergedMask(call);
  return mask ? where(graph, wide(call, mask), product, scalar(graph, 0, product.dtype)) : product;
}

/** The largest or smallest as Keras 3 has it: what does not count gives way to what does. */
export function maskedExtreme(call: LayerCall, op: 'Max' | 'Min', values: readonly Value[]): Value {
  const { graph } = call;
  const masks = masksOf(call);
  const [first, ...rest] = values.map((value) => graph.toSource(value)) as [Value, ...Value[]];
  let output = first;
  let outputMask = masks[0];
  for (const [i, value] of rest.entries()) {
    const mask = masks[i + 1];
    const next = mask ? where(graph, wide(call, mask), value, output) : value;
    const kept = outputMask ? where(graph, wide(call, outputMask), output, next) : output;
    outputMask = mask && outputMask ? binary(graph, 'Or', outputMask, mask, 'BOOL') : undefined;
    output = binary(graph, op, kept, next);
  }
  return output;
}

/** True where a mask changes the numbers themselves. */
export const masksCount = (call: LayerCall): boolean =>
  isNew(call) && masksOf(call).some((mask) => mask !== undefined);
