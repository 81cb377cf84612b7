/**
 * The body of POST /v2/models/{name}/infer, JSON with data or with the binary tensor extension.
 * Source: Open Inference Protocol REST; "Binary tensor data extension" as Triton defines it.
 */

import { z } from 'zod';
import { ServingError } from '../../errors.ts';
import { dtypes, isDType } from '../../tensor/dtype.ts';
import type { NamedTensor } from '../../tensor/tensor.ts';
import { elementCount } from '../../tensor/tensor.ts';
import { inOwnWords } from '../../validation/own-words.ts';
import { describeIssues } from '../describe-issues.ts';
import type { NumberPlan } from '../json-numbers/elements.ts';
import type { JsonReading } from '../json-numbers/json-reader.ts';
import { readJson } from '../json-numbers/read-json.ts';
import type { Steps } from '../steps.ts';
import type { OutputParameters, RequestParameters } from './infer-parameters.ts';
import {
  mostParameters,
  mostTensors,
  noParameters,
  readOutputParameters,
  readRequestParameters,
  refuseSharedMemory,
} from './infer-parameters.ts';
import type { DataList } from './json-tensor.ts';
import { encodeJsonData, isDataList } from './json-tensor.ts';
import { isPlainRequest } from './plain-request.ts';

const parameters = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional();

/** What `infer-parameters.ts` reads of a request's. */
const meaningOfParameters =
  "signature_name: whose inputs and outputs are meant (the graph's own when it is left out); timeout: microseconds; priority: 1 first, more later; binary_data_output: outputs in binary unless they say otherwise";

export const requestShape = z.object({
  id: z.string().optional(),
  parameters: parameters.describe(meaningOfParameters),
  inputs: z
    .array(
      z.object({
        name: z.string(),
        shape: z.array(z.int().min(0).max(0xffff_ffff)).max(32),
        datatype: z.string(),
        parameters,
        data: z
          .custom<DataList>(isDataList, 'expected a list')
          .describe('a list of numbers, booleans or texts, flat or nested')
          .optional(),
      }),
    )
    .min(1),
  outputs: z.array(z.object({ name: z.string(), parameters })).optional(),
});

export type RequestBody = z.output<typeof requestShape>;
type InputBody = RequestBody['inputs'][number];

export interface WantedOutput extends OutputParameters {
  readonly name: string;
}

export interface InferBody extends RequestParameters {
  readonly id?: string | undefined;
  readonly inputs: readonly NamedTensor[];
  /** Absent: all outputs, in the form of `binaryByDefault`. */
  readonly outputs?: readonly WantedOutput[] | undefined;
}

function fail(problem: string): never {
  throw new ServingError('INFER_REQUEST_INVALID', { problem });
}

/** Splits the body at the JSON header's length, which the header `Inference-Header-Content-Length` gives. */
function splitBody(
  body: Buffer,
  headerLength: string | undefined,
): readonly [json: Buffer, binary: Buffer] {
  if (headerLength === undefined) return [body, body.subarray(body.length)];
  const length = /^\d{1,10}$/.test(headerLength) ? Number(headerLength) : Number.NaN;
  if (!(length <= body.length))
    fail(
      `Inference-Header-Content-Length is "${headerLength}", but the body has ${body.length} bytes`,
    );
  return [body.subarray(0, length), body.subarray(length)];
}

/** The numbers of an input whose datatype and shape stand before them, as clients write them. */
function planOf({ datatype, shape }: Readonly<Record<string, unknown>>): NumberPlan | undefined {
  const isKnown = typeof datatype === 'string' && isDType(datatype) && Array.isArray(shape);
  if (!isKnown || !shape.every((dim) => Number.isSafeInteger(dim) && dim >= 0)) return undefined;
  return { dtype: datatype, integers: 'whole', count: elementCount(shape) };
}

/** `inputs[].data`. */
const reading: JsonReading = {
  isData: (key, depth) => key === 'data' && depth === 3,
  dataKey: 'data',
  plan: planOf,
  after: 'nothing',
};

/** Before the validator looks at each of them, which takes it a second for as many as a body can hold. */
function refuseMany(value: unknown): void {
  const { inputs, outputs } = Object(value) as { inputs?: unknown; outputs?: unknown };
  for (const [name, list] of Object.entries({ inputs, outputs })) {
    if (Array.isArray(list) && list.length > mostTensors)
      fail(`it has more than ${mostTensors} ${name}`);
  }
  for (const holder of [value, inputs, outputs].flat()) {
    const { parameters } = Object(holder) as { parameters?: unknown };
    if (Object.keys(Object(parameters)).length > mostParameters)
      fail(`it has more than ${mostParameters} parameters in one place`);
  }
}

function validate(value: unknown): RequestBody {
  if (isPlainRequest(value)) return value;
  refuseMany(value);
  const checked = requestShape.safeParse(value, { error: inOwnWords });
  if (checked.success) return checked.data;
  fail(describeIssues(checked.error));
}

/** Takes the inputs' binary parts from the body in the order of the inputs. */
function createBinaryReader(binary: Buffer): {
  take(input: InputBody): Uint8Array;
  finish(): void;
} {
  let offset = 0;
  return {
    take({ name, parameters = noParameters }) {
      const { binary_data_size: size } = parameters;
      const bad = typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0;
      if (bad || offset + size > binary.length) {
        fail(
          `input '${name}' has binary_data_size ${size}, but ${binary.length - offset} bytes are left in the body`,
        );
      }
      offset += size;
      return binary.subarray(offset - size, offset);
    },
    finish() {
      if (offset < binary.length)
        fail(
          `unexpected additional input data: ${binary.length - offset} bytes after the last input`,
        );
    },
  };
}

function* toTensor(input: InputBody, take: (input: InputBody) => Uint8Array): Steps<NamedTensor> {
  const { name, shape, datatype, data, parameters = noParameters } = input;
  refuseSharedMemory(parameters);
  if (!isDType(datatype))
    fail(
      `input '${name}' has the unknown datatype '${datatype}'; expected one of ${dtypes.join(', ')}`,
    );
  const isBinary = Object.hasOwn(parameters, 'binary_data_size');
  if (isBinary === (data !== undefined))
    fail(`input '${name}' needs either data or binary_data_size`);
  return {
    name,
    shape,
    dtype: datatype,
    data: data ? yield* encodeJsonData(name, datatype, shape, data) : take(input),
  };
}

function readOutputs({ outputs }: RequestBody, binaryByDefault: boolean): InferBody['outputs'] {
  const wanted = outputs?.map(({ name, parameters = noParameters }) => ({
    name,
    ...readOutputParameters(parameters, binaryByDefault),
  }));
  const names = wanted?.map(({ name }) => name) ?? [];
  if (new Set(names).size < names.length) fail('an output is listed twice');
  return wanted;
}

/** Throws JSON_INVALID, JSON_TOO_COMPLEX, INFER_REQUEST_INVALID, INPUT_DATA_INVALID or FEATURE_UNSUPPORTED. */
export function* parseInferBody(body: Buffer, headerLength: string | undefined): Steps<InferBody> {
  const [json, binary] = splitBody(body, headerLength);
  const request = validate(yield* readJson(json, reading));
  const parameters = readRequestParameters(request.parameters ?? noParameters);
  const outputs = readOutputs(request, parameters.binaryByDefault);
  const reader = createBinaryReader(binary);
  const inputs: NamedTensor[] = [];
  for (const input of request.inputs) inputs.push(yield* toTensor(input, reader.take));
  reader.finish();
  return { id: request.id, inputs, outputs, ...parameters };
}
