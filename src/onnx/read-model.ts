/**
 * Reads what is to know of an .onnx file, without its weights: a file of many gigabytes takes
 * milliseconds and no memory to speak of. It reads synchronously.
 * Source: onnx/onnx.proto, `ModelProto`.
 */

import { ServingError } from '../errors.ts';
import type { ByteSource } from './byte-source.ts';
import { withFileSource } from './byte-source.ts';
import { resolveExternal } from './external-data.ts';
import { ProtobufError, ProtobufReader } from './protobuf-reader.ts';
import type { FileContents, GraphContents } from './read-graph.ts';
import { defaultDomain, emptyGraph, readFunction, readGraph } from './read-graph.ts';
import { readStringPair } from './read-tensor.ts';
import { sniff, sniffBytes } from './sniff.ts';
import type { OnnxSummary, OnnxValue, OpCount } from './summary.ts';

interface ModelContents {
  irVersion: number;
  producerName: string;
  producerVersion: string;
  domain: string;
  modelVersion: bigint;
  hasGraph: boolean;
  readonly opsets: Map<string, number>;
  readonly metadata: Map<string, string>;
  readonly graph: GraphContents;
  readonly file: FileContents;
}

/**
 * Throws MODEL_FILE_INVALID for a file that is no ONNX model (naming what it looks like), is damaged
 * or truncated (with the offset), or lacks its external data; PATH_NOT_FOUND and PATH_UNREADABLE.
 */
export function readOnnxModel(path: string): OnnxSummary {
  try {
    return withFileSource(path, (source) => readOnnxSource(source, path));
  } catch (error) {
    throw asPathError(path, error);
  }
}

/** The same from bytes that are open already; `path` is for messages and to find external data. */
export function readOnnxSource(source: ByteSource, path: string): OnnxSummary {
  refuseOtherFiles(path, source);
  const model = readWhole(path, source);
  if (!model.hasGraph) {
    throw invalid(path, 'it has no graph; it may be a protobuf of another kind (TensorFlow .pb?)');
  }
  return summarise(path, source.length, model);
}

function readWhole(path: string, source: ByteSource): ModelContents {
  try {
    return readModel(new ProtobufReader(source));
  } catch (error) {
    if (!(error instanceof ProtobufError)) throw error;
    const { offset, message } = error;
    throw invalid(path, `it is damaged or no ONNX file: at byte ${offset}, ${message}`);
  }
}

function refuseOtherFiles(path: string, source: ByteSource): void {
  if (source.length === 0) throw invalid(path, 'the file is empty (0 bytes)');
  const head = new Uint8Array(Math.min(sniffBytes, source.length));
  source.read(0, head);
  const what = sniff(head);
  if (what) throw invalid(path, `at byte 0 it looks like ${what}`);
}

/**
 * `ModelProto`: ir_version 1, producer 2 and 3, domain 4, model_version 5, graph 7, opset_import 8,
 * metadata_props 14, functions 25.
 */
function readModel(reader: ProtobufReader): ModelContents {
  const model = emptyModel();
  const readOpset = (r: ProtobufReader): void => readOpsetImport(r, model.opsets);
  reader.readFields({
    1: (r) => {
      model.irVersion = r.int();
    },
    2: (r) => {
      model.producerName = r.string();
    },
    3: (r) => {
      model.producerVersion = r.string();
    },
    4: (r) => {
      model.domain = r.string();
    },
    5: (r) => {
      model.modelVersion = r.bigint();
    },
    7: (r) => {
      model.hasGraph = true;
      readGraph(r, model.file, model.graph);
    },
    8: readOpset,
    14: (r) => readStringPair(r, model.metadata),
    25: (r) => readFunction(r, model.file, readOpset),
  });
  return model;
}

function emptyModel(): ModelContents {
  return {
    irVersion: 0,
    producerName: '',
    producerVersion: '',
    domain: '',
    modelVersion: 0n,
    hasGraph: false,
    opsets: new Map(),
    metadata: new Map(),
    graph: emptyGraph(),
    file: {
      initialisers: { count: 0, bytes: 0 },
      constants: { count: 0, bytes: 0 },
      external: [],
      ops: new Map(),
      functions: [],
    },
  };
}

/** `OperatorSetIdProto`: domain 1, version 2. A domain named twice counts with its highest version. */
function readOpsetImport(reader: ProtobufReader, into: Map<string, number>): void {
  let domain = '';
  let version = 0;
  reader.message({
    1: (r) => {
      domain = r.string();
    },
    2: (r) => {
      version = r.int();
    },
  });
  const key = domain || defaultDomain;
  into.set(key, Math.max(version, into.get(key) ?? 0));
}

function summarise(path: string, fileBytes: number, model: ModelContents): OnnxSummary {
  const { graph, file } = model;
  return {
    irVersion: model.irVersion,
    opsets: [...model.opsets].map(([domain, version]) => ({ domain, version })),
    producer: { name: model.producerName, version: model.producerVersion },
    domain: model.domain,
    modelVersion: String(model.modelVersion),
    graphName: graph.name,
    metadata: model.metadata,
    inputs: graph.inputs.filter(({ name }) => !graph.initialisers.has(name)),
    outputs: graph.outputs.map((value) => withProducer(value, graph)),
    initialisers: file.initialisers,
    constants: file.constants,
    externalTensors: resolveExternal(path, file.external),
    ops: countsOf(file.ops),
    functions: file.functions,
    fileBytes,
  };
}

function withProducer(value: OnnxValue, graph: GraphContents): OnnxValue {
  return { ...value, producer: graph.producers.get(value.name) };
}

function countsOf(ops: FileContents['ops']): OpCount[] {
  return [...ops]
    .flatMap(([domain, counts]) => [...counts].map(([op, count]) => ({ domain, op, count })))
    .sort((a, b) => b.count - a.count);
}

function asPathError(path: string, error: unknown): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') {
    return new ServingError('PATH_NOT_FOUND', { path, expected: 'an .onnx file' });
  }
  const isSystemError = error instanceof Error && 'syscall' in error;
  return isSystemError ? new ServingError('PATH_UNREADABLE', { path, problem: message }) : error;
}

const invalid = (path: string, problem: string): ServingError =>
  new ServingError('MODEL_FILE_INVALID', { path, problem });
