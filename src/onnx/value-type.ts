/**
 * The types that the inputs and outputs of an ONNX graph can have. Only tensors can be served; the
 * others are kept well enough to say what they are.
 * Source: onnx/onnx.proto, `TypeProto`.
 */

import type { ElementType } from './element-type.ts';
import { onnxNameOf } from './element-type.ts';

/** A known size, the name of a symbolic one, or null when nothing is known of it. */
export type Dim = number | string | null;

export interface TensorType {
  readonly kind: 'tensor';
  readonly dtype: ElementType;
  /** Undefined when not even the rank is known; [] is a scalar. */
  readonly shape: readonly Dim[] | undefined;
}

export interface OtherType {
  readonly kind: 'sequence' | 'map' | 'optional' | 'sparse-tensor' | 'opaque' | 'untyped';
  /** As in `sequence(map(int64, tensor(float)))`. */
  readonly description: string;
}

export interface SequenceType extends OtherType {
  readonly kind: 'sequence';
  readonly element: ValueType;
}

export interface OptionalType extends OtherType {
  readonly kind: 'optional';
  readonly element: ValueType;
}

export interface MapType extends OtherType {
  readonly kind: 'map';
  readonly key: ElementType;
  readonly value: ValueType;
}

export interface PlainOtherType extends OtherType {
  readonly kind: 'sparse-tensor' | 'opaque' | 'untyped';
}

export type ValueType = TensorType | SequenceType | OptionalType | MapType | PlainOtherType;

export function tensorOf(dtype: ElementType, shape?: readonly Dim[]): TensorType {
  return { kind: 'tensor', dtype, shape };
}

export function sequenceOf(element: ValueType): SequenceType {
  return { kind: 'sequence', element, description: `sequence(${describeType(element)})` };
}

export function optionalOf(element: ValueType): OptionalType {
  return { kind: 'optional', element, description: `optional(${describeType(element)})` };
}

export function mapOf(key: ElementType, value: ValueType): MapType {
  const description = `map(${onnxNameOf(key)}, ${describeType(value)})`;
  return { kind: 'map', key, value, description };
}

export function sparseTensorOf(dtype: ElementType): PlainOtherType {
  return { kind: 'sparse-tensor', description: `sparse_tensor(${onnxNameOf(dtype)})` };
}

export const opaqueType: PlainOtherType = { kind: 'opaque', description: 'opaque value' };
export const untyped: PlainOtherType = { kind: 'untyped', description: 'value of undeclared type' };

/** The type as ONNX writes it, without shapes: `tensor(float)`, `sequence(tensor(int64))`. */
export function describeType(type: ValueType): string {
  return type.kind === 'tensor' ? `tensor(${onnxNameOf(type.dtype)})` : type.description;
}
