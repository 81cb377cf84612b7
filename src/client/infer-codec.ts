/**
 * Bodies of Open Inference REST with binary tensors, both ways.
 * Source: Open Inference Protocol REST; "Binary tensor data extension" as Triton defines it.
 */

import type { DType } from '../tensor/dtype.ts';
import { isDType } from '../tensor/dtype.ts';
import { invalidAnswer } from './client-error.ts';
import type { ArrayOfDType, Scalar } from './tensor-data.ts';
import { bytesOfData, dataOfBytes, dataOfJson } from './tensor-data.ts';

export interface InferInput<D extends DType = DType> {
  readonly name: string;
  readonly dtype: D;
  readonly shape: readonly number[];
  /** Row-major: a typed array of the dtype, which is not copied, or any flat list. */
  readonly data: ArrayOfDType[D] | readonly Scalar[];
}

export type InferOutput = {
  readonly [D in DType]: {
    readonly name: string;
    readonly dtype: D;
    readonly shape: readonly number[];
    readonly data: ArrayOfDType[D];
  };
}[DType];

export interface InferCall {
  readonly inputs: readonly InferInput[];
  /** Names of the wanted outputs; absent: all. */
  readonly outputs?: readonly string[] | undefined;
  /** Comes back with the answer. */
  readonly id?: string | undefined;
  readonly parameters?: Readonly<Record<string, string | number | boolean>> | undefined;
}

export interface InferAnswer {
  readonly model: string;
  readonly version: string | undefined;
  readonly id: string | undefined;
  readonly outputs: readonly InferOutput[];
}

export const lengthHeader = 'inference-header-content-length';

/** The body of a request, and where its JSON ends. Throws TypeError for data that does not fit its input. */
export function encodeCall(call: InferCall): { body: Blob; headerLength: number } {
  const parts = call.inputs.map(({ name, dtype, shape, data }) =>
    bytesOfData(name, dtype, shape, data),
  );
  const header = new TextEncoder().encode(
    JSON.stringify({
      ...(call.id === undefined ? {} : { id: call.id }),
      parameters: { ...call.parameters, binary_data_output: true },
      inputs: call.inputs.map(({ name, dtype, shape }, i) => ({
        name,
        shape,
        datatype: dtype,
        parameters: { binary_data_size: parts[i]?.byteLength ?? 0 },
      })),
      ...(call.outputs && {
        outputs: call.outputs.map((name) => ({ name, parameters: { binary_data: true } })),
      }),
    }),
  );
  const body = new Blob([header, ...parts] as Uint8Array<ArrayBuffer>[], {
    type: 'application/octet-stream',
  });
  return { body, headerLength: header.byteLength };
}

interface WireOutput {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly parameters?: { readonly binary_data_size?: number };
  readonly data?: unknown;
}

/** Reads an answer, binary or JSON. Throws ANSWER_INVALID. */
export async function decodeAnswer(response: Response): Promise<InferAnswer> {
  const bytes = new Uint8Array(await response.arrayBuffer());
  const fail = (problem: string): never => {
    throw invalidAnswer(problem, response.status);
  };
  const end = Number(response.headers.get(lengthHeader) ?? bytes.byteLength);
  if (!(end <= bytes.byteLength)) fail('its JSON would be longer than all of it');
  const json = parse(bytes.subarray(0, end), fail);
  const list = json.outputs as readonly WireOutput[];
  if (!Array.isArray(list)) fail('it has no outputs');
  let at = end;
  const outputs = list.map((output) => {
    const size = output.parameters?.binary_data_size;
    const decoded = decodeOutput(
      output,
      size === undefined ? undefined : bytes.subarray(at, at + size),
    );
    at += size ?? 0;
    return decoded ?? fail(`output ${output.name} does not fit its datatype and shape`);
  });
  if (at !== bytes.byteLength) fail('its length is not that of its outputs');
  return {
    model: String(json.model_name),
    version: json.model_version as string | undefined,
    id: json.id as string | undefined,
    outputs,
  };
}

function parse(json: Uint8Array, fail: (problem: string) => never): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(json));
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // Said below.
  }
  return fail('it is not JSON');
}

function decodeOutput(
  { name, datatype, shape, data }: WireOutput,
  binary: Uint8Array | undefined,
): InferOutput | undefined {
  if (!isDType(datatype) || !Array.isArray(shape)) return undefined;
  const elements = binary
    ? dataOfBytes(datatype, shape, binary)
    : dataOfJson(datatype, shape, data);
  return elements && ({ name, dtype: datatype, shape, data: elements } as InferOutput);
}
