/**
 * Turns a built graph into the bytes of an .onnx file. The weights stay views of the caller's arrays.
 * Source: onnx/onnx.proto; field numbers beside each function.
 */

import { numberOfElementType } from './element-type.ts';
import type {
  Attribute,
  Attributes,
  Elements,
  GraphData,
  NodeData,
  TensorData,
  ValueData,
} from './graph-data.ts';
import { isStrings } from './graph-data.ts';
import type { Bytes } from './protobuf-writer.ts';
import { ProtobufWriter, readPiece } from './protobuf-writer.ts';
import type { Dim, ValueType } from './value-type.ts';

export interface ModelOptions {
  /** Version of ai.onnx, or of each domain that the nodes use ('' or 'ai.onnx' is the default one). */
  readonly opset?: number | Readonly<Record<string, number>>;
  readonly irVersion?: number;
  readonly producer?: { readonly name: string; readonly version?: string };
  readonly modelVersion?: number;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Where the bytes of a tensor are in another file; undefined keeps them in the model. */
export type PlaceExternally = (tensor: TensorData) => ReadonlyMap<string, string> | undefined;

export const defaultOpset = 17;
/** The version that came with opset 17; ONNX Runtime since 1.12 reads it. */
export const defaultIrVersion = 8;

/** The bytes of the model in pieces; views of the weights are not copied, lazy weights are made now. */
export function encodeModel(graph: GraphData, options: ModelOptions = {}): Uint8Array[] {
  return modelPieces(graph, options).flatMap((piece) =>
    piece instanceof Uint8Array ? [piece] : Array.from(readPiece(piece), (part) => part.slice()),
  );
}

/** `ModelProto`: ir_version 1, producer 2 and 3, model_version 5, graph 7, opset 8, metadata 14. */
export function modelPieces(
  graph: GraphData,
  options: ModelOptions = {},
  place: PlaceExternally = () => undefined,
): readonly Bytes[] {
  const writer = new ProtobufWriter().int(1, options.irVersion ?? defaultIrVersion);
  writer.string(2, options.producer?.name ?? 'modelship');
  writer.string(3, options.producer?.version ?? '');
  writer.int(5, options.modelVersion ?? 0);
  for (const [domain, version] of opsetsOf(options)) writer.message(8, opset(domain, version));
  writer.message(7, encodeGraph(graph, place));
  for (const [key, value] of Object.entries(options.metadata ?? {})) {
    writer.message(14, stringPair(key, value));
  }
  return writer.finish();
}

function opsetsOf({ opset = defaultOpset }: ModelOptions): [string, number][] {
  return typeof opset === 'number' ? [['', opset]] : Object.entries(opset);
}

/** `OperatorSetIdProto`: domain 1, version 2. */
function opset(domain: string, version: number): ProtobufWriter {
  return new ProtobufWriter().string(1, domain === 'ai.onnx' ? '' : domain).int(2, version);
}

/** `StringStringEntryProto`: key 1, value 2. */
function stringPair(key: string, value: string): ProtobufWriter {
  return new ProtobufWriter().string(1, key).string(2, value);
}

/** `GraphProto`: node 1, name 2, initialiser 5, input 11, output 12. */
function encodeGraph(graph: GraphData, place: PlaceExternally): ProtobufWriter {
  const writer = new ProtobufWriter();
  for (const node of graph.nodes) writer.message(1, encodeNode(node, place));
  writer.string(2, graph.name);
  for (const tensor of graph.initialisers) writer.message(5, encodeTensor(tensor, place));
  for (const input of graph.inputs) writer.message(11, encodeValue(input));
  for (const output of graph.outputs) writer.message(12, encodeValue(output));
  return writer;
}

/** `NodeProto`: input 1, output 2, name 3, operator 4, attribute 5, domain 7. */
function encodeNode(node: NodeData, place: PlaceExternally): ProtobufWriter {
  const writer = new ProtobufWriter();
  for (const input of node.inputs) writer.string(1, input);
  for (const output of node.outputs) writer.string(2, output);
  writer.string(3, node.name).string(4, node.op);
  encodeAttributes(node.attributes, writer, place);
  return writer.string(7, node.domain);
}

function encodeAttributes(attributes: Attributes, into: ProtobufWriter, place: PlaceExternally) {
  for (const [name, value] of Object.entries(attributes)) {
    const writer = new ProtobufWriter().string(1, name);
    into.message(5, encodeAttribute(value, writer, place));
  }
}

/** `AttributeProto`: f 2, i 3, s 4, t 5, g 6, floats 7, ints 8, strings 9, type 20. */
function encodeAttribute(
  value: Attribute,
  writer: ProtobufWriter,
  place: PlaceExternally,
): ProtobufWriter {
  if (typeof value === 'string') return writer.string(4, value).int(20, 3);
  if (typeof value !== 'object') return writer.int(3, value).int(20, 2);
  if (!('kind' in value)) return writer.ints(8, value).int(20, 7);
  switch (value.kind) {
    case 'float':
      return writer.float(2, value.value).int(20, 1);
    case 'tensor':
      return writer.message(5, encodeTensor(value.tensor, place)).int(20, 4);
    case 'graph':
      return writer.message(6, encodeGraph(value.graph, place)).int(20, 5);
    case 'floats':
      return writer.floats(7, value.values).int(20, 6);
    case 'ints':
      return writer.ints(8, value.values).int(20, 7);
    case 'strings':
      for (const text of value.values) writer.string(9, text);
      return writer.int(20, 8);
  }
}

/** `TensorProto`: dims 1, element type 2, strings 6, name 8, raw data 9, external 13, location 14. */
function encodeTensor(tensor: TensorData, place: PlaceExternally): ProtobufWriter {
  const writer = new ProtobufWriter().ints(1, tensor.shape);
  writer.int(2, numberOfElementType(tensor.dtype)).string(8, tensor.name);
  const external = place(tensor);
  if (external) {
    for (const [key, value] of external) writer.message(13, stringPair(key, value));
    return writer.int(14, 1);
  }
  if (!isStrings(tensor.data)) return writer.bytes(9, bytesOf(tensor.data));
  for (const text of tensor.data) writer.string(6, text);
  return writer;
}

/** The elements as bytes, without a copy. */
export function bytesOf(data: Exclude<Elements, readonly string[]>): Bytes {
  if (!ArrayBuffer.isView(data) || data instanceof Uint8Array) return data;
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** `ValueInfoProto`: name 1, type 2. */
function encodeValue({ name, type }: ValueData): ProtobufWriter {
  return new ProtobufWriter().string(1, name).message(2, encodeType(type));
}

/** `TypeProto`: tensor 1, sequence 4, map 5, optional 9. */
function encodeType(type: ValueType): ProtobufWriter {
  const writer = new ProtobufWriter();
  if (type.kind === 'tensor') return writer.message(1, encodeTensorType(type.dtype, type.shape));
  if (type.kind === 'sequence') return writer.message(4, encodeElement(type.element));
  if (type.kind === 'optional') return writer.message(9, encodeElement(type.element));
  if (type.kind === 'map') {
    const map = new ProtobufWriter().int(1, numberOfElementType(type.key));
    return writer.message(5, map.message(2, encodeType(type.value)));
  }
  throw new TypeError(`a value of type ${type.description} cannot be written`);
}

const encodeElement = (type: ValueType): ProtobufWriter =>
  new ProtobufWriter().message(1, encodeType(type));

/** `TypeProto.Tensor`: element type 1, shape 2; `TensorShapeProto.Dimension`: value 1, name 2. */
function encodeTensorType(
  dtype: TensorData['dtype'],
  shape: readonly Dim[] | undefined,
): ProtobufWriter {
  const writer = new ProtobufWriter().int(1, numberOfElementType(dtype));
  if (!shape) return writer;
  const dims = new ProtobufWriter();
  for (const dim of shape) dims.message(1, encodeDim(dim));
  return writer.message(2, dims);
}

function encodeDim(dim: Dim): ProtobufWriter {
  const writer = new ProtobufWriter();
  if (typeof dim === 'number') writer.int(1, dim);
  else if (dim !== null) writer.string(2, dim);
  return writer;
}
