/** Inputs whose numbers a layer of the model scales, as training gave them to it: pixels of 0 to 255, mostly. */

import { flattenRefs } from './convert-network.ts';
import type { Layer, Network } from './network.ts';

const scaling = new Set(['Rescaling', 'Normalization']);
/** Layers that leave the range of the numbers as it is, or do nothing when a model is asked. */
const passing = /^(Random|InputLayer$|Resizing$|CenterCrop$|ZeroPadding2D$|Cropping2D$|Identity$)/;

/** The names of the inputs, by their input layers, that go into such a layer and nowhere else. */
export function scaledInputs(network: Network): Set<string> {
  if (network.kind === 'sequential') return scaledFirst(network);
  const users = usersIn(network);
  const inputs = flattenRefs(network.inputs).map(({ layer }) => layer);
  return new Set(inputs.filter((name) => isScaled(users, name)));
}

/** The input of a Sequential has the name of its first layer that is no model, or of its input layer. */
function scaledFirst({ layers }: Network): Set<string> {
  const [first] = layers;
  if (!first) return new Set();
  if (first.network) return scaledInputs(first.network);
  const name = first.className === 'InputLayer' ? first.name : `${first.name}_input`;
  const next = layers.find(({ className }) => !passing.test(className));
  return next && scales(next) ? new Set([name]) : new Set();
}

const scales = ({ className, network }: Layer): boolean =>
  network ? scaledInputs(network).size > 0 : scaling.has(className);

/** Of each layer, those that take what it gives. */
type Users = ReadonlyMap<string, ReadonlySet<Layer>>;

function usersIn({ layers }: Network): Users {
  const users = new Map<string, Set<Layer>>();
  for (const layer of layers) {
    for (const { args, kwargs } of layer.calls) {
      for (const { layer: from } of [...flattenRefs(args), ...flattenRefs(kwargs)])
        users.set(from, (users.get(from) ?? new Set()).add(layer));
    }
  }
  return users;
}

function isScaled(users: Users, input: string): boolean {
  const names = new Set([input]);
  for (const name of names) {
    const own = users.get(name);
    // What nobody takes is an output.
    if (!own) return false;
    for (const layer of own) {
      if (scales(layer)) continue;
      if (!passing.test(layer.className)) return false;
      names.add(layer.name);
    }
  }
  return true;
}
