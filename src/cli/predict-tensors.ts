/**
 * Tensors for `modelship predict`: .npy files, and JSON files with the body of an Open Inference or a
 * TensorFlow Serving request. They are read as the same bodies over HTTP are, and answered in their form.
 */

import { readFile } from 'node:fs/promises';
import { messageOf, ServingError } from '../errors.ts';
import { hasJsonForm } from '../protocol/json-numbers/encode-elements.ts';
import { TextSink } from '../protocol/json-numbers/text-sink.ts';
import { encodeInferAnswer } from '../protocol/open-inference/infer-answer.ts';
import type { InferBody } from '../protocol/open-inference/infer-request.ts';
import { parseInferBody } from '../protocol/open-inference/infer-request.ts';
import { writeJsonData } from '../protocol/open-inference/json-tensor.ts';
import { runNow } from '../protocol/steps.ts';
import { encodeRestAnswer } from '../protocol/tensorflow-serving/rest-answer.ts';
import { readRestBody } from '../protocol/tensorflow-serving/rest-body.ts';
import { formOf, readRestInputs } from '../protocol/tensorflow-serving/rest-predict.ts';
import type { InferenceAnswer, InferenceRequest } from '../serving/inference-types.ts';
import type { ServedSignature } from '../serving/signatures.ts';
import { sizeOfDType } from '../tensor/dtype.ts';
import type { NumberArray } from '../tensor/npy.ts';
import { parseNpy } from '../tensor/npy.ts';
import type { NamedTensor } from '../tensor/tensor.ts';
import { elementCount, packBytes, unpackBytes } from '../tensor/tensor.ts';

/** One request that was read, and how its answer is written. */
export interface TensorRequest {
  /** For people: the files that it was read from. */
  readonly from: string;
  readonly request: Pick<InferenceRequest, 'signature' | 'inputs' | 'outputs'>;
  encode(answer: InferenceAnswer): string;
}

async function read(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const problem = code === 'ENOENT' ? 'there is no such file' : messageOf(error);
    throw new ServingError('INPUT_FILE_INVALID', { path, problem });
  }
}

async function readArray(path: string): Promise<NumberArray> {
  const bytes = await read(path);
  try {
    return parseNpy(bytes);
  } catch (error) {
    throw new ServingError('ARRAY_FILE_INVALID', { path, problem: messageOf(error) });
  }
}

const bodyOf = (inputs: readonly object[]): Buffer => Buffer.from(JSON.stringify({ inputs }));

function encodeOpenInference(body: InferBody, answer: InferenceAnswer): string {
  const { pieces } = runNow(encodeInferAnswer(answer, body));
  return Buffer.concat(pieces).toString();
}

interface NamedArray {
  /** Absent: the only input of the model. */
  readonly name: string | undefined;
  readonly path: string;
  readonly array: NumberArray;
}

function nameOf({ name, path }: NamedArray, { inputs }: ServedSignature): string {
  const [only, ...others] = inputs;
  if (name !== undefined) return name;
  if (only && others.length === 0) return only.name;
  const names = inputs.map((input) => input.name).join(', ');
  const problem = `the model has several inputs (${names}); say which it is: ${names.split(', ')[0]}=${path}`;
  throw new ServingError('INPUT_FILE_INVALID', { path, problem });
}

/** The tensors of the dtypes that the signature has, as if they had come as JSON. */
function tensorsOf(arrays: readonly NamedArray[], signature: ServedSignature): InferBody {
  const inputs = arrays.map((one) => {
    const name = nameOf(one, signature);
    const datatype = signature.inputs.find((input) => input.name === name)?.dtype ?? 'FP32';
    const { shape, values } = one.array;
    return { name, datatype, shape, data: datatype === 'BOOL' ? values.map(Boolean) : values };
  });
  return runNow(parseInferBody(bodyOf(inputs), undefined));
}

