/**
 * The ONNX graph under construction, with what is known of each value: its shape as the source has it,
 * and how it lies in memory. Sources keep channels last (NHWC), ONNX's convolutions channels first; a
 * value stays as the operator made it, and is turned once, where something else is needed.
 *
 * Owns: shapes, layouts, the transposes between them. Does not own: what a layer means.
 */

import type { ElementType } from '../onnx/element-type.ts';
import { bitsOfElementType, numberOfElementType } from '../onnx/element-type.ts';
import type { Graph } from '../onnx/graph-builder.ts';
import { createGraph } from '../onnx/graph-builder.ts';
import type { Attributes, Elements, GraphData } from '../onnx/graph-data.ts';
import type { Dim } from '../onnx/value-type.ts';
import { nameOutputs, prune } from './finish.ts';
import { InvalidModelError, TensorTooLargeError } from './problems.ts';
import type { Weight } from './weight.ts';
import { lazyBytes } from './weight.ts';

/** null: open until a request comes. */
export type Size = number | null;

/** Numbers of the source's graph that are known now: what shapes, axes and the like are made of. */
export interface Constant {
  readonly dtype: ElementType;
  readonly shape: readonly number[];
  readonly data: Elements;
}

export interface Value {
  /** The name in the ONNX graph. */
  readonly name: string;
  readonly dtype: ElementType;
  /** The sizes in the source's order of axes, whatever the layout. */
  readonly shape: readonly Size[];
  /**
   * 'source': the axes lie as `shape` says. 'channels-first': the last axis of `shape` lies second
   * ([N, H, W, C] is [N, C, H, W] in memory). Never the latter below rank 3.
   */
  readonly layout: Layout;
  readonly constant?: Constant;
  /** Set where this is another value with zeros around it: a convolution can do that itself. */
  readonly padded?: { readonly from: Value; readonly pads: readonly (readonly [number, number])[] };
}

export type Layout = 'source' | 'channels-first';

export interface Made {
  readonly dtype?: ElementType;
  readonly shape: readonly Size[];
  readonly layout?: Layout;
}

/** [0, r-1, 1, …, r-2]: to channels first. */
export const toFirst = (rank: number): number[] => [
  0,
  rank - 1,
  ...Array.from({ length: rank - 2 }, (_, i) => i + 1),
];
/** [0, 2, …, r-1, 1]: back again. */
export const toLast = (rank: number): number[] => [
  0,
  ...Array.from({ length: rank - 2 }, (_, i) => i + 2),
  1,
];

export class ImportGraph {
  readonly graph: Graph;
  readonly #turned = new Map<string, Value>();
  readonly #outputs: { readonly name: string; readonly value: Value }[] = [];
  /** The layer that is being converted: nodes are named after it. */
  scope = '';

  constructor(name: string, graph: Graph = createGraph(name)) {
    this.graph = graph;
  }

  /** An input as the wire has it. The first axis is named `batch` where it is open. */
  input(name: string, dtype: ElementType, shape: readonly Size[]): Value {
    checkName('input', name);
    checkSize(shape, dtype);
    const dims: Dim[] = shape.map((size, i) => size ?? (i === 0 ? 'batch' : null));
    return { name: this.graph.input(name, dtype, dims), dtype, shape, layout: 'source' };
  }

  /** Declares a value as an output; it has that name in the finished graph. */
  output(name: string, value: Value): Value {
    checkName('output', name);
    const source = this.toSource(value);
    this.#outputs.push({ name, value: source });
    return source;
  }

