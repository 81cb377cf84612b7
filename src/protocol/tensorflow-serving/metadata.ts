/**
 * The metadata of a model: its signatures, as protobuf (GetModelMetadata) and as proto-JSON (REST).
 * Source: tensorflow_serving/apis/get_model_metadata.proto, tensorflow/core/protobuf/meta_graph.proto.
 */

import { ServingError } from '../../errors.ts';
import type { TensorSpec } from '../../tensor/tensor-spec.ts';
import { wireShape } from '../../tensor/tensor-spec.ts';
import { WireReader } from '../protobuf/wire-reader.ts';
import { WireWriter } from '../protobuf/wire-writer.ts';
import { dataTypeOf } from './data-types.ts';
import { writeShape } from './encode-tensor-proto.ts';
import type { ModelSpec } from './model-spec.ts';
import { readModelSpec, requireModelSpec, writeModelSpec } from './model-spec.ts';
import type { SignatureTensors } from './predict-message.ts';

export interface NamedSignature extends SignatureTensors {
  readonly name: string;
}

const methodName = 'tensorflow/serving/predict';
const field = 'signature_def';
const typeUrl = 'type.googleapis.com/tensorflow.serving.SignatureDefMap';
const mostFields = 100;

function fail(problem: string): never {
  throw new ServingError('TENSORFLOW_REQUEST_INVALID', { problem });
}

/** Reads a GetModelMetadataRequest. Throws PROTOBUF_INVALID or TENSORFLOW_REQUEST_INVALID. */
export function decodeMetadataRequest(message: Uint8Array): ModelSpec {
  const reader = new WireReader(message);
  let model: ModelSpec | undefined;
  const fields: string[] = [];
  while (reader.next()) {
    if (reader.field === 1) model = readModelSpec(reader.message());
    else if (reader.field === 2) fields.push(reader.string());
    else reader.skip();
    if (fields.length > mostFields) fail(`more than ${mostFields} metadata fields`);
  }
  const spec = requireModelSpec(model);
  if (fields.length === 0) fail('GetModelMetadataRequest must specify at least one metadata_field');
  for (const name of fields)
    if (name !== field) fail(`Metadata field ${name.slice(0, 100)} is not supported`);
  return spec;
}

/** TensorInfo; the graph's own name of a tensor is not told, the signature's is what clients need. */
function writeTensor({ name, dtype, shape, anyShape }: TensorSpec): WireWriter {
  const dims = anyShape ? new WireWriter().bool(3, true) : writeShape(wireShape(shape));
  return new WireWriter().string(1, `${name}:0`).int(2, dataTypeOf(dtype).number).message(3, dims);
}

function writeSignature({ inputs, outputs }: NamedSignature): WireWriter {
  const writer = new WireWriter();
  for (const spec of inputs)
    writer.message(1, new WireWriter().string(1, spec.name).message(2, writeTensor(spec)));
  for (const spec of outputs)
    writer.message(2, new WireWriter().string(1, spec.name).message(2, writeTensor(spec)));
  return writer.string(3, methodName);
}

/** GetModelMetadataResponse. */
export function encodeMetadataResponse(
  model: ModelSpec,
  signatures: readonly NamedSignature[],
): Buffer {
  const map = new WireWriter();
  for (const signature of signatures) {
    const entry = new WireWriter().string(1, signature.name);
    map.message(1, entry.message(2, writeSignature(signature)));
  }
  const any = new WireWriter().string(1, typeUrl).message(2, map);
  return new WireWriter()
    .message(1, writeModelSpec(model))
    .message(2, new WireWriter().string(1, field).message(2, any))
    .finish();
}

function describeTensor({ name, dtype, shape, anyShape }: TensorSpec): object {
  const dim = wireShape(shape).map((size) => ({ size: String(size), name: '' }));
  return {
    dtype: dataTypeOf(dtype).name,
    tensor_shape: { dim, unknown_rank: anyShape === true },
    name: `${name}:0`,
  };
}

const describeTensors = (specs: readonly TensorSpec[]): object =>
  Object.fromEntries(specs.map((spec) => [spec.name, describeTensor(spec)]));

/** The same as the body of `GET /v1/models/{name}/metadata`: defaults printed, names in snake case. */
export function describeMetadata(
  { name, version = '' }: ModelSpec,
  signatures: readonly NamedSignature[],
): object {
  const defs = signatures.map(({ name: signature, inputs, outputs }) => [
    signature,
    {
      inputs: describeTensors(inputs),
      outputs: describeTensors(outputs),
      method_name: methodName,
      defaults: {},
    },
  ]);
  return {
    model_spec: { name, signature_name: '', version },
    metadata: { signature_def: { signature_def: Object.fromEntries(defs) } },
  };
}
