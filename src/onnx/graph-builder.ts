/**
 * Builds an ONNX graph in memory: typed inputs, outputs and weights, nodes, unique names.
 *
 * Owns: the graph's contents and its names. Does not own: how they become bytes (writer.ts), nor
 * whether the operators exist (ONNX Runtime says so when it loads the model).
 * A mistake in building is a programming error: TypeError, with the name of the thing.
 */

import type { ElementType } from './element-type.ts';
import { bitsOfElementType } from './element-type.ts';
import type {
  Attributes,
  Elements,
  GraphData,
  NodeData,
  TensorData,
  ValueData,
} from './graph-data.ts';
import { isStrings } from './graph-data.ts';
import type { Dim, ValueType } from './value-type.ts';
import { tensorOf } from './value-type.ts';

export interface NodeOptions {
  readonly op: string;
  readonly inputs: readonly string[];
  /** Names of its outputs, or how many to name; one if left out. */
  readonly outputs?: readonly string[] | number;
  readonly attributes?: Attributes;
  readonly name?: string;
  /** '' is ai.onnx. */
  readonly domain?: string;
}

export class Graph implements GraphData {
  readonly name: string;
  readonly inputs: ValueData[] = [];
  readonly outputs: ValueData[] = [];
  readonly initialisers: TensorData[] = [];
  readonly nodes: NodeData[] = [];
  readonly #names: Map<string, number>;
  readonly #isSubgraph: boolean;

  constructor(name: string, outerNames?: Map<string, number>) {
    this.name = name;
    this.#names = outerNames ?? new Map();
    this.#isSubgraph = outerNames !== undefined;
  }

  /** A graph for the attribute of Loop, If or Scan; its names are unique in the outer graph too. */
  subgraph(name: string): Graph {
    return new Graph(name, this.#names);
  }

  /** A name that no value of this graph has: the wish itself, or `wish_1`, `wish_2`, … */
  uniqueName(wish: string): string {
    let name = wish;
    let count = this.#names.get(wish) ?? 0;
    while (this.#names.has(name)) {
      count += 1;
      name = `${wish}_${count}`;
    }
    this.#names.set(wish, count);
    if (name !== wish) this.#names.set(name, 0);
    return name;
  }

  /** Adds an input of exactly this name (in a subgraph: a name like it) and gives the name. */
  input(name: string, dtype: ElementType, shape?: readonly Dim[]): string {
    return this.inputOf(name, tensorOf(dtype, shape));
  }

  inputOf(wish: string, type: ValueType): string {
    const name = this.#isSubgraph ? this.uniqueName(wish) : this.#claim(wish);
    this.inputs.push({ name, type });
    return name;
  }

  /** Declares an existing value as an output. */
  output(name: string, dtype: ElementType, shape?: readonly Dim[]): void {
    this.outputOf(name, tensorOf(dtype, shape));
  }

  outputOf(name: string, type: ValueType): void {
    if (!this.#names.has(name)) throw new TypeError(`output '${name}' is no value of the graph`);
    this.outputs.push({ name, type });
  }

  /** Adds weights under the wished name or one like it, and gives the name. The data is not copied. */
  initialiser(wish: string, dtype: ElementType, shape: readonly number[], data: Elements): string {
    const tensor = { name: this.uniqueName(wish), dtype, shape, data };
    checkLength(tensor);
    this.initialisers.push(tensor);
    return tensor.name;
  }

  /** A 1-D INT64 initialiser, as shapes, axes and pads are given to newer operators. */
  int64s(values: readonly number[], wish = 'ints'): string {
    const data = BigInt64Array.from(values, BigInt);
    return this.initialiser(wish, 'INT64', [values.length], data);
  }

  /** An FP32 initialiser: a scalar from a number, 1-D from a list. */
  floats(values: number | readonly number[], wish = 'floats'): string {
    const scalar = typeof values === 'number';
    const data = Float32Array.from(scalar ? [values] : values);
    return this.initialiser(wish, 'FP32', scalar ? [] : [data.length], data);
  }

  /** Adds a node and gives the names of its outputs. Inputs of a node must exist before it. */
  node(options: NodeOptions): string[] {
    const { op, inputs, attributes = {}, domain = '' } = options;
    for (const input of inputs) {
      if (input !== '' && !this.#names.has(input)) {
        throw new TypeError(`input '${input}' of ${op} is no value of the graph`);
      }
    }
    const outputs = this.#nameOutputs(options);
    // Outputs that are named here are named after the node, and like names of nodes must differ.
    const given = typeof options.outputs === 'object' ? options.name : undefined;
    const name = given ?? outputs[0] ?? options.name ?? op;
    this.nodes.push({ op, name, domain, inputs, outputs, attributes });
    return outputs;
  }

  /** A node of one output, as an expression: `graph.apply('Relu', [graph.apply('Add', [a, b])])`. */
  apply(op: string, inputs: readonly string[], attributes: Attributes = {}): string {
    return this.node({ op, inputs, attributes })[0] as string;
  }

  #nameOutputs({ op, name, outputs = 1 }: NodeOptions): string[] {
    if (typeof outputs === 'number') {
      return Array.from({ length: outputs }, () => this.uniqueName(name ?? op.toLowerCase()));
    }
    for (const output of outputs) this.#claim(output);
    return [...outputs];
  }

  #claim(name: string): string {
    if (this.#names.has(name)) throw new TypeError(`the name '${name}' is taken`);
    this.#names.set(name, 0);
    return name;
  }
}

export function createGraph(name: string): Graph {
  return new Graph(name);
}

function checkLength({ name, dtype, shape, data }: TensorData): void {
  const elements = shape.reduce((count, dim) => count * dim, 1);
  const expected = isStrings(data)
    ? elements
    : Math.ceil((elements * bitsOfElementType(dtype)) / 8);
  const actual = isStrings(data) ? data.length : data.byteLength;
  if (actual !== expected || isStrings(data) !== (dtype === 'BYTES')) {
    throw new TypeError(
      `initialiser '${name}' (${dtype} [${shape.join(', ')}]) has ${actual} ${isStrings(data) ? 'strings' : 'bytes'} and needs ${expected}`,
    );
  }
}
