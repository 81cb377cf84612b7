/** Open Inference requests with binary tensors, built and read by the book. */

import type { Answer } from './http.ts';

export interface BinaryInput {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

export interface InferOptions {
  readonly id?: string;
  readonly outputs?: readonly object[];
  readonly binaryOutputs?: boolean;
}

export interface BinaryAnswer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: what a test expects of it, it says itself
  readonly json: any;
  /** The bytes of each output that came as binary data. */
  readonly binary: Readonly<Record<string, Buffer>>;
}

/** POSTs JSON with the bytes of the tensors behind it. */
export async function inferBinary(
  url: string,
  inputs: readonly BinaryInput[],
  { id, outputs, binaryOutputs = true }: InferOptions = {},
): Promise<BinaryAnswer> {
  const header = Buffer.from(
    JSON.stringify({
      ...(id ? { id } : {}),
      ...(outputs ? { outputs } : {}),
      parameters: { binary_data_output: binaryOutputs },
      inputs: inputs.map(({ bytes, ...input }) => ({
        ...input,
        parameters: { binary_data_size: bytes.byteLength },
      })),
    }),
  );
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'inference-header-content-length': String(header.byteLength) },
    body: Buffer.concat([header, ...inputs.map(({ bytes }) => bytes)]),
  });
  return readAnswer(response);
}

async function readAnswer(response: Response): Promise<BinaryAnswer> {
  const body = Buffer.from(await response.arrayBuffer());
  const length = response.headers.get('inference-header-content-length') ?? body.byteLength;
  const json = JSON.parse(body.subarray(0, Number(length)).toString());
  const binary: Record<string, Buffer> = {};
  let offset = Number(length);
  for (const { name, parameters } of json.outputs ?? []) {
    const size = parameters?.binary_data_size;
    if (size === undefined) continue;
    binary[name] = body.subarray(offset, offset + size);
    offset += size;
  }
  return { status: response.status, json, binary };
}

/** BYTES elements as the protocol packs them: a 32-bit little-endian length before each. */
export function packStrings(texts: readonly string[]): Buffer {
  return Buffer.concat(
    texts.flatMap((text) => {
      const bytes = Buffer.from(text);
      const length = Buffer.alloc(4);
      length.writeUInt32LE(bytes.byteLength);
      return [length, bytes];
    }),
  );
}

/** The numbers of an FP32 output. */
export const floatsOf = (bytes: Buffer | undefined): number[] =>
  Array.from(new Float32Array(new Uint8Array(bytes ?? []).buffer));

/** name → data of a JSON answer's outputs. */
export function dataOf({ json }: Answer): Record<string, unknown> {
  const outputs: { name: string; data: unknown }[] = json.outputs;
  return Object.fromEntries(outputs.map(({ name, data }) => [name, data]));
}