function requestOfArrays(
  arrays: readonly NamedArray[],
  signature: string | undefined,
): TensorRequest {
  const plain = { binaryByDefault: false } as InferBody;
  return {
    from: arrays.map(({ path }) => path).join(', '),
    request: { signature, inputs: (meant) => tensorsOf(arrays, meant).inputs },
    encode: (answer) => encodeOpenInference(plain, answer),
  };
}

/** A TensorFlow Serving body has rows, or columns by name; an Open Inference body has a list of inputs. */
function isTensorflowBody(bytes: Buffer): boolean {
  try {
    const body = JSON.parse(bytes.toString()) as { inputs?: unknown } | null;
    if (typeof body !== 'object' || body === null) return false;
    const [first] = Array.isArray(body.inputs) ? body.inputs : [];
    return !Array.isArray(body.inputs) || typeof first !== 'object' || Array.isArray(first);
  } catch {
    // What is wrong with it the reader says.
    return false;
  }
}

function requestOfTensorflow(path: string, bytes: Buffer, named: string | undefined) {
  const body = runNow(readRestBody(bytes));
  const form = formOf(body);
  const request = {
    signature: named ?? body.signature,
    inputs: ({ inputs }: ServedSignature): NamedTensor[] => runNow(readRestInputs(body, inputs)),
  };
  return {
    from: path,
    request,
    encode: ({ outputs }: InferenceAnswer) => runNow(encodeRestAnswer(outputs, form)).toString(),
  };
}

async function requestOfJson(path: string, signature: string | undefined): Promise<TensorRequest> {
  const bytes = await read(path);
  try {
    if (isTensorflowBody(bytes)) return requestOfTensorflow(path, bytes, signature);
    const body = runNow(parseInferBody(bytes, undefined));
    const { inputs } = body;
    return {
      from: path,
      request: {
        signature: signature ?? body.signature,
        inputs,
        outputs: body.outputs?.map(({ name }) => name),
      },
      encode: (answer) => encodeOpenInference(body, answer),
    };
  } catch (error) {
    if (!(error instanceof ServingError)) throw error;
    throw new ServingError('INPUT_FILE_INVALID', { path, problem: messageOf(error) });
  }
}

/**
 * The requests that these files are: each JSON file is one, each .npy file without a name is one, and those
 * with names are one together. Throws INPUT_FILE_INVALID or ARRAY_FILE_INVALID.
 */
export async function readTensorRequests(
  files: readonly string[],
  signature: string | undefined,
): Promise<TensorRequest[]> {
  const requests: TensorRequest[] = [];
  const named: NamedArray[] = [];
  for (const file of files) {
    if (/\.json$/i.test(file)) {
      requests.push(await requestOfJson(file, signature));
      continue;
    }
    const [, name, path = file] = /^([^=]+)=(.*)$/.exec(file) ?? [];
    const array = { name, path, array: await readArray(path) };
    if (name === undefined) requests.push(requestOfArrays([array], signature));
    else named.push(array);
  }
  if (named.length > 0) requests.push(requestOfArrays(named, signature));
  return requests;
}

const mostShown = 8;

/** The cells of a line about an output, with its first values. */
export function describeTensor({ name, dtype, shape, data }: NamedTensor): string[] {
  const count = elementCount(shape);
  const shown = Math.min(count, mostShown);
  const first =
    dtype === 'BYTES'
      ? packBytes(unpackBytes(data).slice(0, shown))
      : data.subarray(0, shown * sizeOfDType(dtype));
  const sink = new TextSink();
  if (hasJsonForm(dtype)) runNow(writeJsonData(sink, { dtype, shape: [shown], data: first }));
  const values = Buffer.concat(sink.parts).toString().slice(1, -1).replaceAll(',', ', ');
  const more = count > shown ? `, … (${count} in all)` : '';
  return [`  ${name}`, dtype, `[${shape.join(', ')}]`, `${values}${more}`];
}
