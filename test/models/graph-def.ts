/** Writes small TensorFlow graphs, for the tests of what no exporter would write. */

import { ProtobufWriter, readPiece } from '../../src/onnx/protobuf-writer.ts';

export interface WrittenNode {
  readonly name: string;
  readonly op: string;
  readonly inputs?: readonly string[];
  readonly attributes?: Readonly<Record<string, ProtobufWriter>>;
}

export interface WrittenFunction {
  readonly name: string;
  readonly args: readonly string[];
  readonly results: readonly string[];
  readonly nodes: readonly WrittenNode[];
}

const message = (): ProtobufWriter => new ProtobufWriter();

/** Attributes as `AttrValue` has them. */
export const attribute = {
  int: (value: number) => message().int(3, value),
  intList: (values: readonly number[]) => message().message(1, message().ints(3, values)),
  text: (value: string) => message().string(2, value),
  float: (value: number) => message().float(4, value),
  bool: (value: boolean) => message().int(5, Number(value)),
  type: (number: number) => message().int(6, number),
  shape: (sizes: readonly number[]) => message().message(7, shapeOf(sizes)),
  func: (name: string) => message().message(10, message().string(1, name)),
  /** A DT_FLOAT tensor of that shape with these values in its list (the last one counts for the rest). */
  floats: (sizes: readonly number[], values: readonly number[]) =>
    message().message(8, message().int(1, 1).message(2, shapeOf(sizes)).floats(5, values)),
  ints: (sizes: readonly number[], values: readonly number[]) =>
    message().message(8, message().int(1, 3).message(2, shapeOf(sizes)).ints(7, values)),
  /** A DT_FLOAT tensor with raw contents of so many bytes. */
  content: (sizes: readonly number[], bytes: number) =>
    message().message(
      8,
      message().int(1, 1).message(2, shapeOf(sizes)).bytes(4, new Uint8Array(bytes)),
    ),
};

function shapeOf(sizes: readonly number[]): ProtobufWriter {
  const writer = message();
  for (const size of sizes) writer.message(2, message().int(1, size));
  return writer;
}

function nodeOf({ name, op, inputs = [], attributes = {} }: WrittenNode): ProtobufWriter {
  const writer = message().string(1, name).string(2, op);
  for (const input of inputs) writer.string(3, input);
  for (const [key, value] of Object.entries(attributes)) {
    writer.message(5, message().string(1, key).message(2, value));
  }
  return writer;
}

function functionOf({ name, args, results, nodes }: WrittenFunction): ProtobufWriter {
  const signature = message().string(1, name);
  for (const arg of args) signature.message(2, message().string(1, arg));
  results.forEach((_, i) => void signature.message(3, message().string(1, `r${i}`)));
  const writer = message().message(1, signature);
  for (const node of nodes) writer.message(3, nodeOf(node));
  results.forEach((result, i) => {
    writer.message(4, message().string(1, `r${i}`).string(2, result));
  });
  return writer;
}

/** The bytes of a `GraphDef`. */
export function writeGraphDef(
  nodes: readonly WrittenNode[],
  functions: readonly WrittenFunction[] = [],
): Buffer {
  const writer = message();
  for (const node of nodes) writer.message(1, nodeOf(node));
  if (functions.length > 0) {
    const library = message();
    for (const definition of functions) library.message(1, functionOf(definition));
    writer.message(2, library);
  }
  return Buffer.concat(writer.finish().flatMap((piece) => [...readPiece(piece)]));
}

export const input = (name = 'x', sizes: readonly number[] = [-1, 4]): WrittenNode => ({
  name,
  op: 'Placeholder',
  attributes: { dtype: attribute.type(1), shape: attribute.shape(sizes) },
});

export const constant = (name: string, value: ProtobufWriter, type = 1): WrittenNode => ({
  name,
  op: 'Const',
  attributes: { dtype: attribute.type(type), value },
});
