/**
 * Reads `GraphProto`, `NodeProto`, `AttributeProto` and `FunctionProto`, collecting what a summary
 * needs. Source: onnx/onnx.proto.
 */

import type { ProtobufReader } from './protobuf-reader.ts';
import type { TensorInfo } from './read-tensor.ts';
import { readTensor } from './read-tensor.ts';
import type { ValueInfo } from './read-type.ts';
import { readValueInfo } from './read-type.ts';

/** One graph; also what a subgraph or a function's body is read into and then dropped. */
export interface GraphContents {
  name: string;
  readonly inputs: ValueInfo[];
  readonly outputs: ValueInfo[];
  readonly initialisers: Set<string>;
  /** The node that makes a value, by the value's name. */
  readonly producers: Map<string, { op: string; node: string }>;
}

/** What is counted over the whole file, subgraphs and functions included. */
export interface FileContents {
  readonly initialisers: Totals;
  readonly constants: Totals;
  readonly external: TensorInfo[];
  /** Domain → operator → how many nodes. */
  readonly ops: Map<string, Map<string, number>>;
  readonly functions: { domain: string; op: string }[];
}

interface Totals {
  count: number;
  bytes: number;
}

export const defaultDomain = 'ai.onnx';

export function emptyGraph(): GraphContents {
  return { name: '', inputs: [], outputs: [], initialisers: new Set(), producers: new Map() };
}

/** `GraphProto`: node 1, name 2, initialiser 5, input 11, output 12, sparse initialiser 15. */
export function readGraph(
  reader: ProtobufReader,
  file: FileContents,
  graph: GraphContents = emptyGraph(),
): GraphContents {
  reader.message({
    1: (r) => readNode(r, file, graph),
    2: (r) => {
      graph.name = r.string();
    },
    5: (r) => graph.initialisers.add(countTensor(r, file, file.initialisers).name),
    11: (r) => graph.inputs.push(readValueInfo(r)),
    12: (r) => graph.outputs.push(readValueInfo(r)),
    15: (r) => graph.initialisers.add(readSparseTensor(r, file, file.initialisers)),
  });
  return graph;
}

function countTensor(reader: ProtobufReader, file: FileContents, totals: Totals): TensorInfo {
  const tensor = readTensor(reader);
  totals.count += 1;
  totals.bytes += tensor.bytes;
  if (tensor.external) file.external.push(tensor);
  return tensor;
}

/** `SparseTensorProto`: values 1 (its name is the tensor's), indices 2. */
function readSparseTensor(reader: ProtobufReader, file: FileContents, totals: Totals): string {
  let name = '';
  reader.message({
    1: (r) => {
      name = countTensor(r, file, totals).name;
    },
    2: (r) => {
      countTensor(r, file, totals);
    },
  });
  return name;
}

/** `NodeProto`: output 2, name 3, operator 4, attribute 5, domain 7. */
function readNode(reader: ProtobufReader, file: FileContents, graph: GraphContents): void {
  const outputs: string[] = [];
  let [node, op, domain] = ['', '', ''];
  reader.message({
    2: (r) => outputs.push(r.string()),
    3: (r) => {
      node = r.string();
    },
    4: (r) => {
      op = r.string();
    },
    5: (r) => readAttribute(r, file),
    7: (r) => {
      domain = r.string();
    },
  });
  countOp(file, domain || defaultDomain, op);
  for (const output of outputs) graph.producers.set(output, { op, node });
}

function countOp(file: FileContents, domain: string, op: string): void {
  const counts = file.ops.get(domain) ?? new Map<string, number>();
  counts.set(op, (counts.get(op) ?? 0) + 1);
  file.ops.set(domain, counts);
}

/** `AttributeProto`: tensor 5, graph 6, tensors 10, graphs 11, sparse tensor 22, sparse tensors 23. */
function readAttribute(reader: ProtobufReader, file: FileContents): void {
  const tensor = (r: ProtobufReader): unknown => countTensor(r, file, file.constants);
  const graph = (r: ProtobufReader): unknown => readGraph(r, file);
  const sparse = (r: ProtobufReader): unknown => readSparseTensor(r, file, file.constants);
  reader.message({ 5: tensor, 6: graph, 10: tensor, 11: graph, 22: sparse, 23: sparse });
}

/** `FunctionProto`: name 1, default attributes 11, node 7, opset 9, domain 10. */
export function readFunction(
  reader: ProtobufReader,
  file: FileContents,
  readOpset: (r: ProtobufReader) => void,
): void {
  const body = emptyGraph();
  let [op, domain] = ['', ''];
  reader.message({
    1: (r) => {
      op = r.string();
    },
    7: (r) => readNode(r, file, body),
    9: readOpset,
    10: (r) => {
      domain = r.string();
    },
    11: (r) => readAttribute(r, file),
  });
  file.functions.push({ domain: domain || defaultDomain, op });
}
