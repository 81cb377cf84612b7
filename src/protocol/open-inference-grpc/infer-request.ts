/**
 * ModelInferRequest. Tensors are views on the message where their form allows it.
 * Source: Open Inference Protocol, GRPC, "ModelInferRequest"; of raw contents also Triton's rules.
 */

import { ServingError } from '../../errors.ts';
import type { DType } from '../../tensor/dtype.ts';
import { dtypes, isDType } from '../../tensor/dtype.ts';
import type { NamedTensor } from '../../tensor/tensor.ts';
import type { Parameters } from '../open-inference/infer-parameters.ts';
import { mostTensors, noParameters } from '../open-inference/infer-parameters.ts';
import { refuseMessage, WireReader, wireTypes } from '../protobuf/wire-reader.ts';
import type { Steps } from '../steps.ts';
import { ParameterMap } from './parameters.ts';
import type { Reserve } from './tensor-contents.ts';
import { readContents } from './tensor-contents.ts';

export interface InferInput {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly parameters: Parameters;
  /** The bytes of its InferTensorContents; absent: it has none. */
  readonly contents: Uint8Array | undefined;
}

export interface RequestedOutput {
  readonly name: string;
  readonly parameters: Parameters;
}

export interface InferMessage {
  readonly model: string;
  /** Absent: the server chooses. */
  readonly version: string | undefined;
  readonly id: string;
  readonly parameters: Parameters;
  readonly inputs: readonly InferInput[];
  /** Absent: all. */
  readonly outputs: readonly RequestedOutput[] | undefined;
  readonly raw: readonly Uint8Array[];
}

/** What is smaller in the message than in memory is bounded. */
const mostDimensions = 32;
const largestDimension = 0xffff_ffff;

function fail(problem: string): never {
  throw new ServingError('INFER_REQUEST_INVALID', { problem });
}

function pushBounded<T>(list: T[], item: T, what: string): void {
  if (list.length >= mostTensors) fail(`it has more than ${mostTensors} ${what}`);
  list.push(item);
}

function pushDimension(reader: WireReader, shape: number[]): void {
  reader.varint();
  if (shape.length >= mostDimensions) fail(`a shape has more than ${mostDimensions} dimensions`);
  const dimension = (reader.high | 0) * 2 ** 32 + reader.low;
  if (dimension < 0 || dimension > largestDimension)
    fail(`a shape has the dimension ${dimension}; expected 0 to ${largestDimension}`);
  shape.push(dimension);
}

/** Most tensors have no parameters: the map is made with the first. */
function readParameter(reader: WireReader, map: ParameterMap = new ParameterMap()): ParameterMap {
  map.add(reader);
  return map;
}

const valuesOf = (map: ParameterMap | undefined): Parameters => map?.values ?? noParameters;

function readShape(reader: WireReader, shape: number[]): void {
  if (reader.wireType !== wireTypes.bytes) {
    reader.expect(wireTypes.varint);
    pushDimension(reader, shape);
    return;
  }
  const length = reader.length();
  const end = reader.position + length;
  while (reader.position < end) pushDimension(reader, shape);
  if (reader.position > end) refuseMessage('packed numbers are cut', end);
}

/** A message that stands in several fields is all of them, one after the other. */
function join(parts: readonly Uint8Array[]): Uint8Array | undefined {
  return parts.length > 1 ? Buffer.concat(parts) : parts[0];
}

function readInput(reader: WireReader): InferInput {
  let name = '';
  let datatype = '';
  let parameters: ParameterMap | undefined;
  const shape: number[] = [];
  const contents: Uint8Array[] = [];
  while (reader.next()) {
    if (reader.field === 1) name = reader.string();
    else if (reader.field === 2) datatype = reader.string();
    else if (reader.field === 3) readShape(reader, shape);
    else if (reader.field === 4) parameters = readParameter(reader, parameters);
    else if (reader.field === 5) pushBounded(contents, reader.view(), 'contents of one input');
    else reader.skip();
  }
  return { name, datatype, shape, parameters: valuesOf(parameters), contents: join(contents) };
}

function readOutput(reader: WireReader): RequestedOutput {
  let name = '';
  let parameters: ParameterMap | undefined;
  while (reader.next()) {
    if (reader.field === 1) name = reader.string();
    else if (reader.field === 2) parameters = readParameter(reader, parameters);
    else reader.skip();
  }
  return { name, parameters: valuesOf(parameters) };
}

/** Throws PROTOBUF_INVALID or INFER_REQUEST_INVALID. */
export function decodeInferRequest(message: Uint8Array): InferMessage {
  const reader = new WireReader(message);
  let model = '';
  let version = '';
  let id = '';
  let parameters: ParameterMap | undefined;
  const inputs: InferInput[] = [];
  const outputs: RequestedOutput[] = [];
  const raw: Uint8Array[] = [];
  while (reader.next()) {
    if (reader.field === 1) model = reader.string();
    else if (reader.field === 2) version = reader.string();
    else if (reader.field === 3) id = reader.string();
    else if (reader.field === 4) parameters = readParameter(reader, parameters);
    else if (reader.field === 5) pushBounded(inputs, readInput(reader.message()), 'inputs');
    else if (reader.field === 6) pushBounded(outputs, readOutput(reader.message()), 'outputs');
    else if (reader.field === 7) pushBounded(raw, reader.view(), 'raw_input_contents');
    else reader.skip();
  }
  return {
    model,
    version: version === '' ? undefined : version,
    id,
    parameters: valuesOf(parameters),
    inputs,
    outputs: outputs.length > 0 ? outputs : undefined,
    raw,
  };
}

function dtypeOf({ name, datatype }: InferInput): DType {
  if (isDType(datatype)) return datatype;
  return fail(
    `input '${name}' has the unknown datatype '${datatype}'; expected one of ${dtypes.join(', ')}`,
  );
}

const empty = new Uint8Array(0);

/**
 * The inputs as tensors: all raw, in the order of the inputs, or all typed. Throws INFER_REQUEST_INVALID,
 * INPUT_DATA_INVALID, PROTOBUF_INVALID, and what `reserve` throws.
 */
export function* tensorsOf({ inputs, raw }: InferMessage, reserve: Reserve): Steps<NamedTensor[]> {
  if (raw.length > 0 && raw.length !== inputs.length)
    fail(
      `it has ${raw.length} raw_input_contents for ${inputs.length} inputs; expected one for each`,
    );
  const tensors: NamedTensor[] = [];
  for (const [i, input] of inputs.entries()) {
    const { name, shape, contents } = input;
    const dtype = dtypeOf(input);
    if (raw.length > 0 && contents !== undefined)
      fail(`input '${name}' has contents although there are raw_input_contents; send one of them`);
    const data =
      raw[i] ?? (yield* readContents({ name, dtype, shape, contents: contents ?? empty }, reserve));
    tensors.push({ name, dtype, shape, data });
  }
  return tensors;
}
