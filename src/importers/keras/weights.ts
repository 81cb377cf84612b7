/**
 * Finds the weights of a layer. Two ways of keeping them:
 *
 * - `.keras` and `.weights.h5` of Keras 3: a group for each layer by the place it has in the object
 *   (`layers/dense_1/vars/0`): the class with a counter over the model's layers, then the position.
 * - `.h5` as before: for each top layer one flat list (attribute `weight_names`), what is trained first.
 */

import type { Hdf5Dataset } from '../hdf5/dataset.ts';
import type { Hdf5Group } from '../hdf5/hdf5-file.ts';
import { InvalidModelError } from '../problems.ts';
import type { Weight } from '../weight.ts';
import { Config } from './config.ts';
import type { LayerKind, Slot } from './layer-kind.ts';
import type { Layer, Network } from './network.ts';
import { isOperation } from './network.ts';

export interface LayerWeights {
  readonly place: string;
  has(slot: string): boolean;
  /** Throws InvalidModelError when the file has no such weight. */
  get(slot: string): Weight;
  /** Those of a layer inside, by the attribute that holds it. */
  child(attribute: string): LayerWeights;
  /** Those of a layer of the network inside. */
  layer(name: string): LayerWeights;
}

export type FindKind = (layer: Layer) => LayerKind | undefined;

/** A layer with all the weights below it, before they are found in the file. */
interface Plan {
  readonly place: string;
  readonly name: string;
  /** In the order of the file. */
  readonly own: readonly Slot[];
  readonly trainable: boolean;
  /** By the path below the layer: `forward_layer/cell`, `layers/dense_1`. */
  readonly children: readonly { path: string; name: string; plan: Plan }[];
}

function planLayer(layer: Layer, kindOf: FindKind, isTrained = true): Plan {
  const trainable = isTrained && layer.trainable;
  const { place, name } = layer;
  if (layer.network) {
    const children = planNetwork(layer.network, kindOf, trainable);
    return { place, name, own: [], trainable, children };
  }
  const kind = kindOf(layer);
  const config = new Config(layer.config, place);
  const own = kind?.weights?.(config) ?? [];
  const children = (kind?.children?.(layer, config) ?? []).map(({ attribute, layer: inner }) => ({
    path: attribute,
    name: attribute,
    // The layer inside is named after its class or its wrapper, so its name is no check.
    plan: { ...planLayer(inner, kindOf, trainable), name: '' },
  }));
  return { place, name, own: trainedFirst(own), trainable, children };
}

function trainedFirst(own: readonly Slot[]): Slot[] {
  return [...own.filter(({ trainable }) => trainable), ...own.filter((slot) => !slot.trainable)];
}

/** Keras' `to_snake_case`. */
export function snakeCase(className: string): string {
  return className
    .replace(/\W+/g, '')
    .replace(/(.)([A-Z][a-z]+)/g, '$1_$2')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase();
}

/** Classes that are saved under another name than their own, which is what the paths are made of. */
const ownNames: ReadonlyMap<string, string> = new Map([
  ['GroupQueryAttention', 'GroupedQueryAttention'],
]);

function planNetwork(network: Network, kindOf: FindKind, isTrained: boolean): Plan['children'] {
  const counts = new Map<string, number>();
  const children: { path: string; name: string; plan: Plan }[] = [];
  for (const layer of network.layers) {
    const isHidden = network.kind === 'sequential' && layer.className === 'InputLayer';
    if (isHidden || isOperation(layer)) continue;
    const base = snakeCase(ownNames.get(layer.className) ?? layer.className);
    const count = counts.get(base) ?? 0;
    counts.set(base, count + 1);
    const path = `layers/${count === 0 ? base : `${base}_${count}`}`;
    const plan = planLayer(layer, kindOf, isTrained && network.trainable);
    children.push({ path, name: layer.name, plan });
  }
  return children;
}

export function planModel(network: Network, kindOf: FindKind): Plan {
  const children = planNetwork(network, kindOf, true);
  return { place: '', name: network.name, own: [], trainable: true, children };
}

const missing = (place: string, slot: string): InvalidModelError =>
  new InvalidModelError(place, `its weight '${slot}' is not in the file`);

