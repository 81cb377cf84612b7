/**
 * What goes in and out of a frozen graph, which does not say so: placeholders go in, and what nothing
 * else uses comes out.
 */

import { dataType } from './data-types.ts';
import { parseReference } from './evaluate/references.ts';
import type { GraphDef, NodeDef } from './graph/graph-def.ts';
import type { SignatureDef, TensorInfo } from './graph/saved-model.ts';

const placeholders = new Set(['Placeholder', 'PlaceholderV2']);
const noOutputs = new Set(['NoOp', 'Assert', 'Const', 'Placeholder', 'PlaceholderV2']);

export function frozenSignature({ nodes }: GraphDef): SignatureDef {
  const used = new Set<string>();
  for (const { inputs } of nodes.values()) {
    // What only orders other nodes (the pivots of a branch) is no output either.
    for (const input of inputs) used.add(parseReference(input.replace(/^\^/, '')).node);
  }
  const all = [...nodes.values()];
  return {
    name: 'serving_default',
    method: '',
    inputs: all.filter(({ op }) => placeholders.has(op)).map(inputOf),
    outputs: all.filter(({ name, op }) => !used.has(name) && !noOutputs.has(op)).map(outputOf),
  };
}

const inputOf = ({ name, attributes }: NodeDef): TensorInfo => ({
  alias: name,
  tensor: `${name}:0`,
  type: attributes.get('dtype')?.type ?? dataType('float'),
  shape: attributes.get('shape')?.shape?.dims,
});

const outputOf = ({ name }: NodeDef): TensorInfo => ({
  alias: name,
  tensor: `${name}:0`,
  type: dataType('float'),
  shape: undefined,
});
