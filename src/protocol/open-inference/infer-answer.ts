/**
 * The answer of POST /v2/models/{name}/infer. With any binary output the body is the JSON header
 * followed by the outputs' bytes, and `headerLength` says where it ends.
 */

import type { NamedTensor } from '../../tensor/tensor.ts';
import type { InferBody } from './infer-request.ts';
import { decodeToJsonText, hasJsonForm } from './json-tensor.ts';

export interface EncodedAnswer {
  /** The body in order: the JSON, and the data of each binary output as it is. */
  readonly pieces: readonly Uint8Array[];
  /** Bytes of the JSON part, when binary data follows. */
  readonly headerLength?: number;
}

export interface AnswerParts {
  readonly model: string;
  readonly version: string;
  readonly outputs: readonly NamedTensor[];
}

function isBinary({ name, dtype }: NamedTensor, { outputs, binaryByDefault }: InferBody): boolean {
  // A dtype without a JSON form is sent as binary whatever was asked.
  return (
    !hasJsonForm(dtype) ||
    (outputs?.find((output) => output.name === name)?.binary ?? binaryByDefault)
  );
}

function encodeOutput(output: NamedTensor, binary: boolean): string {
  const { name, dtype, shape, data } = output;
  const head = `{"name":${JSON.stringify(name)},"datatype":"${dtype}","shape":${JSON.stringify(shape)}`;
  return binary
    ? `${head},"parameters":{"binary_data_size":${data.byteLength}}}`
    : `${head},"data":${decodeToJsonText(output)}}`;
}

/** Encodes an answer in the form that the request asked for. */
export function encodeInferAnswer(
  { model, version, outputs }: AnswerParts,
  request: InferBody,
): EncodedAnswer {
  const binary = outputs.filter((output) => isBinary(output, request));
  const id = request.id === undefined ? '' : `"id":${JSON.stringify(request.id)},`;
  const encoded = outputs.map((output) => encodeOutput(output, binary.includes(output)));
  const json = Buffer.from(
    `{${id}"model_name":${JSON.stringify(model)},"model_version":${JSON.stringify(version)},"outputs":[${encoded.join(',')}]}`,
  );
  if (binary.length === 0) return { pieces: [json] };
  return { pieces: [json, ...binary.map(({ data }) => data)], headerLength: json.byteLength };
}
