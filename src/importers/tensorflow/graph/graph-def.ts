/**
 * Reads a graph of operators and the functions beside it.
 * Source: tensorflow/core/framework/graph.proto, node_def.proto, function.proto, op_def.proto.
 */

import type { ByteSource } from '../../../onnx/byte-source.ts';
import type { ProtobufReader } from '../../../onnx/protobuf-reader.ts';
import type { AttributeMap, AttributeValue } from './attributes.ts';
import { readAttribute } from './attributes.ts';

export interface NodeDef {
  readonly name: string;
  readonly op: string;
  /** `name`, `name:index`, in functions `name:output:index`; `^name` only orders. */
  readonly inputs: readonly string[];
  readonly attributes: AttributeMap;
}

export interface FunctionDef {
  readonly name: string;
  /** Names of its arguments, in order. */
  readonly args: readonly string[];
  /** Where each result comes from, in order: a tensor of its nodes. */
  readonly results: readonly string[];
  readonly nodes: ReadonlyMap<string, NodeDef>;
}

export interface GraphDef {
  readonly nodes: ReadonlyMap<string, NodeDef>;
  readonly functions: ReadonlyMap<string, FunctionDef>;
}

interface Counter {
  nodes: number;
  readonly limit: number;
}

/** `GraphDef`: node 1, library 2 (function 1). More than `maxNodes` nodes in all are refused. */
export function readGraphDef(
  reader: ProtobufReader,
  source: ByteSource,
  maxNodes: number,
): GraphDef {
  const nodes = new Map<string, NodeDef>();
  const functions = new Map<string, FunctionDef>();
  const counter: Counter = { nodes: 0, limit: maxNodes };
  reader.readFields({
    1: (r) => addNode(r, nodes, source, counter),
    2: (r) =>
      r.message({
        1: (library) => {
          const definition = readFunction(library, source, counter);
          functions.set(definition.name, definition);
        },
      }),
  });
  return { nodes, functions };
}

/** `NodeDef`: name 1, op 2, input 3, attr 5. */
function addNode(
  reader: ProtobufReader,
  into: Map<string, NodeDef>,
  source: ByteSource,
  counter: Counter,
): void {
  counter.nodes += 1;
  if (counter.nodes > counter.limit) reader.fail(`more than ${counter.limit} nodes`);
  let name = '';
  let op = '';
  const inputs: string[] = [];
  const attributes = new Map<string, AttributeValue>();
  reader.message({
    1: (r) => {
      name = r.string();
    },
    2: (r) => {
      op = r.string();
    },
    3: (r) => void inputs.push(r.string()),
    5: (r) => readAttribute(r, attributes, source, `node '${name}'`),
  });
  into.set(name, { name, op, inputs, attributes });
}

interface OpSignature {
  name: string;
  readonly args: string[];
  readonly results: string[];
}

/** `FunctionDef`: signature 1, node_def 3, ret 4. */
function readFunction(reader: ProtobufReader, source: ByteSource, counter: Counter): FunctionDef {
  const signature: OpSignature = { name: '', args: [], results: [] };
  const nodes = new Map<string, NodeDef>();
  const returns = new Map<string, string>();
  reader.message({
    1: (r) => readOpDef(r, signature),
    3: (r) => addNode(r, nodes, source, counter),
    4: (r) => readTextPair(r, returns),
  });
  const { name, args } = signature;
  return { name, args, results: signature.results.map((key) => returns.get(key) ?? key), nodes };
}

/** `OpDef`: name 1, input_arg 2, output_arg 3; `ArgDef`: name 1. */
function readOpDef(reader: ProtobufReader, into: OpSignature): void {
  const argument = (list: string[]) => (r: ProtobufReader) =>
    r.message({ 1: (arg) => void list.push(arg.string()) });
  reader.message({
    1: (r) => {
      into.name = r.string();
    },
    2: argument(into.args),
    3: argument(into.results),
  });
}

/** An entry of `map<string, string>`: key 1, value 2. */
function readTextPair(reader: ProtobufReader, into: Map<string, string>): void {
  let key = '';
  let value = '';
  reader.message({
    1: (r) => {
      key = r.string();
    },
    2: (r) => {
      value = r.string();
    },
  });
  into.set(key, value);
}
