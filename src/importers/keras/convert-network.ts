/**
 * Runs a network through the table of layers: each call of each layer becomes nodes of the ONNX graph,
 * as soon as the tensors that it gets are there.
 *
 * Does not own: what a layer means (layers/), where its weights are (weights.ts).
 */

import { closestNames } from '../../validation/closest-names.ts';
import { unary } from '../elementwise.ts';
import type { ImportGraph, Size, Value } from '../import-graph.ts';
import { InvalidModelError, UnsupportedModelError, withPlace } from '../problems.ts';
import type { Json } from './config.ts';
import { Config, isObject, plain } from './config.ts';
import { inputDtypes } from './dtypes.ts';
import type { KerasFile, LayerCall, LayerKind, Resolved } from './layer-kind.ts';
import { isValue } from './layer-kind.ts';
import { layerKinds } from './layers/index.ts';
import type { Argument, Call, Layer, Network } from './network.ts';
import { isOperation, refsIn, Slice, TensorRef } from './network.ts';
import { operationKind, operations } from './operations/index.ts';
import type { LayerWeights } from './weights.ts';

export interface Conversion {
  readonly graph: ImportGraph;
  readonly file: KerasFile;
  readonly masks: Map<string, Value>;
  /** Calls of layers that are still allowed: a model inside may be called again and again. */
  readonly budget: { calls: number };
}

/** The kind of a layer; undefined for models, and for what is not supported. */
export function kindOf(layer: Layer): LayerKind | undefined {
  if (layer.isCustom) return undefined;
  if (isOperation(layer) || /^(TFOpLambda|SlicingOpLambda)$/.test(layer.className)) {
    return operationKind(layer);
  }
  return Object.hasOwn(layerKinds, layer.className) ? layerKinds[layer.className] : undefined;
}

/** All values of a nested argument in order; dictionaries by their sorted keys, as Keras has them. */
export function flattenValues(argument: Resolved | undefined): Value[] {
  if (isValue(argument)) return [argument];
  if (Array.isArray(argument)) return argument.flatMap(flattenValues);
  if (typeof argument !== 'object' || argument === null || argument instanceof Slice) return [];
  const object = argument as { readonly [key: string]: Resolved };
  return Object.keys(object)
    .sort()
    .flatMap((key) => flattenValues(object[key]));
}

/** The references of a model's ends in the order of `flattenValues`. */
export function flattenRefs(ends: Argument): TensorRef[] {
  if (
    typeof ends !== 'object' ||
    ends === null ||
    ends instanceof TensorRef ||
    Array.isArray(ends)
  ) {
    return refsIn(ends);
  }
  const object = ends as { readonly [key: string]: Argument };
  return Object.keys(object)
    .sort()
    .flatMap((key) => flattenRefs(object[key] ?? null));
}

/** Throws UnsupportedModelError for the first layer that is not converted, those of models inside too. */
export function checkLayers({ layers }: Network): void {
  for (const layer of layers) {
    if (layer.network) checkLayers(layer.network);
    else if (layer.className !== 'InputLayer' && !kindOf(layer)) throw unsupportedLayer(layer);
  }
}

/** The outputs of a network for these inputs, in the order of its ends. */
export function runNetwork(
  conversion: Conversion,
  network: Network,
  weights: LayerWeights,
  inputs: readonly Value[],
): Value[] {
  return network.kind === 'sequential'
    ? runSequential(conversion, network, weights, inputs)
    : new FunctionalRun(conversion, network, weights).run(inputs);
}

function runSequential(
  conversion: Conversion,
  network: Network,
  weights: LayerWeights,
  inputs: readonly Value[],
): Value[] {
  let values = [...inputs];
  for (const layer of network.layers) {
    if (layer.className === 'InputLayer') continue;
    values = runLayer(conversion, layer, weightsOf(weights, layer), {
      args: [values.length === 1 ? (values[0] as Value) : values],
      kwargs: {},
    });
  }
  return values;
}

