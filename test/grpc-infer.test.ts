/** inference.GRPCInferenceService/ModelInfer with real models: what comes out is what the numbers say. */

import { join } from 'node:path';
import { status as codes } from '@grpc/grpc-js';
import { afterAll, describe, expect, test } from 'vitest';
import { identityDTypes } from './models/identity.ts';
import { elementsFor } from './models/runtime-dtypes.ts';
import { writeTestModel } from './models/test-models.ts';
import type { Message, RawInput } from './support/grpc.ts';
import { createGrpcClient, grpcPortOf, oip, rawRequest } from './support/grpc.ts';
import { copyDigits, writeModels, writeYaml } from './support/model-folder.ts';
import { startModelship, temporaryFolder } from './support/modelship.ts';
import { floatsOf, packStrings } from './support/open-inference.ts';
import { readDigit } from './support/pictures.ts';

const folder = temporaryFolder();
const identities = identityDTypes.map((dtype) => `identity-${dtype.toLowerCase()}` as const);
writeModels(folder.path, ...(identities as ['identity-fp32']), 'simple', 'exclaim', 'multi-output');
writeTestModel(folder.path, 'half-plus-two', 1, 'versions');
writeTestModel(folder.path, 'half-plus-two', 10, 'versions');
writeYaml(join(folder.path, 'versions'), 'versions: {policy: all}');
copyDigits(folder.path);
const server = await startModelship(folder.path);
const client = createGrpcClient(await grpcPortOf(server));

