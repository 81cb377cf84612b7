/**
 * Drops the nodes and weights that no output needs. What is left is in the same order.
 */

import type { Attribute, GraphData, NodeData } from '../onnx/graph-data.ts';

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
    name: graph.name,
    inputs: graph.inputs,
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
