/** Inputs whose numbers a layer of the model scales, as training gave them to it: pixels of 0 to 255, mostly. */

import { flattenRefs } from './convert-network.ts';
import type { Argument, Layer, Network } from './network.ts';

const scaling = new Set(['Rescaling', 'Normalization']);
/** Layers that leave the range of the numbers as it is, or do nothing when a model is asked. */
const passing = /^(Random|InputLayer$|Resizing$|CenterCrop$|ZeroPadding2D$|Cropping2D$|Identity$)/;

/** The names of the inputs, by their input layers, that go into such a layer and nowhere else. */
export function scaledInputs(network: Network): Set<string> {
  if (network.kind === 'sequential') return scaledFirst(network);
  const inputs = flattenRefs(network.inputs).map(({ layer }) => layer);
  return new Set(inputs.filter((name) => isScaled(network, name, new Set())));
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

function isScaled(network: Network, from: string, seen: Set<string>): boolean {
  if (seen.has(from)) return false;
  seen.add(from);
  const users = network.layers.filter(({ calls }) =>
    calls.some(({ args, kwargs }) => uses([...args, ...Object.values(kwargs)], from)),
  );
  return (
    users.length > 0 &&
    users.every(
      (layer) =>
        scales(layer) || (passing.test(layer.className) && isScaled(network, layer.name, seen)),
    )
  );
}

const uses = (args: readonly Argument[], name: string): boolean =>
  flattenRefs(args).some(({ layer }) => layer === name);
