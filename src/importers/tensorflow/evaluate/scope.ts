/**
 * Evaluates the nodes of one graph or function body, on demand: only what an output needs is ever looked
 * at, so training operators fall away by themselves. Each node is evaluated once.
 *
 * Owns: the order, what is known of each tensor, calls of functions, bounds. Does not own: what an
 * operator means (../ops/), loops (loops.ts).
 */

import { InvalidModelError, UnsupportedModelError } from '../../problems.ts';
import type { Emitter } from '../emitter.ts';
import type { AttributeMap } from '../graph/attributes.ts';
import type { NodeDef } from '../graph/graph-def.ts';
import type { TfValue } from '../values.ts';
import { nothing } from '../values.ts';
import type { Context, Conversion } from './context.ts';
import { dispatch, takesNothing } from './dispatch.ts';
import type { GraphLoops } from './graph-loops.ts';
import { findLoops } from './graph-loops.ts';
import { Operation } from './operation.ts';
import { flatIndex, isControl, parseReference } from './references.ts';

export interface ScopeOptions {
  readonly nodes: ReadonlyMap<string, NodeDef>;
  readonly emitter: Emitter;
  readonly conversion: Conversion;
  /** Tensors that are given: arguments, or the inputs of a signature; by `node:index`. */
  readonly given: ReadonlyMap<string, TfValue>;
  /** Names of the calls around this body, each with a `/`. */
  readonly prefix?: string;
  readonly attributes?: AttributeMap;
  readonly depth?: number;
  readonly loops?: GraphLoops;
}

const noAttributes: AttributeMap = new Map();

export class Scope implements Context {
  readonly conversion: Conversion;
  readonly emitter: Emitter;
  readonly depth: number;
  readonly loops: GraphLoops;
  readonly nodes: ReadonlyMap<string, NodeDef>;
  readonly #given: ReadonlyMap<string, TfValue>;
  readonly #prefix: string;
  readonly #attributes: AttributeMap;
  readonly #results = new Map<string, readonly TfValue[]>();

  constructor(options: ScopeOptions) {
    this.nodes = options.nodes;
    this.emitter = options.emitter;
    this.conversion = options.conversion;
    this.#given = options.given;
    this.#prefix = options.prefix ?? '';
    this.#attributes = options.attributes ?? noAttributes;
    this.depth = options.depth ?? 0;
    this.loops = options.loops ?? findLoops(options.nodes);
  }

  /** The same body with other tensors given: one turn of a loop. */
  turn(given: ReadonlyMap<string, TfValue>, emitter: Emitter): Scope {
    const { nodes, conversion, depth, loops } = this;
    return new Scope({
      nodes,
      conversion,
      depth: depth + 1,
      loops,
      given: new Map([...this.#given, ...given]),
      emitter,
      prefix: this.#prefix,
      attributes: this.#attributes,
    });
  }

  /** The value of a tensor, `node:index`. Throws InvalidModelError and UnsupportedModelError. */
  tensor(reference: string): TfValue {
    const given = this.#givenOf(reference);
    if (given) return given;
    const parsed = parseReference(reference);
    this.run(parsed.node);
    const node = this.nodes.get(parsed.node) as NodeDef;
    const index = flatIndex(parsed, node);
    const value = this.#results.get(parsed.node)?.[index];
    if (value) return value;
    const { place } = this.operation(node);
    throw new UnsupportedModelError(
      place,
      `its output ${index} is not computed`,
      'its other outputs are',
    );
  }

  operation(node: NodeDef): Operation {
    return new Operation(node, this.#prefix, this.#attributes);
  }

  /** Evaluates a node and all that it needs. */
  run(name: string): void {
    const waiting = [name];
    const entered = new Set<string>();
    for (let next = waiting.at(-1); next !== undefined; next = waiting.at(-1)) {
      if (this.#results.has(next)) {
        waiting.pop();
        continue;
      }
      const node = this.#nodeOf(next);
      const needed = this.#missing(node);
      if (needed.length > 0 && entered.has(next)) {
        throw new InvalidModelError(this.operation(node).place, 'it needs its own result');
      }
      if (needed.length > 0) {
        entered.add(next);
        waiting.push(...needed);
      } else {
        waiting.pop();
        this.#results.set(next, this.#evaluate(node));
      }
    }
  }

  call(
    name: string,
    args: readonly TfValue[],
    place: string,
    attributes: AttributeMap,
    emitter = this.emitter,
  ): TfValue[] {
    const body = this.conversion.functions.get(name);
    if (!body) throw new InvalidModelError(place, `the function '${name}' is not in the file`);
    if (this.depth >= this.conversion.limits.depth) {
      throw new InvalidModelError(place, `functions are nested deeper than ${this.depth}`);
    }
    const given = new Map(body.args.map((arg, i) => [`${arg}:0`, args[i] ?? nothing]));
    const scope = new Scope({
      nodes: body.nodes,
      conversion: this.conversion,
      emitter,
      given,
      prefix: `${place}/`,
      attributes,
      depth: this.depth + 1,
    });
    return body.results.map((result) => scope.tensor(result));
  }

  #nodeOf(name: string): NodeDef {
    const node = this.nodes.get(name);
    if (!node)
      throw new InvalidModelError(`node '${this.#prefix}${name}'`, 'it is not in the graph');
    return node;
  }

  #givenOf(reference: string): TfValue | undefined {
    const { node, index, output } = parseReference(reference);
    const definition = this.nodes.get(node);
    const at =
      output !== undefined && definition ? flatIndex({ node, output, index }, definition) : index;
    return this.#given.get(`${node}:${at}`);
  }

  /** Nodes to evaluate before this one. */
  #missing(node: NodeDef): string[] {
    if (takesNothing(node.op) || this.loops.isLoopNode(node)) return [];
    return node.inputs
      .filter((input) => !isControl(input) && !this.#givenOf(input))
      .map((input) => parseReference(input).node)
      .filter((name) => !this.#results.has(name));
  }

  #evaluate(node: NodeDef): readonly TfValue[] {
    this.conversion.evaluated += 1;
    const operation = this.operation(node);
    if (this.conversion.evaluated > this.conversion.limits.nodes) {
      throw new InvalidModelError(
        operation.place,
        `more than ${this.conversion.limits.nodes} nodes, counting functions each time they are called`,
      );
    }
    if (this.loops.isLoopNode(node)) return this.loops.evaluate(node, this);
    const inputs = takesNothing(node.op)
      ? []
      : node.inputs.filter((input) => !isControl(input)).map((input) => this.tensor(input));
    this.emitter.graph.scope = operation.name;
    return dispatch(operation, inputs, this);
  }
}