function weightFrom(dataset: Hdf5Dataset, place: string, slot: string): Weight {
  const { shape, type } = dataset;
  const isBrain = type.kind === 'other' && type.size === 2 && isBfloat16(dataset);
  const read = isBrain ? () => fromBrain(dataset.readBytes()) : () => dataset.readFloats();
  return { place: `${place} weight '${slot}'`, shape, read };
}

const isBfloat16 = ({ attributes }: Hdf5Dataset): boolean =>
  attributes.get('dtype')?.[0] === 'bfloat16';

/** bfloat16: the upper half of a single. */
function fromBrain(bytes: Uint8Array): Float32Array {
  const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
  const singles = Uint32Array.from(halves, (half) => half * 65_536);
  return new Float32Array(singles.buffer);
}

/** The weights of a model in the layout of Keras 3. `root` is the group that has `layers`. */
export function openNewWeights(root: Hdf5Group, network: Network, kindOf: FindKind): LayerWeights {
  const prefix = root.has('layers') ? 'layers/' : '_layer_checkpoint_dependencies/';
  return newWeights(root, planModel(network, kindOf), prefix);
}

/** Layers of a file in the layout of Keras 3 that have weights and no place in the network. */
export function unplannedLayers(root: Hdf5Group, network: Network, kindOf: FindKind): string[] {
  const { children } = planModel(network, kindOf);
  const planned = new Set(children.map(({ path }) => path.replace(/^layers\//, '')));
  const layers = root.group('layers') ?? root.group('_layer_checkpoint_dependencies');
  return (layers?.names ?? []).filter(
    (name) => !planned.has(name) && (layers?.group(name)?.group('vars')?.names.length ?? 0) > 0,
  );
}

type Child = Plan['children'][number];
const childrenBy = {
  path: new WeakMap<Plan, Map<string, Child>>(),
  name: new WeakMap<Plan, Map<string, Child>>(),
};

/** Each layer of a large network asks for its own. */
function childOf(plan: Plan, key: 'path' | 'name', wanted: string): Child {
  let known = childrenBy[key].get(plan);
  if (!known) {
    known = new Map(plan.children.map((child) => [child[key], child]));
    childrenBy[key].set(plan, known);
  }
  const found = known.get(wanted);
  if (!found) throw missing(plan.place, wanted);
  return found;
}

function newWeights(group: Hdf5Group | undefined, plan: Plan, prefix: string): LayerWeights {
  const { place, own } = plan;
  let vars: Hdf5Group | undefined;
  const find = (slot: string): Hdf5Dataset | undefined => {
    vars ??= checkName(group?.group('vars'), plan);
    const index = own.findIndex(({ name }) => name === slot);
    return index === -1 ? undefined : vars?.dataset(String(index));
  };
  const open = (key: 'path' | 'name', wanted: string): LayerWeights => {
    const found = childOf(plan, key, wanted);
    const path = found.path.replace(/^layers\//, prefix);
    // Keras 2 and 3 call some attributes with and without an underscore.
    const other = path.startsWith('_') ? path.slice(1) : `_${path}`;
    return newWeights(group?.group(path) ?? group?.group(other), found.plan, prefix);
  };
  return {
    place,
    has: (slot) => find(slot) !== undefined,
    get(slot) {
      const dataset = find(slot);
      if (!dataset) throw missing(place, slot);
      return weightFrom(dataset, place, slot);
    },
    child: (attribute) => open('path', attribute),
    layer: (name) => open('name', name),
  };
}

/** The counter in the path is the only key; the name beside the weights tells when it is off. */
function checkName(vars: Hdf5Group | undefined, { name, place }: Plan): Hdf5Group | undefined {
  const written = vars?.attributes.get('name')?.[0];
  if (
    name !== '' &&
    typeof written === 'string' &&
    written !== name &&
    vars &&
    vars.names.length > 0
  ) {
    throw new InvalidModelError(place, `the weights at its place belong to the layer "${written}"`);
  }
  return vars;
}

/** The weights of a whole model, which has none beside those of its layers. */
function weightsOfLayers(
  plan: Plan,
  weightsOf: (plan: Plan, name: string) => LayerWeights,
): LayerWeights {
  return {
    place: '',
    has: () => false,
    get(slot) {
      throw missing('', slot);
    },
    child(attribute) {
      throw missing('', attribute);
    },
    layer(name) {
      return weightsOf(childOf(plan, 'name', name).plan, name);
    },
  };
}

/**
 * The weights of a model in the older layout. `root` is `model_weights`, or the file of weights only.
 * `groups` holds the file's names of layers that it calls by others.
 */
export function openOldWeights(
  root: Hdf5Group,
  network: Network,
  kindOf: FindKind,
  groups: ReadonlyMap<string, string> = new Map(),
): LayerWeights {
  const plan = planModel(network, kindOf);
  return weightsOfLayers(plan, (found, name) =>
    oldWeights(found, assign(root, { ...found, name: groups.get(name) ?? found.name })),
  );
}

/** The names of the layers that have weights, in the order in which Keras saves and loads them. */
export function layersWithWeights(network: Network, kindOf: FindKind): string[] {
  const { children } = planModel(network, kindOf);
  return children.filter(({ plan }) => flatten(plan).length > 0).map(({ name }) => name);
}

type Assigned = ReadonlyMap<Slot, Hdf5Dataset>;

function oldWeights(plan: Plan, assigned: Assigned): LayerWeights {
  const { place, own } = plan;
  const find = (slot: string): Hdf5Dataset | undefined => {
    const found = own.find(({ name }) => name === slot);
    return found && assigned.get(found);
  };
  const open = (key: 'path' | 'name', wanted: string): LayerWeights => {
    return oldWeights(childOf(plan, key, wanted).plan, assigned);
  };
  return {
    place,
    has: (slot) => find(slot) !== undefined,
    get(slot) {
      const dataset = find(slot);
      if (!dataset) throw missing(place, slot);
      return weightFrom(dataset, place, slot);
    },
    child: (attribute) => open('path', attribute),
    layer: (name) => open('name', name),
  };
}

interface FlatSlot {
  readonly slot: Slot;
  readonly place: string;
  readonly trained: boolean;
}

function flatten({ own, children, place, trainable }: Plan): FlatSlot[] {
  const mine = own.map((slot) => ({ slot, place, trained: trainable && slot.trainable }));
  return [...mine, ...children.flatMap(({ plan }) => flatten(plan))];
}

/** Gives the flat list of a top layer to the slots below it: what is trained first. */
function assign(root: Hdf5Group, plan: Plan): Assigned {
  const all = flatten(plan);
  const order = [...all.filter(({ trained }) => trained), ...all.filter(({ trained }) => !trained)];
  const group = root.group(plan.name);
  const names = group ? textList(group, 'weight_names') : [];
  if (names.length !== order.length) {
    throw new InvalidModelError(
      plan.place,
      `the file has ${names.length} weights for it and its configuration needs ${order.length}`,
    );
  }
  return new Map(
    order.map(({ slot, place }, i) => {
      const name = names[i] as string;
      const dataset = group?.dataset(name);
      if (!dataset) throw missing(place, name);
      checkSlot(name, slot.name, place);
      return [slot, dataset];
    }),
  );
}

/** Words that each mean one weight only: a list in another order is seen by them. */
const telling = new Set(['gamma', 'beta', 'moving_mean', 'moving_variance', 'kernel', 'bias']);

function checkSlot(name: string, slot: string, place: string): void {
  const last = name.replace(/:\d+$/, '').split('/').at(-1) as string;
  if (!telling.has(last) || !telling.has(slot) || last === slot) return;
  throw new InvalidModelError(
    place,
    `its weight '${slot}' is expected where the file has '${name}'`,
  );
}

/** A list of texts in one attribute, or in several numbered ones where it is long. */
export function textList({ attributes }: Hdf5Group, name: string): string[] {
  const whole = attributes.get(name);
  if (whole) return whole.map(String);
  const parts: string[] = [];
  for (let i = 0; attributes.has(`${name}${i}`); i += 1) {
    parts.push(...(attributes.get(`${name}${i}`) ?? []).map(String));
  }
  return parts;
}