afterAll(async () => {
  client[Symbol.dispose]();
  await server[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

async function infer(request: object): Promise<Message> {
  const answer = await client.call(oip('ModelInfer'), request);
  expect(answer).toMatchObject({ code: codes.OK });
  return answer.message;
}

const floats = (...values: number[]): Buffer => Buffer.from(Float32Array.from(values).buffer);

function bytesFor(dtype: (typeof identityDTypes)[number], count: number): Buffer {
  const elements = elementsFor(dtype, count);
  if (dtype === 'BYTES') return packStrings(elements as string[]);
  const { buffer, byteOffset, byteLength } = elements as Uint8Array;
  return Buffer.from(buffer, byteOffset, byteLength);
}

describe('raw contents', () => {
  test.each(identityDTypes)('%s comes back byte for byte', async (dtype) => {
    const model = `identity-${dtype.toLowerCase()}`;
    for (const shape of [
      [2, 3],
      [6, 1],
      [0, 4],
    ]) {
      const bytes = bytesFor(dtype, (shape[0] as number) * (shape[1] as number));
      const answer = await infer(rawRequest(model, [{ name: 'x', datatype: dtype, shape, bytes }]));
      expect(answer.outputs).toMatchObject([
        { name: 'y', datatype: dtype, shape: shape.map(String) },
      ]);
      expect(answer.raw_output_contents).toEqual([bytes]);
      expect(answer).toMatchObject({ model_name: model, model_version: '1' });
    }
  });

  test('600 KB come back byte for byte', async () => {
    const values = Float32Array.from({ length: 150_000 }, (_, i) => i / 7);
    const bytes = Buffer.from(values.buffer);
    const input = { name: 'x', datatype: 'FP32', shape: [300, 500], bytes };
    const { raw_output_contents: raw } = await infer(rawRequest('identity-fp32', [input]));
    expect(bytes.equals(raw[0])).toBe(true);
  });

  test('of 100 requests at once each gets its own rows', async () => {
    const answers = Array.from({ length: 100 }, async (_, i) => {
      const rows = 1 + ((i * 7) % 20);
      const bytes = floats(...Array.from({ length: 2 * rows }, (_, at) => i + at / 64));
      const input = { name: 'x', datatype: 'FP32', shape: [rows, 2], bytes };
      const answer = await infer(rawRequest('identity-fp32', [input], { id: `r${i}` }));
      return answer.id === `r${i}` && bytes.equals(answer.raw_output_contents[0]);
    });
    expect(await Promise.all(answers)).toEqual(new Array(100).fill(true));
  });
});

describe('typed contents', () => {
  test.each([
    ['BOOL', 'bool_contents', [true, false], Buffer.of(1, 0)],
    ['INT8', 'int_contents', [-128, 127], Buffer.of(0x80, 0x7f)],
    ['INT16', 'int_contents', [-32768, 32767], Buffer.of(0, 0x80, 0xff, 0x7f)],
    ['INT32', 'int_contents', [-(2 ** 31), 7], Buffer.from(Int32Array.of(-(2 ** 31), 7).buffer)],
    [
      'INT64',
      'int64_contents',
      ['-9223372036854775808', '9007199254740993'],
      Buffer.from(BigInt64Array.of(-(2n ** 63n), 2n ** 53n + 1n).buffer),
    ],
    ['UINT8', 'uint_contents', [0, 255], Buffer.of(0, 255)],
    ['UINT16', 'uint_contents', [0, 65535], Buffer.of(0, 0, 255, 255)],
    ['UINT32', 'uint_contents', [1, 2 ** 32 - 1], Buffer.from(Uint32Array.of(1, -1).buffer)],
    [
      'UINT64',
      'uint64_contents',
      ['1', '18446744073709551615'],
      Buffer.from(BigUint64Array.of(1n, 2n ** 64n - 1n).buffer),
    ],
    ['FP32', 'fp32_contents', [Number.NaN, -0], floats(Number.NaN, -0)],
    [
      'FP64',
      'fp64_contents',
      [Number.NEGATIVE_INFINITY, 0.1],
      Buffer.from(Float64Array.of(Number.NEGATIVE_INFINITY, 0.1).buffer),
    ],
    ['BYTES', 'bytes_contents', [Buffer.from('é'), Buffer.alloc(0)], packStrings(['é', ''])],
  ])('%s of %s', async (datatype, field, values, bytes) => {
    const { raw_output_contents: raw, outputs } = await infer({
      model_name: `identity-${datatype.toLowerCase()}`,
      inputs: [{ name: 'x', datatype, shape: [1, 2], contents: { [field]: values } }],
    });
    expect(raw).toEqual([bytes]);
    expect(outputs).toMatchObject([{ name: 'y', datatype, shape: ['1', '2'] }]);
  });
});

describe('what is asked for', () => {
  const ints = (from: number): Buffer =>
    Buffer.from(Int32Array.from({ length: 16 }, (_, i) => from + i).buffer);
  const simple: RawInput[] = [
    { name: 'INPUT1', datatype: 'INT32', shape: [1, 16], bytes: ints(1) },
    { name: 'INPUT0', datatype: 'INT32', shape: [1, 16], bytes: ints(100) },
  ];

  test('inputs in any order, all outputs', async () => {
    const { outputs, raw_output_contents: raw } = await infer(rawRequest('simple', simple));
    expect(outputs.map(({ name }: Message) => name)).toEqual(['OUTPUT0', 'OUTPUT1']);
    const [sums, differences] = raw.map((bytes: Buffer) => bytes.readInt32LE(4));
    expect([sums, differences]).toEqual([103, 99]);
  });

  test('only the outputs that are asked for, in that order', async () => {
    const { outputs, raw_output_contents: raw } = await infer(
      rawRequest('simple', simple, { outputs: [{ name: 'OUTPUT1' }, { name: 'OUTPUT0' }] }),
    );
    expect(outputs.map(({ name }: Message) => name)).toEqual(['OUTPUT1', 'OUTPUT0']);
    expect(raw.map((bytes: Buffer) => bytes.readInt32LE(0))).toEqual([99, 101]);
  });

  test('a version, or the newest', async () => {
    const ask = (version: string): Promise<Message> =>
      infer({
        ...rawRequest('versions', [
          { name: 'x', datatype: 'FP32', shape: [2], bytes: floats(2, 3) },
        ]),
        model_version: version,
      });
    expect(floatsOf((await ask('1')).raw_output_contents[0])).toEqual([3, 3.5]);
    expect((await ask('')).model_version).toBe('10');
  });

  test('pictures as BYTES of a model that takes pictures', async () => {
    const bytes = [readDigit('3.png'), readDigit('7-shadow.jpg')];
    const { outputs, raw_output_contents: raw } = await infer({
      model_name: 'digits',
      inputs: [
        { name: 'images', datatype: 'BYTES', shape: [2], contents: { bytes_contents: bytes } },
      ],
    });
    expect(outputs).toMatchObject([{ datatype: 'FP32', shape: ['2', '10'] }]);
    const scores = floatsOf(raw[0]);
    const best = [scores.slice(0, 10), scores.slice(10)].map((row) =>
      row.indexOf(Math.max(...row)),
    );
    expect(best).toEqual([3, 7]);
  });
});
