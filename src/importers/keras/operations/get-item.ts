/** Python's indexing: `x[:, 1:3]`, `x[..., 0]`, `x[:, None]`. */

import type { Size, Value } from '../../import-graph.ts';
import { InvalidModelError, UnsupportedModelError } from '../../problems.ts';
import type { LayerCall, Resolved } from '../layer-kind.ts';
import { slice } from '../layers/resizing.ts';
import { ellipsis, Slice } from '../network.ts';
import { first } from './operands.ts';

type Key = number | null | Slice;

/** One entry for each axis, and null for a new one. */
function expandKey(call: LayerCall, key: Resolved | undefined, rank: number): Key[] {
  const list = Array.isArray(key) ? key : [key];
  const used = list.filter((item) => item !== null && item !== ellipsis).length;
  const all = (count: number): Slice[] =>
    Array.from({ length: count }, () => new Slice(null, null, null));
  const keys = list.flatMap((item): Key[] => {
    if (item === ellipsis) return all(rank - used);
    if (item === null || typeof item === 'number' || item instanceof Slice) return [item];
    throw new UnsupportedModelError(
      call.layer.place,
      'an index that is a tensor or a list is not supported',
      'numbers, slices, ... and None are',
    );
  });
  const axes = keys.filter((item) => item !== null).length;
  if (axes > rank)
    throw new InvalidModelError(call.layer.place, `it has ${axes} indices for ${rank} axes`);
  return list.includes(ellipsis) ? keys : [...keys, ...all(rank - axes)];
}

export function getItem(call: LayerCall): Value {
  const { graph, args, kwargs } = call;
  const x = graph.toSource(first(call));
  const keys = expandKey(call, args[1] ?? kwargs.key, x.shape.length);
  const cut = cutAxes(
    call,
    x,
    keys.filter((item) => item !== null),
  );
  return dropAndAdd(call, cut, keys);
}

function cutAxes(call: LayerCall, x: Value, keys: readonly (number | Slice)[]): Value {
  const axes: number[] = [];
  const starts: number[] = [];
  const ends: number[] = [];
  const steps: number[] = [];
  for (const [axis, item] of keys.entries()) {
    if (typeof item === 'number') {
      axes.push(axis);
      starts.push(item);
      ends.push(item === -1 ? Number.MAX_SAFE_INTEGER : item + 1);
      steps.push(1);
    } else if (item.start !== null || item.stop !== null || (item.step ?? 1) !== 1) {
      const step = item.step ?? 1;
      if (step === 0) throw new InvalidModelError(call.layer.place, 'a slice of it has the step 0');
      axes.push(axis);
      starts.push(item.start ?? (step > 0 ? 0 : -1));
      ends.push(item.stop ?? (step > 0 ? Number.MAX_SAFE_INTEGER : Number.MIN_SAFE_INTEGER));
      steps.push(step);
    }
  }
  return axes.length === 0 ? x : slice(call.graph, x, { axes, starts, ends, steps });
}

/** Axes of numbers go, axes of None come. */
function dropAndAdd({ graph }: LayerCall, x: Value, keys: readonly Key[]): Value {
  const dropped: number[] = [];
  const added: number[] = [];
  const shape: Size[] = [];
  let axis = 0;
  for (const item of keys) {
    if (item === null) {
      added.push(shape.length);
      shape.push(1);
      continue;
    }
    if (typeof item === 'number') dropped.push(axis);
    else shape.push(x.shape[axis] ?? null);
    axis += 1;
  }
  const { dtype } = x;
  const kept = x.shape.filter((_, i) => !dropped.includes(i));
  const less =
    dropped.length === 0
      ? x
      : graph.apply('Squeeze', [x, graph.ints(dropped)], { dtype, shape: kept });
  return added.length === 0
    ? less
    : graph.apply('Unsqueeze', [less, graph.ints(added)], { dtype, shape });
}
