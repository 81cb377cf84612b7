/**
 * The network in a Keras configuration: layers, and the calls of each with the tensors that they get.
 * Keras 3 writes calls as args and kwargs, Keras 2 as lists of [layer, call, tensor, kwargs].
 *
 * Does not own: what a layer means, its weights.
 */

import { InvalidModelError, UnsupportedModelError } from '../problems.ts';
import type { Json, JsonObject } from './config.ts';
import { isList, isObject, plain } from './config.ts';

/** An output of a call of a layer. */
export class TensorRef {
  readonly layer: string;
  readonly call: number;
  readonly tensor: number;

  constructor(layer: string, call: number, tensor: number) {
    this.layer = layer;
    this.call = call;
    this.tensor = tensor;
  }
}

/** A slice of Python: `x[start:stop:step]`. */
export class Slice {
  readonly start: number | null;
  readonly stop: number | null;
  readonly step: number | null;

  constructor(start: number | null, stop: number | null, step: number | null) {
    this.start = start;
    this.stop = stop;
    this.step = step;
  }
}

export const ellipsis = Symbol('...');

export type Argument =
  | null
  | boolean
  | number
  | string
  | typeof ellipsis
  | TensorRef
  | Slice
  | readonly Argument[]
  | { readonly [key: string]: Argument };

export interface Call {
  readonly args: readonly Argument[];
  readonly kwargs: { readonly [key: string]: Argument };
}

export interface Layer {
  readonly className: string;
  /** `keras.layers`, `keras.src.ops.numpy`, the module of a custom class; '' in older files. */
  readonly module: string;
  /** A class of somebody's own, whatever its name. */
  readonly isCustom: boolean;
  readonly name: string;
  readonly config: JsonObject;
  readonly trainable: boolean;
  readonly calls: readonly Call[];
  /** The network inside, for a model used as a layer. */
  readonly network?: Network | undefined;
  /** As in `backbone/layer "conv1"`. */
  readonly place: string;
}

/** Operations are no layers: they have no weights and are not counted among the layers. */
export const isOperation = ({ module }: Layer): boolean =>
  /^keras(\.src)?\.(ops|backend|activations)\b/.test(module);

export interface Network {
  readonly name: string;
  readonly kind: 'functional' | 'sequential';
  readonly trainable: boolean;
  readonly layers: readonly Layer[];
  /** References, in lists or by name, as the model was given them. */
  readonly inputs: Argument;
  readonly outputs: Argument;
  /** Shape with the batch, of a Sequential without an input layer. */
  readonly inputShape?: readonly (number | null)[] | undefined;
}

export interface ReadOptions {
  readonly depth: number;
  readonly layers: number;
}

const functionalClasses = ['Functional', 'Model'];

/** Reads a model's `{class_name, config}`. `place` is '' for the whole model. */
export function readNetwork(model: Json, place: string, options: ReadOptions): Network {
  if (options.depth === 0) throw new InvalidModelError(place, 'models are nested too deep');
  if (!isObject(model)) throw new InvalidModelError(place, 'its configuration is no object');
  const { class_name: className, config } = model;
  if (className === 'Sequential') return readSequential(config, place, options);
  if (isObject(config) && isList(config.layers) && config.input_layers !== undefined) {
    return readFunctional(config, place, options);
  }
  throw new UnsupportedModelError(
    place,
    `the model is of the class ${String(className).slice(0, 100)}, which keeps its graph in Python code`,
    'functional and Sequential models are converted; rebuild it as one, or model.export() it and serve the SavedModel',
  );
}

export const isModelClass = (layer: JsonObject): boolean =>
  layer.class_name === 'Sequential' ||
  functionalClasses.includes(String(layer.class_name)) ||
  (isObject(layer.config) &&
    isList(layer.config.layers) &&
    layer.config.input_layers !== undefined);

/** The parts of a layer's place: models from the outside in, the last one a layer. */
export function placeOf(parent: string, name: string, className: string): string {
  const layer = `layer "${name}" (${className})`;
  return parent === '' ? layer : `${parent}/${layer}`;
}

function readFunctional(config: JsonObject, place: string, options: ReadOptions): Network {
  return {
    name: String(config.name ?? 'model'),
    kind: 'functional',
    trainable: config.trainable !== false,
    layers: readLayers(config.layers, place, options),
    inputs: readEnds(config.input_layers, place),
    outputs: readEnds(config.output_layers, place),
  };
}

