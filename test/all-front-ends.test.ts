/**
 * One table of tensors through every front end: what goes in as numbers or texts comes out as the same
 * bytes, whichever protocol carried it. The models give back what they get.
 */

import { afterAll, describe, expect, test } from 'vitest';
import { createGrpcClient, grpcPortOf, oip, rawRequest } from './support/grpc.ts';
import { writeModels } from './support/model-folder.ts';
import { startModelship, temporaryFolder } from './support/modelship.ts';
import { inferBinary, packStrings } from './support/open-inference.ts';

type DTypeName = keyof typeof writers;

interface Row {
  readonly dtype: DTypeName;
  readonly shape: readonly [number, number];
  /** The elements as JSON writes them, NaN and infinities as bare words. */
  readonly texts: readonly string[];
}

/** An element's JSON text into 8 bytes of room, and how many of them count. */
const writers = {
  BOOL: [1, (view, text) => view.setUint8(0, text === 'true' ? 1 : 0)],
  UINT8: [1, (view, text) => view.setUint8(0, Number(text))],
  INT8: [1, (view, text) => view.setInt8(0, Number(text))],
  INT32: [4, (view, text) => view.setInt32(0, Number(text), true)],
  UINT32: [4, (view, text) => view.setUint32(0, Number(text), true)],
  INT64: [8, (view, text) => view.setBigInt64(0, BigInt(text), true)],
  UINT64: [8, (view, text) => view.setBigUint64(0, BigInt(text), true)],
  FP32: [4, (view, text) => view.setFloat32(0, Number(text), true)],
  FP64: [8, (view, text) => view.setFloat64(0, Number(text), true)],
  BYTES: [0, () => {}],
} as const satisfies Record<string, readonly [number, (view: DataView, text: string) => void]>;

function bytesOf(dtype: DTypeName, texts: readonly string[]): Buffer {
  if (dtype === 'BYTES') return packStrings(texts.map((text) => JSON.parse(text) as string));
  const [size, write] = writers[dtype];
  return Buffer.concat(
    texts.map((text) => {
      const room = Buffer.alloc(8);
      write(new DataView(room.buffer, room.byteOffset, 8), text);
      return room.subarray(0, size);
    }),
  );
}

/** Nested lists, row by row. */
function nested({ shape: [rows, columns], texts }: Row): string {
  const lists = Array.from({ length: rows }, (_, row) =>
    texts.slice(row * columns, (row + 1) * columns).join(','),
  );
  return `[${lists.map((list) => `[${list}]`).join(',')}]`;
}

const rows: readonly Row[] = [
  { dtype: 'BOOL', shape: [2, 2], texts: ['true', 'false', 'false', 'true'] },
  { dtype: 'UINT8', shape: [1, 3], texts: ['0', '128', '255'] },
  { dtype: 'INT8', shape: [3, 1], texts: ['-128', '0', '127'] },
  { dtype: 'INT32', shape: [1, 3], texts: ['-2147483648', '7', '2147483647'] },
  { dtype: 'UINT32', shape: [1, 2], texts: ['0', '4294967295'] },
  { dtype: 'INT64', shape: [1, 3], texts: ['-9223372036854775808', '9007199254740993', '1'] },
  { dtype: 'UINT64', shape: [2, 1], texts: ['18446744073709551615', '9007199254740993'] },
  {
    dtype: 'FP32',
    shape: [2, 4],
    texts: ['NaN', 'Infinity', '-Infinity', '-0.0', '0.1', '1e-45', '3.4028235e38', '16777217'],
  },
  { dtype: 'FP64', shape: [1, 4], texts: ['-0.0', '5e-324', '1.7976931348623157e308', '0.1'] },
  { dtype: 'BYTES', shape: [1, 3], texts: ['""', '"é\\n"', '"text"'] },
];

const folder = temporaryFolder();
const modelOf = ({ dtype }: Row) => `identity-${dtype.toLowerCase()}` as 'identity-fp32';
writeModels(folder.path, ...new Set(rows.map(modelOf)));
const server = await startModelship(folder.path);
const client = createGrpcClient(await grpcPortOf(server));

