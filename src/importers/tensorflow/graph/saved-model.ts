/**
 * Reads `saved_model.pb`: the graphs of a SavedModel, their signatures, and how they are restored.
 * Source: tensorflow/core/protobuf/saved_model.proto, meta_graph.proto, saver.proto.
 */

import type { ByteSource } from '../../../onnx/byte-source.ts';
import type { ProtobufReader } from '../../../onnx/protobuf-reader.ts';
import type { DataType } from '../data-types.ts';
import { dataTypeOf } from '../data-types.ts';
import type { GraphDef } from './graph-def.ts';
import { readGraphDef } from './graph-def.ts';
import type { TensorShape } from './tensor-proto.ts';
import { readShape } from './tensor-proto.ts';

/** A name of a signature, and the tensor of the graph that it stands for. */
export interface TensorInfo {
  readonly alias: string;
  /** `node:index`; '' for one that is no plain tensor. */
  readonly tensor: string;
  readonly type: DataType;
  readonly shape: TensorShape;
}

export interface SignatureDef {
  readonly name: string;
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  readonly method: string;
}

export interface MetaGraph {
  readonly tags: readonly string[];
  /** As in `2.21.0`; '' when it does not say. */
  readonly version: string;
  readonly graph: GraphDef;
  readonly signatures: readonly SignatureDef[];
  /** The node that restores all variables; '' where there is none. */
  readonly restoreOp: string;
  /** The tensor that takes the checkpoint's path. */
  readonly checkpointTensor: string;
}

/** `SavedModel`: meta_graphs 2. */
export function readSavedModel(
  reader: ProtobufReader,
  source: ByteSource,
  maxNodes: number,
): MetaGraph[] {
  const graphs: MetaGraph[] = [];
  reader.readFields({ 2: (r) => void graphs.push(readMetaGraph(r, source, maxNodes)) });
  return graphs;
}

/** `MetaGraphDef`: meta_info 1 (tags 4, version 5), graph 2, saver 3 (file name 1, restore 3), signatures 5. */
function readMetaGraph(reader: ProtobufReader, source: ByteSource, maxNodes: number): MetaGraph {
  const tags: string[] = [];
  const signatures: SignatureDef[] = [];
  let version = '';
  let restoreOp = '';
  let checkpointTensor = '';
  let graph: GraphDef = { nodes: new Map(), functions: new Map() };
  reader.message({
    1: (r) =>
      r.message({
        4: (info) => void tags.push(info.string()),
        5: (info) => {
          version = info.string();
        },
      }),
    2: (r) =>
      r.nested(() => {
        graph = readGraphDef(r, source, maxNodes);
      }),
    3: (r) =>
      r.message({
        1: (saver) => {
          checkpointTensor = saver.string();
        },
        3: (saver) => {
          restoreOp = saver.string();
        },
      }),
    5: (r) => void signatures.push(readSignature(r)),
  });
  return { tags, version, graph, signatures, restoreOp, checkpointTensor };
}

/** An entry of `map<string, SignatureDef>`; `SignatureDef`: inputs 1, outputs 2, method 3. */
function readSignature(reader: ProtobufReader): SignatureDef {
  let name = '';
  let method = '';
  const inputs: TensorInfo[] = [];
  const outputs: TensorInfo[] = [];
  reader.message({
    1: (r) => {
      name = r.string();
    },
    2: (r) =>
      r.message({
        1: (def) => void inputs.push(readTensorInfo(def)),
        2: (def) => void outputs.push(readTensorInfo(def)),
        3: (def) => {
          method = def.string();
        },
      }),
  });
  return { name, inputs: byAlias(inputs), outputs: byAlias(outputs), method };
}

/** A map has no order in the file; names give it one. */
const byAlias = (infos: TensorInfo[]): TensorInfo[] =>
  infos.sort((a, b) => (a.alias < b.alias ? -1 : 1));

/** An entry of `map<string, TensorInfo>`; `TensorInfo`: name 1, dtype 2, shape 3. */
function readTensorInfo(reader: ProtobufReader): TensorInfo {
  let alias = '';
  let tensor = '';
  let type = dataTypeOf(0);
  let shape: TensorShape;
  reader.message({
    1: (r) => {
      alias = r.string();
    },
    2: (r) =>
      r.message({
        1: (info) => {
          tensor = info.string();
        },
        2: (info) => {
          type = dataTypeOf(info.int());
        },
        3: (info) => {
          shape = readShape(info);
        },
      }),
  });
  return { alias, tensor, type, shape };
}