  /** The graph with its outputs under their names, without what they do not need. */
  finish(): GraphData {
    return prune(nameOutputs(this.graph, this.#outputs));
  }

  /**
   * A node of one output. Values go in as they lie; `made` says what comes out (FP32 if left out). Throws
   * TensorTooLargeError.
   */
  apply(
    op: string,
    inputs: readonly (Value | string)[],
    made: Made,
    attributes: Attributes = {},
  ): Value {
    const { dtype = 'FP32', shape, layout = 'source' } = made;
    checkSize(shape, dtype);
    const names = inputs.map((input) => (typeof input === 'string' ? input : input.name));
    const [name = ''] = this.nodeOf(op, names, attributes, 1);
    return { name, dtype, shape, layout };
  }

  /** A node of several outputs; gives their names. */
  nodeOf(op: string, inputs: readonly string[], attributes: Attributes, outputs: number): string[] {
    const name = this.scope === '' ? op.toLowerCase() : `${this.scope}/${op}`;
    return this.graph.node({ op, inputs, attributes, outputs, name });
  }

  /** The value with its axes as the source has them. */
  toSource(value: Value): Value {
    return value.layout === 'source' ? value : this.#turn(value, 'source');
  }

  /** The value with the source's last axis second in memory. Below rank 3 nothing changes. */
  toChannelsFirst(value: Value): Value {
    if (value.layout === 'channels-first' || value.shape.length < 3) return value;
    return this.#turn(value, 'channels-first');
  }

  toLayout(value: Value, layout: Layout): Value {
    return layout === 'source' ? this.toSource(value) : this.toChannelsFirst(value);
  }

  #turn(value: Value, layout: Layout): Value {
    const known = this.#turned.get(value.name);
    if (known) return known;
    const rank = value.shape.length;
    const perm = layout === 'source' ? toLast(rank) : toFirst(rank);
    const { dtype, shape } = value;
    const turned = this.apply('Transpose', [value], { dtype, shape, layout }, { perm });
    this.#turned.set(value.name, turned);
    this.#turned.set(turned.name, value);
    return turned;
  }

  /** The shape as the value lies in memory. */
  memoryShape({ shape, layout }: Value): Size[] {
    if (layout === 'source') return [...shape];
    return toFirst(shape.length).map((axis) => shape[axis] ?? null);
  }

  /** Where an axis of the source (0 … rank-1) lies in memory. */
  memoryAxis({ shape, layout }: Value, axis: number): number {
    if (layout === 'source') return axis;
    return toFirst(shape.length).indexOf(axis);
  }

  /** Weights, read when the file is written. */
  weight(wish: string, weight: Weight): Value {
    const name = this.graph.initialiser(wish, 'FP32', weight.shape, lazyBytes(weight));
    return { name, dtype: 'FP32', shape: weight.shape, layout: 'source' };
  }

  constant(wish: string, constant: Constant): Value {
    const { dtype, shape, data } = constant;
    const name = this.graph.initialiser(wish, dtype, shape, data);
    return { name, dtype, shape, layout: 'source', constant };
  }

  /** FP32: a scalar from a number, 1-D from a list. */
  floats(values: number | readonly number[], wish = 'value'): Value {
    const shape = typeof values === 'number' ? [] : [values.length];
    const data = Float32Array.from(typeof values === 'number' ? [values] : values);
    return this.constant(wish, { dtype: 'FP32', shape, data });
  }

  /** 1-D INT64, as shapes, axes and pads are given. */
  ints(values: readonly number[], wish = 'ints'): Value {
    const data = BigInt64Array.from(values, BigInt);
    return this.constant(wish, { dtype: 'INT64', shape: [values.length], data });
  }

  cast(value: Value, dtype: ElementType): Value {
    if (value.dtype === dtype) return value;
    const { shape, layout } = value;
    return this.apply(
      'Cast',
      [value],
      { dtype, shape, layout },
      { to: numberOfElementType(dtype) },
    );
  }

  /** A new shape of the same elements; the axes of `value` as the source has them. */
  reshape(value: Value, shape: readonly Size[]): Value {
    const source = this.toSource(value);
    return this.apply('Reshape', [source, this.ints(reshapeTarget(source.shape, shape))], {
      dtype: value.dtype,
      shape,
    });
  }

  transpose(value: Value, perm: readonly number[]): Value {
    const source = this.toSource(value);
    const shape = perm.map((axis) => source.shape[axis] ?? null);
    return this.apply('Transpose', [source], { dtype: value.dtype, shape }, { perm });
  }
}

/** docs/decisions/limits.md says why so. */
const largestTensor = 2 ** 31;

/** Throws TensorTooLargeError for what is too large with every open size 1; before anything of that size is made. */
export function checkSize(shape: readonly Size[], dtype: ElementType = 'FP32'): void {
  const count = shape.reduce<number>((product, size) => product * (size ?? 1), 1);
  const bytes = (count * bitsOfElementType(dtype)) / 8;
  if (bytes <= largestTensor) return;
  const sizes = shape.map((size) => size ?? '?').join(', ');
  throw new TensorTooLargeError(
    `it makes a tensor [${sizes}], ${bytes} bytes for one row; at most ${largestTensor} are converted`,
  );
}

/** ONNX Runtime takes the names of inputs and outputs as C strings. */
function checkName(kind: 'input' | 'output', name: string): void {
  if (!name.includes('\0')) return;
  throw new InvalidModelError(
    `${kind} "${name}"`,
    'its name holds the character NUL, which no name of a tensor may have; name it otherwise and save the model again',
  );
}

/** Reshape's target: 0 keeps the axis of the same place, one -1 takes what is left. */
function reshapeTarget(from: readonly Size[], to: readonly Size[]): number[] {
  const open = to.filter((size) => size === null).length;
  if (open <= 1) return to.map((size) => size ?? -1);
  const kept = to.map((size, i) => size ?? (from[i] === null ? 0 : -1));
  if (kept.filter((size) => size === -1).length > 1) {
    throw new TypeError(`[${from}] cannot be reshaped to [${to}]: too many open sizes`);
  }
  return kept;
}