/** A Sequential's own configuration is an object, in the oldest files a list. */
function readSequential(config: Json | undefined, place: string, options: ReadOptions): Network {
  const object = isObject(config) ? config : { layers: config ?? [] };
  const shape = plain(object.build_input_shape as Json | undefined);
  return {
    name: String(object.name ?? 'sequential'),
    kind: 'sequential',
    trainable: object.trainable !== false,
    layers: readLayers(object.layers as Json | undefined, place, options),
    inputs: [],
    outputs: [],
    inputShape: isList(shape) ? (shape as (number | null)[]) : undefined,
  };
}

function readLayers(list: Json | undefined, place: string, options: ReadOptions): Layer[] {
  if (!isList(list)) throw new InvalidModelError(place, 'it has no list of layers');
  if (list.length > options.layers) {
    throw new InvalidModelError(place, `it has ${list.length} layers, more than ${options.layers}`);
  }
  const layers = list.map((item, i) => readLayer(item, i, place, options));
  const names = new Set<string>();
  for (const { name, place: where } of layers) {
    if (names.has(name)) throw new InvalidModelError(where, 'another layer has the same name');
    names.add(name);
  }
  return layers;
}

/** The layer inside a wrapper (Bidirectional, TimeDistributed) or a cell of an RNN. */
export function readInnerLayer(value: Json | undefined, outer: Layer): Layer {
  if (!isObject(value)) throw new InvalidModelError(outer.place, 'the layer inside it is missing');
  return readLayer(value, 0, outer.place, { depth: innerDepth, layers: mostInnerLayers });
}

const innerDepth = 16;
const mostInnerLayers = 10_000;

function readLayer(item: Json, index: number, parent: string, options: ReadOptions): Layer {
  if (!isObject(item) || typeof item.class_name !== 'string') {
    throw new InvalidModelError(parent, `layer ${index} has no class`);
  }
  const config = isObject(item.config) ? item.config : {};
  // Older files name the class of a custom layer `package>Name`.
  const className = item.class_name.split('>').at(-1) as string;
  const name = String(item.name ?? config.name ?? `${className}_${index}`);
  const place = placeOf(parent, name, className);
  const isModel = isModelClass(item);
  const inside = parent === '' ? name : `${parent}/${name}`;
  return {
    className,
    module: moduleOf(item, config),
    isCustom: isCustom(item),
    name,
    config,
    trainable: config.trainable !== false,
    calls: readCalls(item.inbound_nodes, place),
    network: isModel
      ? readNetwork(item, inside, { ...options, depth: options.depth - 1 })
      : undefined,
    place,
  };
}

/**
 * Keras 3 writes no modules into .h5 files, and operations have the names of layers (Add, Concatenate):
 * every layer but a few has `trainable` among its options, and no operation has.
 */
function moduleOf({ module, class_name: className }: JsonObject, config: JsonObject): string {
  if (typeof module === 'string') return module;
  const isLayer =
    'trainable' in config || 'layers' in config || untrainable.test(String(className));
  return isLayer || module === null ? '' : 'keras.ops';
}

/** Layers whose options are not told whether they are trained. */
const untrainable = /^(InputLayer|SpatialDropout[123]D|Discretization|HashedCrossing)$/;

/** Keras' own modules; the oldest files name none, and mark classes of others by their package. */
function isCustom({ module, class_name: className, registered_name: name }: JsonObject): boolean {
  if (String(className).includes('>') || String(name ?? '').includes('>')) return true;
  if (module === undefined || module === null || module === '') return false;
  return !/^(keras|tf_keras|keras_core|tensorflow)(\.|$)/.test(String(module));
}

function readCalls(nodes: Json | undefined, place: string): Call[] {
  if (!isList(nodes)) return [];
  return nodes.map((node) => {
    if (isObject(node)) {
      const args = readArgument(node.args ?? [], place);
      const kwargs = readArgument(node.kwargs ?? {}, place);
      return { args: args as readonly Argument[], kwargs: kwargs as Call['kwargs'] };
    }
    if (isList(node)) return readOldCall(node, place);
    throw new InvalidModelError(place, 'one of its calls cannot be read');
  });
}