class FunctionalRun {
  readonly #conversion: Conversion;
  readonly #network: Network;
  readonly #weights: LayerWeights;
  readonly #results = new Map<string, Value[][]>();
  readonly #layers: ReadonlyMap<string, Layer>;
  /** Layers whose next call needs an output of a call that is not made yet: by layer and call. */
  readonly #waiting = new Map<string, Map<number, Layer[]>>();
  /** How far the inputs of a layer's next call are known to be there. */
  readonly #checked = new Map<Layer, { readonly refs: readonly TensorRef[]; found: number }>();

  constructor(conversion: Conversion, network: Network, weights: LayerWeights) {
    this.#conversion = conversion;
    this.#network = network;
    this.#weights = weights;
    this.#layers = new Map(network.layers.map((layer) => [layer.name, layer]));
  }

  run(inputs: readonly Value[]): Value[] {
    const ends = flattenRefs(this.#network.inputs);
    if (ends.length !== inputs.length) {
      throw new InvalidModelError(
        this.#network.name,
        `it has ${ends.length} inputs and is called with ${inputs.length} tensors`,
      );
    }
    for (const [i, { layer }] of ends.entries()) this.#results.set(layer, [[inputs[i] as Value]]);
    this.#runAll();
    return flattenRefs(this.#network.outputs).map((ref) =>
      this.#take(ref, this.#baseOfOutputs(ref)),
    );
  }

  /**
   * Calls in the order of the file as far as their inputs are there, and the others when the last of theirs is made:
   * layers may be listed in any order. A layer that nothing calls takes no part.
   */
  #runAll(): void {
    const layers = this.#network.layers.filter(({ name }) => !this.#results.has(name));
    const queue = [...layers];
    for (const layer of queue) this.#runCalls(layer, queue);
    const stuck = layers.find(
      ({ name, calls }) => (this.#results.get(name)?.length ?? 0) < calls.length,
    );
    if (stuck) {
      throw new InvalidModelError(stuck.place, 'its inputs come from nowhere or from itself');
    }
  }

  /** Makes the calls of the layer that can be made; what waited for one of them joins the queue. */
  #runCalls(layer: Layer, queue: Layer[]): void {
    const done = this.#results.get(layer.name) ?? [];
    if (layer.calls.length > 0) this.#results.set(layer.name, done);
    while (done.length < layer.calls.length) {
      const call = layer.calls[done.length] as Call;
      if (!this.#isReady(layer, call)) return;
      const resolved = {
        args: call.args.map((argument) => this.#resolve(argument)),
        kwargs: this.#resolve(call.kwargs) as LayerCall['kwargs'],
      };
      done.push(runLayer(this.#conversion, layer, weightsOf(this.#weights, layer), resolved));
      const woken = this.#waiting.get(layer.name)?.get(done.length - 1) ?? [];
      for (const next of woken) queue.push(next);
    }
  }

  /** False when an input is missing: the layer then waits for the call that makes it. */
  #isReady(layer: Layer, { args, kwargs }: Call): boolean {
    const known = this.#checked.get(layer) ?? { refs: refsIn([...args, kwargs]), found: 0 };
    for (; known.found < known.refs.length; known.found += 1) {
      const ref = known.refs[known.found] as TensorRef;
      const base = this.#baseOfInputs(ref);
      if (this.#find(ref, base) !== undefined) continue;
      this.#checked.set(layer, known);
      const calls = this.#waiting.get(ref.layer) ?? new Map<number, Layer[]>();
      const at = this.#indexOf(ref, base);
      calls
        .set(at, calls.get(at) ?? [])
        .get(at)
        ?.push(layer);
      this.#waiting.set(ref.layer, calls);
      return false;
    }
    this.#checked.delete(layer);
    return true;
  }

  /** Keras 2 counts the call that made a nested model as its first; Keras 3 does not, inside. */
  #baseOfInputs({ layer }: TensorRef): number {
    const isModel = this.#layers.get(layer)?.network !== undefined;
    return isModel && this.#conversion.file.version[0] < 3 ? 1 : 0;
  }

  #baseOfOutputs(ref: TensorRef): number {
    const { network } = this.#layers.get(ref.layer) ?? {};
    if (network?.kind === 'functional') return 1;
    return this.#baseOfInputs(ref);
  }

  /** Which of its layer's calls a reference means, counted from 0. */
  #indexOf({ layer, call }: TensorRef, base: number): number {
    const expected = this.#layers.get(layer)?.calls.length ?? 0;
    const index = call - base;
    // A file that counts the other way is seen where the index has no call.
    return index < 0 ? call : index >= Math.max(expected, 1) ? index - 1 : index;
  }

  #find(ref: TensorRef, base: number): Value | undefined {
    return this.#results.get(ref.layer)?.[this.#indexOf(ref, base)]?.[ref.tensor];
  }

