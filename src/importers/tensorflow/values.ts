/**
 * What a tensor of TensorFlow's graph is during the conversion: known numbers, a value of the ONNX graph,
 * sizes that are partly known, a variable, a list of rows, or nothing (a branch that is not taken).
 */

import type { PictureDecoder } from '../../config/picture-spec.ts';
import type { Size, Value } from '../import-graph.ts';
import type { Constant } from './constant.ts';
import type { DataType } from './data-types.ts';
import type { Emitter } from './emitter.ts';
import type { Operation } from './evaluate/operation.ts';

/** A size that only a request tells. Equal keys are equal sizes. */
export interface OpenSize {
  readonly key: string;
  /** Makes it a value of the graph: INT64 [1]. */
  make(emitter: Emitter): Value;
}

export type Dim = number | OpenSize;

/** Computed at run time. */
export interface Tensor {
  readonly kind: 'tensor';
  readonly type: DataType;
  readonly value: Value;
  /** As `value.shape`, with names for what is open. */
  readonly dims: readonly Dim[];
  /** One row to TensorFlow, all of them here: the first axis is a loop's. */
  readonly isEveryRow?: boolean | undefined;
}

/** Whole numbers made of sizes: what Shape gives and Reshape takes. At least one is open. */
export interface Sizes {
  readonly kind: 'sizes';
  readonly type: DataType;
  readonly isScalar: boolean;
  readonly dims: readonly Dim[];
}

/** A variable: a handle to read through, or (TensorFlow 1) the variable itself. */
export interface Variable {
  readonly kind: 'variable';
  /** The name of its node. */
  readonly node: string;
  /** The name it is shared by. */
  readonly shared: string;
  readonly isHandle: boolean;
}

/** A checkpoint's tensor that could not be taken; only a problem when it is needed. */
export interface Restored {
  readonly kind: 'restored';
  readonly problem: Error;
}

/** Of a branch that is not taken, or an operator whose result is only an order. */
export interface Nothing {
  readonly kind: 'nothing';
}

/** The running number of a loop, plus an offset; always of an integer type, a scalar. */
export interface Counter {
  readonly kind: 'counter';
  readonly type: DataType;
  readonly id: number;
  readonly offset: number;
  /** 'limit' while the loop's condition is asked; 'every' when all rows are taken at once. */
  readonly mode: 'limit' | 'one' | 'every';
  /** The same as a scalar of the loop's body. */
  make(): Tensor;
}

/** `counter < limit` for all of them: when a loop goes on. */
export interface Condition {
  readonly kind: 'condition';
  readonly terms: readonly { readonly counter: Counter; readonly limit: Known }[];
}

/** Rows that a loop reads or writes: TensorFlow's TensorArray and TensorList. */
export interface List {
  readonly kind: 'list';
  /** What it holds from the beginning: all rows as one value, their axis first. */
  readonly rows?: Known | Pictures | undefined;
  /** The loop variable that it came in by, inside that loop's body. */
  readonly loopVariable?: number | undefined;
  /** What the body wrote at the loop's running number, or always at the same place. */
  readonly written?: { readonly value: Known; readonly at: 'counter' | 'one place' } | undefined;
  readonly length?: Dim | undefined;
}

/**
 * Texts as the request brings them: encoded pictures, or examples that have one. The server decodes them,
 * the graph gets their pixels.
 */
export interface Pictures {
  readonly kind: 'pictures';
  readonly source: PictureSource;
  /** [n] for many; [] for one of them, inside a loop. */
  readonly dims: readonly Dim[];
  /** Inside a loop: which. */
  readonly row?: Counter | undefined;
}

export interface Decoding {
  readonly channels: 1 | 3;
  readonly decoder: PictureDecoder;
}

export interface PictureSource {
  readonly alias: string;
  /** The pixels [n, height, width, channels] UINT8, once an operator said how they are decoded. */
  pixels(operation: Operation, decoding: Decoding): Tensor;
  /** The feature of an example that has the picture. */
  takeFeature(feature: string): void;
}

export type Known = Constant | Tensor | Sizes;
export type TfValue = Known | Variable | Restored | Nothing | Counter | Condition | List | Pictures;

export const nothing: Nothing = { kind: 'nothing' };

export const sizeOf = (dim: Dim): Size => (typeof dim === 'number' ? dim : null);
export const sizesOf = (dims: readonly Dim[]): Size[] => dims.map(sizeOf);

export const keyOf = (dim: Dim): string => (typeof dim === 'number' ? String(dim) : dim.key);
export const isSameDim = (a: Dim, b: Dim): boolean => keyOf(a) === keyOf(b);

export function describeDims(dims: readonly Dim[]): string {
  return `[${dims.map((dim) => sizeOf(dim) ?? '?').join(', ')}]`;
}
