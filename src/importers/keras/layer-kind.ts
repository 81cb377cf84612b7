/**
 * What a kind of layer is to the importer: the weights that it has, in Keras' own order, and how a call
 * of it becomes nodes. The kinds stand in layers/, the table of them in layers/index.ts.
 */

import type { ImportGraph, Value } from '../import-graph.ts';
import type { Finding } from '../importer.ts';
import type { Config } from './config.ts';
import type { Argument, ellipsis, Layer, Slice } from './network.ts';
import type { LayerWeights } from './weights.ts';

/** An argument of a call with values in the place of references. */
export type Resolved =
  | null
  | boolean
  | number
  | string
  | typeof ellipsis
  | Value
  | Slice
  | readonly Resolved[]
  | { readonly [key: string]: Resolved };

export interface KerasFile {
  /** As in [3, 15]; [1, 0] when the file does not say. */
  readonly version: readonly [number, number];
  note(finding: Finding): void;
}

export interface LayerCall {
  readonly layer: Layer;
  readonly config: Config;
  readonly graph: ImportGraph;
  /** The tensors of the first argument. */
  readonly inputs: readonly Value[];
  readonly args: readonly Resolved[];
  readonly kwargs: { readonly [key: string]: Resolved };
  readonly weights: LayerWeights;
  readonly file: KerasFile;
  /** Of a value: which steps count (BOOL, one axis less); undefined when all do. */
  maskOf(value: Value): Value | undefined;
  setMask(value: Value, mask: Value | undefined): void;
  /** Calls another layer in the same way: the one inside a wrapper. */
  callInner(inner: Layer, weights: LayerWeights, inputs: readonly Value[]): Value[];
}

export interface Slot {
  readonly name: string;
  readonly trainable: boolean;
}

export interface LayerKind {
  /** Its own weights, in the order in which it makes them. */
  weights?(config: Config): readonly Slot[];
  /** The layers in it that have weights, by the attribute that holds them. */
  children?(layer: Layer, config: Config): readonly { attribute: string; layer: Layer }[];
  convert(call: LayerCall): Value | readonly Value[];
  /** Whether what comes out has the mask of what goes in; 'own' when `convert` sets it. */
  readonly mask?: 'keep' | 'own' | 'drop';
  /** Set where inputs are taken as they come; else they are made FP32 before. */
  readonly anyDtype?: true;
}

export const slots = (...names: readonly (string | false)[]): Slot[] =>
  names.filter((name) => name !== false).map((name) => ({ name, trainable: true }));

export const frozenSlots = (...names: readonly string[]): Slot[] =>
  names.map((name) => ({ name, trainable: false }));

export function isValue(argument: Resolved | undefined): argument is Value {
  return typeof argument === 'object' && argument !== null && 'layout' in argument;
}

/** All values in an argument, in order. */
export function valuesIn(argument: Resolved | undefined): Value[] {
  if (isValue(argument)) return [argument];
  if (Array.isArray(argument)) return argument.flatMap(valuesIn);
  return [];
}

/** An argument of a call by its position or its name; `fallback` when it is neither. */
export function argument(
  { args, kwargs }: Pick<LayerCall, 'args' | 'kwargs'>,
  position: number,
  name: string,
  fallback?: Resolved,
): Resolved | undefined {
  return args[position] ?? kwargs[name] ?? fallback;
}

export type { Argument };