  #take(ref: TensorRef, base: number): Value {
    const value = this.#find(ref, base);
    if (value) return value;
    throw new InvalidModelError(
      this.#network.name,
      `it refers to tensor ${ref.tensor} of call ${ref.call} of the layer "${ref.layer}", which is not there`,
    );
  }

  #resolve(argument: Argument): Resolved {
    if (argument instanceof TensorRef) return this.#take(argument, this.#baseOfInputs(argument));
    if (Array.isArray(argument)) return argument.map((item) => this.#resolve(item));
    if (typeof argument !== 'object' || argument === null || argument instanceof Slice) {
      return argument as Resolved;
    }
    const entries = Object.entries(argument as { readonly [key: string]: Argument });
    return Object.fromEntries(entries.map(([key, item]) => [key, this.#resolve(item)]));
  }
}

/** Operations have no weights and no place among them. */
function weightsOf(weights: LayerWeights, layer: Layer): LayerWeights {
  return isOperation(layer) ? weights : weights.layer(layer.name);
}

type Arguments = Pick<LayerCall, 'args' | 'kwargs'>;

/** One call of a layer: its outputs. */
export function runLayer(
  conversion: Conversion,
  layer: Layer,
  weights: LayerWeights,
  { args, kwargs }: Arguments,
): Value[] {
  const { graph } = conversion;
  const inputs = flattenValues(args.length > 0 ? args[0] : kwargs.inputs);
  if (layer.network) {
    const all = inputs.length > 0 ? inputs : flattenValues(kwargs as Resolved);
    return runNetwork(conversion, layer.network, weights, all);
  }
  const kind = kindOf(layer);
  if (!kind) throw unsupportedLayer(layer);
  conversion.budget.calls -= 1;
  if (conversion.budget.calls < 0) {
    throw new InvalidModelError(
      layer.place,
      'there are too many calls of layers, counting those of a model inside each time it is called',
    );
  }
  const outer = graph.scope;
  graph.scope = layer.name;
  try {
    const call = makeCall(
      conversion,
      layer,
      weights,
      { args, kwargs },
      kind.anyDtype ? inputs : inputs.map((value) => toFloat(graph, value)),
    );
    const made = withPlace(layer.place, () => kind.convert(call));
    const outputs = isValue(made as Resolved) ? [made as Value] : [...(made as readonly Value[])];
    return passMask(conversion, kind, inputs, outputs);
  } finally {
    graph.scope = outer;
  }
}

/** Whole numbers, booleans and other floats become FP32, in which everything is computed. */
export function toFloat(graph: ImportGraph, value: Value): Value {
  return value.dtype === 'FP32' || value.dtype === 'BYTES' ? value : graph.cast(value, 'FP32');
}

/** The outputs with the mask of the input where the layer passes it on, and without where it does not. */
function passMask(
  { graph, masks }: Conversion,
  kind: LayerKind,
  inputs: readonly Value[],
  outputs: readonly Value[],
): Value[] {
  const [input] = inputs;
  const mask = input && masks.get(input.name);
  if (!mask || kind.mask === 'own') return [...outputs];
  return outputs.map((output) => {
    if (kind.mask === 'keep') masks.set(output.name, mask);
    else if (masks.has(output.name)) return unary(graph, 'Identity', output);
    return output;
  });
}

function makeCall(
  conversion: Conversion,
  layer: Layer,
  weights: LayerWeights,
  { args, kwargs }: Arguments,
  inputs: readonly Value[],
): LayerCall {
  const { graph, file, masks } = conversion;
  return {
    layer,
    config: new Config(layer.config, layer.place),
    graph,
    inputs,
    args,
    kwargs,
    weights,
    file,
    maskOf: (value) => masks.get(value.name),
    setMask(value, mask) {
      if (mask) masks.set(value.name, mask);
      else masks.delete(value.name);
    },
    callInner: (inner, innerWeights, values) =>
      runLayer(conversion, inner, innerWeights, {
        args: [values.length === 1 ? (values[0] as Value) : values],
        kwargs: {},
      }),
  };
}

function unsupportedLayer(layer: Layer): UnsupportedModelError {
  const { place, className } = layer;
  if (className === 'TFOpLambda') {
    return new UnsupportedModelError(
      place,
      `the TensorFlow function ${String(layer.config.function)} is not supported`,
      'replace it by a Keras layer, or export a SavedModel and serve that',
    );
  }
  if (className === 'Lambda') {
    return new UnsupportedModelError(
      place,
      'a Lambda layer is Python code, which is never executed',
      'replace it by Keras operations (keras.ops) or layers and save the model again',
    );
  }
  const names = Object.keys(isOperation(layer) ? operations : layerKinds);
  const kind = isOperation(layer) ? 'operation' : 'layer';
  const nearest = closestNames(className, names, 3).join(', ');
  return new UnsupportedModelError(
    place,
    layer.isCustom
      ? 'it is a custom layer, Python code that the file does not hold'
      : `the ${kind} is not supported`,
    `docs/formats.md lists the ${names.length} ${kind}s that are (nearest: ${nearest}); what TensorFlow can trace is served from a SavedModel: model.export("folder")`,
  );
}

/** `float32`, or a policy `{class_name: 'DTypePolicy', config: {name: 'mixed_float16'}}`. */
function dtypeName(value: Json | undefined): string {
  if (isObject(value)) {
    const config = isObject(value.config) ? value.config : {};
    return String(config.name ?? 'float32');
  }
  return typeof value === 'string' ? value : 'float32';
}

/** Declares the input of an InputLayer, or of the first layer of a Sequential. */
export function declareInput(
  conversion: Conversion,
  layer: Layer,
  fallback?: readonly Size[],
): Value {
  const { config, place } = layer;
  const given = plain(config.batch_shape ?? config.batch_input_shape);
  const shape = (given as readonly Size[] | undefined | null) ?? fallback;
  if (!Array.isArray(shape) || shape.length === 0) {
    throw new InvalidModelError(
      place,
      'the shape of the input is not in the file; build the model before saving it',
    );
  }
  if (!shape.every(isSize)) {
    throw new InvalidModelError(
      place,
      `the shape of the input is ${JSON.stringify(shape).slice(0, 100)}; expected whole numbers of at least 0, and null where a size is open`,
    );
  }
  const name = dtypeName(config.dtype);
  const dtype = inputDtypes[name.replace('mixed_', '')];
  if (!dtype)
    throw new UnsupportedModelError(
      place,
      `the dtype ${name} is not supported`,
      `supported: ${Object.keys(inputDtypes).join(', ')}`,
    );
  if (name !== 'float32' && dtype === 'FP32') {
    conversion.file.note({ kind: 'replaced', place, what: `${name} is computed in float32` });
  }
  return withPlace(place, () =>
    conversion.graph.input(layer.name, dtype, shape as readonly Size[]),
  );
}

const isSize = (size: unknown): boolean =>
  size === null || (Number.isSafeInteger(size) && (size as number) >= 0);
