/**
 * The last steps of a built graph: outputs get the names of the model, and the nodes and weights that no
 * output needs are dropped.
 */

import type { Attribute, GraphData, NodeData } from '../onnx/graph-data.ts';
import { tensorOf } from '../onnx/value-type.ts';
import type { Value } from './import-graph.ts';

interface NamedOutput {
  readonly name: string;
  readonly value: Value;
}

/**
 * The graph with these values as its outputs. The node that makes a value gives it the output's name, so
 * that what makes an output can be seen; an input or a value that is an output twice goes through Identity.
 */
export function nameOutputs(graph: GraphData, outputs: readonly NamedOutput[]): GraphData {
  const made = new Set(graph.nodes.flatMap((node) => node.outputs));
  const taken = new Set([...graph.inputs, ...graph.initialisers].map(({ name }) => name));
  const names = new Map<string, string>();
  const copies: NodeData[] = [];
  for (const { name, value } of outputs) {
    if (made.has(value.name) && !names.has(value.name)) names.set(value.name, name);
    else copies.push(copyOf(value.name, name));
  }
  // A value inside that has the name of an output already gets another one.
  const initialisers = new Set(graph.initialisers.map(({ name }) => name));
  for (const { name } of outputs) {
    if ((!made.has(name) && !initialisers.has(name)) || names.has(name)) continue;
    let other = `${name}/inner`;
    while (made.has(other) || taken.has(other)) other += '_';
    names.set(name, other);
  }
  const nodes = [...graph.nodes, ...copies].map((node) => renamed(node, names));
  const declared = outputs.map(({ name, value: { dtype, shape } }) => ({
    name,
    type: tensorOf(
      dtype,
      shape.map((size, i) => size ?? (i === 0 ? 'batch' : null)),
    ),
  }));
  return {
    ...baseOf(graph),
    initialisers: graph.initialisers.map((tensor) => ({
      ...tensor,
      name: names.get(tensor.name) ?? tensor.name,
    })),
    nodes,
    outputs: declared,
  };
}

const baseOf = ({ name, inputs, initialisers }: GraphData) => ({ name, inputs, initialisers });

const copyOf = (from: string, to: string): NodeData => ({
  op: 'Identity',
  name: to,
  domain: '',
  inputs: [from],
  outputs: [to],
  attributes: {},
});

function renamed(node: NodeData, names: ReadonlyMap<string, string>): NodeData {
  const rename = (name: string): string => names.get(name) ?? name;
  const attributes = Object.entries(node.attributes).map(([key, attribute]) => [
    key,
    isGraph(attribute) ? { ...attribute, graph: renamedGraph(attribute.graph, names) } : attribute,
  ]);
  return {
    ...node,
    inputs: node.inputs.map(rename),
    outputs: node.outputs.map(rename),
    attributes: Object.fromEntries(attributes),
  };
}

function renamedGraph(graph: GraphData, names: ReadonlyMap<string, string>): GraphData {
  return {
    ...baseOf(graph),
    nodes: graph.nodes.map((node) => renamed(node, names)),
    outputs: graph.outputs.map(({ name, type }) => ({ name: names.get(name) ?? name, type })),
  };
}

/** The graph without what its outputs do not depend on; its inputs all stay, they are its signature. */
export function prune(graph: GraphData): GraphData {
  const needed = new Set(graph.outputs.map(({ name }) => name));
  const kept: NodeData[] = [];
  for (const node of [...graph.nodes].reverse()) {
    if (!node.outputs.some((output) => needed.has(output))) continue;
    kept.push(node);
    addUsed(node, needed);
  }
  return {
    ...baseOf(graph),
    outputs: graph.outputs,
    initialisers: graph.initialisers.filter(({ name }) => needed.has(name)),
    nodes: kept.reverse(),
  };
}

/** Names that a node reads, those of its subgraphs included. */
function addUsed({ inputs, attributes }: NodeData, into: Set<string>): void {
  for (const input of inputs) if (input !== '') into.add(input);
  for (const attribute of Object.values(attributes)) {
    if (!isGraph(attribute)) continue;
    for (const { name } of attribute.graph.outputs) into.add(name);
    for (const node of attribute.graph.nodes) addUsed(node, into);
  }
}

const isGraph = (attribute: Attribute): attribute is Extract<Attribute, { kind: 'graph' }> =>
  typeof attribute === 'object' && 'kind' in attribute && attribute.kind === 'graph';
