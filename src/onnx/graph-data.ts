/**
 * A built graph as plain data: what the builder makes and the writer encodes.
 * Source: onnx/onnx.proto, `GraphProto`, `NodeProto`, `AttributeProto`, `TensorProto`.
 */

import type { ElementType } from './element-type.ts';
import type { LazyBytes } from './protobuf-writer.ts';
import type { ValueType } from './value-type.ts';

/** Elements of a tensor: little-endian numbers (a view is never copied), made late, or strings. */
export type Elements = ArrayBufferView | LazyBytes | readonly string[];

export interface TensorData {
  readonly name: string;
  readonly dtype: ElementType;
  readonly shape: readonly number[];
  readonly data: Elements;
}

export interface ValueData {
  readonly name: string;
  readonly type: ValueType;
}

export interface NodeData {
  readonly op: string;
  readonly name: string;
  /** '' is ai.onnx. */
  readonly domain: string;
  /** '' for an optional input that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Attributes;
}

export interface GraphData {
  readonly name: string;
  readonly inputs: readonly ValueData[];
  readonly outputs: readonly ValueData[];
  readonly initialisers: readonly TensorData[];
  readonly nodes: readonly NodeData[];
}

export interface FloatAttribute {
  readonly kind: 'float';
  readonly value: number;
}

export interface FloatsAttribute {
  readonly kind: 'floats';
  readonly values: Iterable<number>;
}

export interface IntsAttribute {
  readonly kind: 'ints';
  readonly values: Iterable<number | bigint>;
}

export interface StringsAttribute {
  readonly kind: 'strings';
  readonly values: Iterable<string>;
}

export interface TensorAttribute {
  readonly kind: 'tensor';
  readonly tensor: TensorData;
}

export interface GraphAttribute {
  readonly kind: 'graph';
  readonly graph: GraphData;
}

/**
 * A plain number is an INT, a list of numbers INTS, a string STRING; the others are marked, since
 * JavaScript cannot tell 1 from 1.0 or what an empty list is a list of.
 */
export type Attribute =
  | number
  | bigint
  | string
  | readonly (number | bigint)[]
  | FloatAttribute
  | FloatsAttribute
  | IntsAttribute
  | StringsAttribute
  | TensorAttribute
  | GraphAttribute;

export type Attributes = Readonly<Record<string, Attribute>>;

export const float = (value: number): FloatAttribute => ({ kind: 'float', value });
export const floats = (values: Iterable<number>): FloatsAttribute => ({ kind: 'floats', values });
export const strings = (values: Iterable<string>): StringsAttribute => ({
  kind: 'strings',
  values,
});
export const tensor = (data: TensorData): TensorAttribute => ({ kind: 'tensor', tensor: data });
export const subgraph = (graph: GraphData): GraphAttribute => ({ kind: 'graph', graph });

export function isStrings(data: Elements): data is readonly string[] {
  return Array.isArray(data);
}