/** Keras 2: the tensors of a call, each with the keyword arguments of the call. */
function readOldCall(node: readonly Json[], place: string): Call {
  let kwargs: Call['kwargs'] = {};
  const entries = isList(node[0]) ? node : [node];
  const tensors = entries.map((entry) => {
    if (!isList(entry)) throw new InvalidModelError(place, 'one of its inputs cannot be read');
    if (isObject(entry[3])) kwargs = { ...kwargs, ...readOldArguments(entry[3], place) };
    // A number or list instead of a tensor, as operations may have.
    if (entry[0] === '_CONSTANT_VALUE') return readArgument(entry[2] ?? null, place);
    return refOf(entry, place);
  });
  const [only] = tensors;
  return { args: tensors.length === 1 && only !== undefined ? [only] : [tensors], kwargs };
}

/** In keyword arguments of Keras 2 a tensor is a list [name, call, tensor]. */
function readOldArguments(kwargs: JsonObject, place: string): Call['kwargs'] {
  const read = (value: Json): Argument => {
    if (!isList(value)) return readArgument(value, place);
    return isRef(value) ? refOf(value, place) : value.map(read);
  };
  return Object.fromEntries(
    Object.entries(kwargs).map(([key, value]) => [key, read(value as Json)]),
  );
}

const isRef = (value: readonly Json[]): boolean =>
  value.length >= 3 &&
  value.length <= 4 &&
  typeof value[0] === 'string' &&
  Number.isSafeInteger(value[1]) &&
  Number.isSafeInteger(value[2]);

function refOf(value: Json | undefined, place: string): TensorRef {
  const list = plain(value);
  if (!isList(list) || !isRef(list)) {
    throw new InvalidModelError(place, `${JSON.stringify(value)} names no tensor`);
  }
  return new TensorRef(list[0] as string, list[1] as number, list[2] as number);
}

/** What Keras 3 writes as an argument: tensors, tuples, slices and the like are marked by a class. */
function readArgument(value: Json | undefined, place: string): Argument {
  if (value === undefined || value === null) return null;
  if (isList(value)) return value.map((item) => readArgument(item, place));
  if (!isObject(value)) return value;
  const { class_name: className, config } = value;
  if (typeof className !== 'string') {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, readArgument(item, place)]),
    );
  }
  const inner = isObject(config) ? config : {};
  switch (className) {
    case '__keras_tensor__':
      return refOf(inner.keras_history, place);
    case '__tuple__':
      return ((value.items ?? value.config ?? []) as readonly Json[]).map((item) =>
        readArgument(item, place),
      );
    case '__slice__':
    case 'slice':
      return sliceOf(value, place);
    case '__ellipsis__':
    case 'Ellipsis':
      return ellipsis;
    case '__numpy__':
    case '__tensor__':
      return readArgument(inner.value, place);
    default:
      return readArgument((inner.value ?? inner.name ?? className) as Json, place);
  }
}

function sliceOf(value: JsonObject, place: string): Slice {
  const config = value.config ?? value.items ?? {};
  const [start, stop, step] = isList(config)
    ? config
    : [(config as JsonObject).start, (config as JsonObject).stop, (config as JsonObject).step];
  const bound = (item: Json | undefined): number | null => {
    if (item === null || item === undefined) return null;
    if (Number.isSafeInteger(item)) return item as number;
    throw new InvalidModelError(place, 'a slice of it depends on a tensor');
  };
  return new Slice(bound(start), bound(stop), bound(step));
}

/** `input_layers` and `output_layers`: one reference, a list of them, or a dictionary. */
function readEnds(value: Json | undefined, place: string): Argument {
  const list = plain(value);
  if (isList(list)) {
    return isRef(list) ? refOf(list, place) : list.map((item) => readEnds(item, place));
  }
  if (isObject(list)) {
    return Object.fromEntries(
      Object.entries(list).map(([key, item]) => [key, readEnds(item, place)]),
    );
  }
  throw new InvalidModelError(place, 'its inputs or outputs cannot be read');
}

/** All references in an argument, in order. */
export function refsIn(argument: Argument): TensorRef[] {
  if (argument instanceof TensorRef) return [argument];
  if (Array.isArray(argument)) return argument.flatMap(refsIn);
  const isPlain = typeof argument === 'object' && argument !== null && !(argument instanceof Slice);
  return isPlain ? Object.values(argument as Record<string, Argument>).flatMap(refsIn) : [];
}