afterAll(async () => {
  client[Symbol.dispose]();
  await server[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const inputOf = (row: Row) => ({ name: 'x', datatype: row.dtype, shape: row.shape });

async function openInferenceJson(row: Row, data: string): Promise<Buffer | undefined> {
  const body = `{"parameters":{"binary_data_output":true},"inputs":[{"name":"x","datatype":"${row.dtype}","shape":${JSON.stringify(row.shape)},"data":${data}}]}`;
  const answer = await fetch(`${server.url}/v2/models/${modelOf(row)}/infer`, {
    method: 'POST',
    body,
  });
  expect(answer.status).toBe(200);
  const length = Number(answer.headers.get('inference-header-content-length'));
  return Buffer.from(await answer.arrayBuffer()).subarray(length);
}

/** The fields of Open Inference's typed contents and of a TensorProto. */
const fields = {
  BOOL: ['bool_contents', 'DT_BOOL', 'bool_val'],
  UINT8: ['uint_contents', 'DT_UINT8', 'int_val'],
  INT8: ['int_contents', 'DT_INT8', 'int_val'],
  INT32: ['int_contents', 'DT_INT32', 'int_val'],
  UINT32: ['uint_contents', 'DT_UINT32', 'uint32_val'],
  INT64: ['int64_contents', 'DT_INT64', 'int64_val'],
  UINT64: ['uint64_contents', 'DT_UINT64', 'uint64_val'],
  FP32: ['fp32_contents', 'DT_FLOAT', 'float_val'],
  FP64: ['fp64_contents', 'DT_DOUBLE', 'double_val'],
  BYTES: ['bytes_contents', 'DT_STRING', 'string_val'],
} as const satisfies Record<DTypeName, readonly [string, string, string]>;

/** What protobufjs takes for an element. */
function messageValue(dtype: DTypeName, text: string): unknown {
  if (dtype === 'BYTES') return Buffer.from(JSON.parse(text) as string);
  if (dtype === 'BOOL') return text === 'true';
  return dtype === 'INT64' || dtype === 'UINT64' ? text : Number(text);
}

/** What it gives, as JSON text again. */
function textOf(value: unknown): string {
  if (Buffer.isBuffer(value)) return JSON.stringify(value.toString());
  return Object.is(value, -0) ? '-0.0' : String(value);
}

async function inferOverGrpc(request: object): Promise<Buffer | undefined> {
  const answer = await client.call(oip('ModelInfer'), request);
  expect(answer).toMatchObject({ code: 0, details: '' });
  return answer.message.raw_output_contents[0];
}

async function predictOverGrpc(row: Row, values: object): Promise<Buffer> {
  const [, dtype, field] = fields[row.dtype];
  const answer = await client.call('tensorflow.serving.PredictionService/Predict', {
    model_spec: { name: modelOf(row) },
    inputs: {
      x: { dtype, tensor_shape: { dim: row.shape.map((size) => ({ size })) }, ...values },
    },
  });
  expect(answer).toMatchObject({ code: 0, details: '' });
  const given: unknown[] = answer.message.outputs.y[field];
  return bytesOf(row.dtype, given.map(textOf));
}

/** The elements of a JSON answer, without a parser that rounds them. */
const tokensOf = (text: string): string[] =>
  text.match(/"(?:[^"\\]|\\.)*"|true|false|-?Infinity|NaN|-?\d[\d.eE+-]*/g) ?? [];

async function predictOverRest(row: Row, body: string, key: string): Promise<Buffer> {
  const url = `${server.url}/v1/models/${modelOf(row)}:predict`;
  const answer = await fetch(url, { method: 'POST', body });
  const text = await answer.text();
  expect([answer.status, text.includes(`"${key}"`)]).toEqual([200, true]);
  return bytesOf(row.dtype, tokensOf(text.slice(text.indexOf('['))));
}

type FrontEnd = (row: Row) => Promise<Buffer | undefined>;

const frontEnds: Record<string, FrontEnd> = {
  'Open Inference REST, flat': (row) => openInferenceJson(row, `[${row.texts.join(',')}]`),
  'Open Inference REST, nested': (row) => openInferenceJson(row, nested(row)),
  async 'Open Inference REST, binary'(row) {
    const url = `${server.url}/v2/models/${modelOf(row)}/infer`;
    const bytes = bytesOf(row.dtype, row.texts);
    return (await inferBinary(url, [{ ...inputOf(row), bytes }])).binary.y;
  },
  'Open Inference gRPC, raw': (row) =>
    inferOverGrpc(
      rawRequest(modelOf(row), [{ ...inputOf(row), bytes: bytesOf(row.dtype, row.texts) }]),
    ),
  'Open Inference gRPC, typed': (row) =>
    inferOverGrpc({
      model_name: modelOf(row),
      inputs: [
        {
          ...inputOf(row),
          contents: {
            [fields[row.dtype][0]]: row.texts.map((text) => messageValue(row.dtype, text)),
          },
        },
      ],
    }),
  'TensorFlow Serving REST, rows': (row) =>
    predictOverRest(row, `{"instances":${nested(row)}}`, 'predictions'),
  'TensorFlow Serving REST, columns': (row) =>
    predictOverRest(row, `{"inputs":${nested(row)}}`, 'outputs'),
  'TensorFlow Serving gRPC, typed': (row) =>
    predictOverGrpc(row, {
      [fields[row.dtype][2]]: row.texts.map((text) => messageValue(row.dtype, text)),
    }),
  'TensorFlow Serving gRPC, content': (row) =>
    row.dtype === 'BYTES'
      ? Promise.resolve(bytesOf(row.dtype, row.texts))
      : predictOverGrpc(row, { tensor_content: bytesOf(row.dtype, row.texts) }),
};

describe.each(Object.entries(frontEnds))('%s:', (_, ask) => {
  test.each(rows)('$dtype $shape', async (row) => {
    const expected = bytesOf(row.dtype, row.texts);
    expect((await ask(row))?.toString('hex')).toBe(expected.toString('hex'));
  });
});
