/**
 * A node as its handler sees it: its place, and its attributes with the defaults of the operator, since
 * exports leave out every attribute that has its default.
 */

import { UnsupportedModelError } from '../../problems.ts';
import type { DataType } from '../data-types.ts';
import { dataType } from '../data-types.ts';
import type { AttributeMap, AttributeValue, FunctionRef } from '../graph/attributes.ts';
import type { NodeDef } from '../graph/graph-def.ts';
import type { TensorShape } from '../graph/tensor-proto.ts';

export class Operation {
  readonly name: string;
  readonly op: string;
  /** As it stands in messages: `node 'dense/MatMul' (MatMul)`. */
  readonly place: string;
  readonly node: NodeDef;
  readonly #outer: AttributeMap;

  /** `prefix` are the calls around it; `outer` the attributes of the innermost. */
  constructor(node: NodeDef, prefix: string, outer: AttributeMap) {
    this.node = node;
    this.name = `${prefix}${node.name}`;
    this.op = node.op;
    this.place = `node '${this.name}' (${node.op})`;
    this.#outer = outer;
  }

  attribute(key: string): AttributeValue | undefined {
    const value = this.node.attributes.get(key);
    return value?.placeholder === undefined ? value : this.#outer.get(value.placeholder);
  }

  int(key: string, standard: number): number {
    return this.attribute(key)?.int ?? standard;
  }

  float(key: string, standard: number): number {
    return this.attribute(key)?.float ?? standard;
  }

  bool(key: string, standard: boolean): boolean {
    return this.attribute(key)?.bool ?? standard;
  }

  text(key: string, standard: string): string {
    return this.attribute(key)?.text ?? standard;
  }

  ints(key: string, standard: readonly number[]): readonly number[] {
    return this.attribute(key)?.ints ?? standard;
  }

  type(key: string, standard = 'float'): DataType {
    return this.attribute(key)?.type ?? dataType(standard);
  }

  shape(key: string): TensorShape {
    return this.attribute(key)?.shape?.dims;
  }

  func(key: string): FunctionRef {
    const func = this.attribute(key)?.func;
    if (!func) return this.refuse(`it has no function '${key}'`);
    return func;
  }

  /** Throws UnsupportedModelError at this node. */
  refuse(what: string, supported = 'docs/formats-tensorflow.md has what is supported'): never {
    throw new UnsupportedModelError(this.place, what, supported);
  }
}
