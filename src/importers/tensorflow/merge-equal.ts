/**
 * Makes one of nodes that compute the same: signatures that share a network call its functions again.
 */

import type { Attribute, GraphData, NodeData, TensorData } from '../../onnx/graph-data.ts';

export interface Merged {
  readonly nodes: NodeData[];
  /** The name that a value has now. */
  nameOf(name: string): string;
}

/**
 * `starts` are where in `nodes` each signature's begin. A node is made one with that of an earlier
 * signature only, the first of its kind with the first and so on: within a signature everything stays as
 * it was, since the runtime's own fusions expect it so.
 */
export function mergeEqual(
  { nodes, initialisers }: Pick<GraphData, 'nodes' | 'initialisers'>,
  starts: readonly number[],
): Merged {
  const renamed = equalNumbers(initialisers);
  const nameOf = (name: string): string => renamed.get(name) ?? name;
  const known = new Map<string, NodeData>();
  const kept: NodeData[] = [];
  let seen = new Map<string, number>();
  nodes.forEach((node, i) => {
    if (starts.includes(i)) seen = new Map();
    const inputs = node.inputs.map(nameOf);
    const key = keyOf(node, inputs);
    const count = (key === undefined ? 0 : (seen.get(key) ?? 0)) + 1;
    if (key !== undefined) seen.set(key, count);
    const same = key === undefined ? undefined : known.get(`${count} ${key}`);
    if (same) {
      node.outputs.forEach((output, k) => void renamed.set(output, same.outputs[k] as string));
      return;
    }
    const merged = named({ ...node, inputs, attributes: renameInside(node.attributes, nameOf) });
    if (key !== undefined) known.set(`${count} ${key}`, merged);
    kept.push(merged);
  });
  return { nodes: kept, nameOf };
}

const smallBytes = 1024;

/** Axes, pads and fillers are made anew each time: from their names to the first of the same. */
function equalNumbers(initialisers: readonly TensorData[]): Map<string, string> {
  const renamed = new Map<string, string>();
  const known = new Map<string, string>();
  for (const { name, dtype, shape, data } of initialisers) {
    if (!ArrayBuffer.isView(data) || data.byteLength > smallBytes) continue;
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    const key = `${dtype} [${shape.join()}] ${bytes.toString('latin1')}`;
    const first = known.get(key);
    if (first === undefined) known.set(key, name);
    else renamed.set(name, first);
  }
  return renamed;
}

/** Names of nodes must differ too; those of values do. */
const named = (node: NodeData): NodeData => ({ ...node, name: node.outputs[0] ?? node.name });

/** Loops are left alone: comparing their bodies is not worth it. */
function keyOf(
  { op, domain, outputs, attributes }: NodeData,
  inputs: readonly string[],
): string | undefined {
  const entries = Object.entries(attributes);
  if (entries.some(([, value]) => isGraph(value))) return undefined;
  const texts = entries.map(([key, value]) => `${key}=${JSON.stringify(plain(value))}`);
  return [op, domain, outputs.length, ...inputs, ...texts.sort()].join('\n');
}

const isGraph = (value: Attribute): value is Extract<Attribute, { kind: 'graph' }> =>
  typeof value === 'object' && 'kind' in value && value.kind === 'graph';

const plain = (value: Attribute): unknown =>
  typeof value === 'object' && 'values' in value && 'kind' in value
    ? [value.kind, ...value.values]
    : value;

function renameInside(
  attributes: NodeData['attributes'],
  nameOf: (name: string) => string,
): NodeData['attributes'] {
  if (!Object.values(attributes).some(isGraph)) return attributes;
  const rename = ([key, value]: [string, Attribute]): [string, Attribute] => {
    if (!isGraph(value)) return [key, value];
    const nodes = value.graph.nodes.map((node) =>
      named({
        ...node,
        inputs: node.inputs.map(nameOf),
        attributes: renameInside(node.attributes, nameOf),
      }),
    );
    return [key, { kind: 'graph', graph: { ...value.graph, nodes } }];
  };
  return Object.fromEntries(Object.entries(attributes).map(rename));
}
