/**
 * The answer of POST /v2/models/{name}/infer. With any binary output the body is the JSON header
 * followed by the outputs' bytes, and `headerLength` says where it ends.
 */

import type { NamedTensor } from '../../tensor/tensor.ts';
import { hasJsonForm } from '../json-numbers/encode-elements.ts';
import { TextSink } from '../json-numbers/text-sink.ts';
import type { Steps } from '../steps.ts';
import type { InferBody } from './infer-request.ts';
import { writeJsonData } from './json-tensor.ts';

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

function* writeOutput(sink: TextSink, output: NamedTensor, binary: boolean): Steps<void> {
  const { name, dtype, shape, data } = output;
  sink.text(
    `{"name":${JSON.stringify(name)},"datatype":"${dtype}","shape":${JSON.stringify(shape)}`,
  );
  if (binary) sink.ascii(`,"parameters":{"binary_data_size":${data.byteLength}}}`);
  else {
    sink.ascii(',"data":');
    yield* writeJsonData(sink, output);
    sink.ascii('}');
  }
}

/** Encodes an answer in the form that the request asked for. */
export function* encodeInferAnswer(
  { model, version, outputs }: AnswerParts,
  request: InferBody,
): Steps<EncodedAnswer> {
  const binary = outputs.filter((output) => isBinary(output, request));
  const id = request.id === undefined ? '' : `"id":${JSON.stringify(request.id)},`;
  const sink = new TextSink();
  sink.text(
    `{${id}"model_name":${JSON.stringify(model)},"model_version":${JSON.stringify(version)},"outputs":[`,
  );
  for (const [i, output] of outputs.entries()) {
    if (i > 0) sink.ascii(',');
    yield* writeOutput(sink, output, binary.includes(output));
  }
  sink.ascii(']}');
  if (binary.length === 0) return { pieces: sink.parts };
  return {
    pieces: [...sink.parts, ...binary.map(({ data }) => data)],
    headerLength: sink.written,
  };
}

/** About how many bytes of an answer are text, which takes time to write. */
export function textBytesOf(outputs: readonly NamedTensor[], request: InferBody): number {
  let bytes = 0;
  for (const output of outputs) if (!isBinary(output, request)) bytes += 2 * output.data.byteLength;
  return bytes;
}
