/**
 * ModelInferResponse, always with raw_output_contents: tritonclient reads nothing else of numbers.
 * Source: Open Inference Protocol, GRPC, "ModelInferResponse".
 */

import type { NamedTensor } from '../../tensor/tensor.ts';
import { WireWriter } from '../protobuf/wire-writer.ts';

export interface InferResponse {
  readonly model: string;
  readonly version: string;
  /** As in the request; empty: it had none. */
  readonly id: string;
  readonly outputs: readonly NamedTensor[];
}

function writeOutput({ name, dtype, shape }: NamedTensor): WireWriter {
  const output = new WireWriter();
  output.string(1, name).string(2, dtype);
  // Not packed, which every reader takes as well.
  for (const dimension of shape) output.int(3, dimension);
  return output;
}

function writeResponse({ model, version, id, outputs }: InferResponse): WireWriter {
  const response = new WireWriter();
  response.string(1, model).string(2, version);
  if (id !== '') response.string(3, id);
  for (const output of outputs) response.message(5, writeOutput(output));
  for (const { data } of outputs) response.bytes(6, data);
  return response;
}

export function encodeInferResponse(response: InferResponse): Buffer {
  return writeResponse(response).finish();
}

/** ModelStreamInferResponse: an answer, or what went wrong with a request of the stream. */
export function encodeStreamResponse(answer: InferResponse | { readonly error: string }): Buffer {
  const response = new WireWriter();
  if ('error' in answer) response.string(1, answer.error);
  else response.message(2, writeResponse(answer));
  return response.finish();
}
