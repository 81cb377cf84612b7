/**
 * The attributes of a node. Exports leave out those that have their default value, so each is asked for
 * with the default of its operator.
 * Source: tensorflow/core/framework/attr_value.proto.
 */

import type { ByteSource } from '../../../onnx/byte-source.ts';
import type { ProtobufReader } from '../../../onnx/protobuf-reader.ts';
import type { Constant } from '../constant.ts';
import type { DataType } from '../data-types.ts';
import { dataTypeOf } from '../data-types.ts';
import type { TensorShape } from './tensor-proto.ts';
import { readShape, readTensorProto } from './tensor-proto.ts';

export interface FunctionRef {
  readonly name: string;
  readonly attributes: AttributeMap;
}

export interface AttributeValue {
  text?: string;
  int?: number;
  float?: number;
  bool?: boolean;
  type?: DataType;
  shape?: { readonly dims: TensorShape };
  tensor?: Constant;
  func?: FunctionRef;
  /** In a function: the name of the caller's attribute. */
  placeholder?: string;
  ints?: number[];
  floats?: number[];
  types?: DataType[];
  texts?: string[];
  shapes?: TensorShape[];
  funcs?: FunctionRef[];
}

export type AttributeMap = ReadonlyMap<string, AttributeValue>;

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

/** `AttrValue`: list 1, s 2, i 3, f 4, b 5, type 6, shape 7, tensor 8, placeholder 9, func 10. */
function readValue(reader: ProtobufReader, source: ByteSource, place: string): AttributeValue {
  const value: AttributeValue = {};
  reader.message({
    1: (r) => readList(r, value, source, place),
    2: (r) => {
      value.text = latin1(r.bytes());
    },
    3: (r) => {
      value.int = Number(r.bigint());
    },
    4: (r) => {
      value.float = r.float();
    },
    5: (r) => {
      value.bool = r.int() !== 0;
    },
    6: (r) => {
      value.type = dataTypeOf(r.int());
    },
    7: (r) => {
      value.shape = { dims: readShape(r) };
    },
    8: (r) => {
      value.tensor = readTensorProto(r, source, place);
    },
    9: (r) => {
      value.placeholder = r.string();
    },
    10: (r) => {
      value.func = readFunctionRef(r, source, place);
    },
  });
  return value;
}

/** `AttrValue.ListValue`: s 2, i 3, f 4, type 6, shape 7, func 9. */
function readList(
  reader: ProtobufReader,
  value: AttributeValue,
  source: ByteSource,
  place: string,
): void {
  Object.assign(value, { ints: [], floats: [], types: [], texts: [], shapes: [], funcs: [] });
  reader.message({
    2: (r) => void value.texts?.push(latin1(r.bytes())),
    3: (r) => r.bigints((int) => void value.ints?.push(Number(int))),
    4: (r) => r.floats((float) => void value.floats?.push(float)),
    6: (r) => r.ints((type) => void value.types?.push(dataTypeOf(type))),
    7: (r) => void value.shapes?.push(readShape(r)),
    9: (r) => void value.funcs?.push(readFunctionRef(r, source, place)),
  });
}

/** `NameAttrList`: name 1, attr 2. */
function readFunctionRef(reader: ProtobufReader, source: ByteSource, place: string): FunctionRef {
  let name = '';
  const attributes = new Map<string, AttributeValue>();
  reader.message({
    1: (r) => {
      name = r.string();
    },
    2: (r) => readAttribute(r, attributes, source, place),
  });
  return { name, attributes };
}

/** An entry of `map<string, AttrValue>`: key 1, value 2. */
export function readAttribute(
  reader: ProtobufReader,
  into: Map<string, AttributeValue>,
  source: ByteSource,
  place: string,
): void {
  let key = '';
  let value: AttributeValue = {};
  reader.message({
    1: (r) => {
      key = r.string();
    },
    2: (r) => {
      value = readValue(r, source, place);
    },
  });
  into.set(key, value);
}
