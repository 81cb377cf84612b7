/** Models of every kind through `/v2/models/{name}/infer`: what comes out is what the numbers say. */

import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { identityDTypes } from './models/identity.ts';
import { elementsFor } from './models/runtime-dtypes.ts';
import { writeTestModel } from './models/test-models.ts';
import { post } from './support/http.ts';
import { writeModels, writeYaml } from './support/model-folder.ts';
import { startModelship, temporaryFolder } from './support/modelship.ts';
import { dataOf, floatsOf, inferBinary, packStrings } from './support/open-inference.ts';

const folder = temporaryFolder();
const identities = identityDTypes.map((dtype) => `identity-${dtype.toLowerCase()}` as const);
writeModels(folder.path, ...(identities as ['identity-fp32']));
writeModels(folder.path, 'simple', 'mlp', 'exclaim', 'dynamic-shape', 'total', 'multi-output');
writeModels(folder.path, 'external-data', 'not-a-number', 'fixed-batch', 'batch-statistics');
writeTestModel(folder.path, 'half-plus-two', 1, 'versions');
writeTestModel(folder.path, 'not-a-number', 2, 'versions');
writeTestModel(folder.path, 'half-plus-two', 10, 'versions');
writeYaml(join(folder.path, 'versions'), 'versions: {policy: all}');
const server = await startModelship(folder.path);
const infer = (model: string): string => `${server.url}/v2/models/${model}/infer`;

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

type Json = (name: string, datatype: string, shape: readonly number[], data: unknown) => object;
const tensor: Json = (name, datatype, shape, data) => ({ name, datatype, shape, data });

function bytesFor(dtype: (typeof identityDTypes)[number], count: number): Buffer {
  const elements = elementsFor(dtype, count);
  if (dtype === 'BYTES') return packStrings(elements as string[]);
  const { buffer, byteOffset, byteLength } = elements as Uint8Array;
  return Buffer.from(buffer, byteOffset, byteLength);
}

describe('every dtype', () => {
  test.each(identityDTypes)('%s comes back byte for byte', async (dtype) => {
    const url = infer(`identity-${dtype.toLowerCase()}`);
    for (const shape of [
      [2, 3],
      [6, 1],
      [0, 4],
    ]) {
      const count = (shape[0] as number) * (shape[1] as number);
      const bytes = bytesFor(dtype, count);
      const answer = await inferBinary(url, [{ name: 'x', datatype: dtype, shape, bytes }]);
      expect(answer.json.outputs).toEqual([
        { name: 'y', datatype: dtype, shape, parameters: { binary_data_size: bytes.byteLength } },
      ]);
      expect(answer.binary.y).toEqual(bytes);
    }
  });

  test.each(['FP32', 'BYTES'] as const)(
    'of 100 requests at once each gets its own %s rows, few or many',
    async (datatype) => {
      const url = infer(`identity-${datatype.toLowerCase()}`);
      const answers = Array.from({ length: 100 }, async (_, i) => {
        const rows = 1 + ((i * 7) % 20);
        const values = Array.from({ length: 2 * rows }, (_, at) => i + at / 64);
        const bytes =
          datatype === 'BYTES'
            ? packStrings(values.map((value) => 'x'.repeat(i % 5) + value))
            : Buffer.from(Float32Array.from(values).buffer);
        const { binary } = await inferBinary(url, [
          { name: 'x', datatype, shape: [rows, 2], bytes },
        ]);
        return binary.y?.equals(bytes);
      });
      expect(await Promise.all(answers)).toEqual(new Array(100).fill(true));
    },
  );

  test.each([
    ['BOOL', [true, false]],
    ['UINT8', [0, 255]],
    ['INT16', [-32768, 32767]],
    ['UINT32', [0, 4294967295]],
    ['INT64', [-9007199254740991, 9007199254740991]],
    ['FP32', [0.1, -1.5e10]],
    ['FP64', [0.1, -1.7976931348623157e308]],
    ['BYTES', ['', 'é😀\n"']],
  ])('%s as JSON', async (dtype, data) => {
    const inputs = [tensor('x', dtype, [1, 2], data)];
    const answer = await post(infer(`identity-${dtype.toLowerCase()}`), { inputs });
    expect(answer.json.outputs).toEqual([tensor('y', dtype, [1, 2], data)]);
  });

  test('FP16 has no JSON form on the way in, and is binary on the way out', async () => {
    const refused = await post(infer('identity-fp16'), {
      inputs: [tensor('x', 'FP16', [1, 1], [1])],
    });
    expect(refused).toMatchObject({ status: 400, json: { code: 'INPUT_DATA_INVALID' } });
    expect(refused.json.error).toContain('use the binary tensor form');
    const x = { name: 'x', datatype: 'FP16', shape: [1, 1], bytes: Buffer.of(0, 0x3c) };
    const answer = await inferBinary(infer('identity-fp16'), [x], { binaryOutputs: false });
    expect(answer.binary.y).toEqual(Buffer.of(0, 0x3c));
  });
});

describe('shapes', () => {
  test('a scalar comes out', async () => {
    const inputs = [tensor('x', 'FP32', [2, 2], [1, 2, 3, 4.5])];
    const answer = await post(infer('total'), { inputs });
    expect(answer.json.outputs).toEqual([tensor('total', 'FP32', [], [10.5])]);
  });

  test('dynamic dimensions take any length, none too', async () => {
    for (const length of [0, 1, 50]) {
      const data = Array.from({ length: length * 3 }, (_, i) => (i % 3) + 1);
      const inputs = [tensor('x', 'FP32', [1, length, 3], data)];
      const sums = [length, 2 * length, 3 * length];
      expect(dataOf(await post(infer('dynamic-shape'), { inputs }))).toEqual({ sums });
    }
  });

  test('nested data is the same as flat data', async () => {
    const inputs = [
      tensor(
        'x',
        'FP32',
        [2, 2],
        [
          [1, 2],
          [3, 4],
        ],
      ),
    ];
    expect(dataOf(await post(infer('total'), { inputs }))).toEqual({ total: [10] });
  });

  test('a fixed batch of one is taken as it is', async () => {
    const inputs = [tensor('x', 'FP32', [1, 4], [1, 2, 3, 4])];
    expect(dataOf(await post(infer('fixed-batch'), { inputs }))).toEqual({ y: [2, 4, 6, 8] });
  });

  test('rows of a model of batch statistics keep the company they were sent in', async () => {
    const rows = [1, 2, 3, 4, 3, 2, 1, 0];
    const one = (data: number[]) => ({ inputs: [tensor('x', 'FP32', [data.length / 4, 4], data)] });
    const url = infer('batch-statistics');
    const alone = Array.from({ length: 8 }, () => post(url, one([5, 6, 7, 8])));
    const together = await post(url, one(rows));
    expect(dataOf(together)).toEqual({ y: [-1, 0, 1, 2, 1, 0, -1, -2] });
    for (const answer of await Promise.all(alone))
      expect(dataOf(answer)).toEqual({ y: [0, 0, 0, 0] });
  });
});

describe('inputs and outputs', () => {
  const sixteen = (start: number): number[] => Array.from({ length: 16 }, (_, i) => start + i);
  const INPUT0 = tensor('INPUT0', 'INT32', [1, 16], sixteen(100));
  const INPUT1 = tensor('INPUT1', 'INT32', [1, 16], sixteen(0));

  test('several, in any order', async () => {
    const answer = await post(infer('simple'), { id: 'a"7', inputs: [INPUT1, INPUT0] });
    expect(answer.json).toMatchObject({ id: 'a"7', model_name: 'simple', model_version: '1' });
    expect(dataOf(answer)).toEqual({
      OUTPUT0: sixteen(0).map((i) => 100 + 2 * i),
      OUTPUT1: new Array(16).fill(100),
    });
  });

  test('without an id none is given back', async () => {
    expect((await post(infer('simple'), { inputs: [INPUT0, INPUT1] })).json).not.toHaveProperty(
      'id',
    );
  });

  test('only the outputs asked for, in their order', async () => {
    const inputs = [tensor('x', 'FP32', [2, 4], [1, 9, 3, 4, 5, 6, 7, 8])];
    const outputs = [{ name: 'argmax' }, { name: 'sum' }];
    const answer = await post(infer('multi-output'), { inputs, outputs });
    expect(answer.json.outputs).toEqual([
      tensor('argmax', 'INT64', [2], [1, 3]),
      tensor('sum', 'FP32', [2, 1], [17, 26]),
    ]);
  });

  test('one output binary, another as JSON', async () => {
    const bytes = Buffer.from(Float32Array.of(1, 9, 3, 4).buffer);
    const x = { name: 'x', datatype: 'FP32', shape: [1, 4], bytes };
    const outputs = [{ name: 'sum' }, { name: 'double', parameters: { binary_data: true } }];
    const answer = await inferBinary(infer('multi-output'), [x], { outputs, binaryOutputs: false });
    expect(answer.json.outputs[0]).toEqual(tensor('sum', 'FP32', [1, 1], [17]));
    expect(floatsOf(answer.binary.double)).toEqual([2, 18, 6, 8]);
  });

  test('strings', async () => {
    const inputs = [tensor('texts', 'BYTES', [3], ['straße', '', 'a b'])];
    expect(dataOf(await post(infer('exclaim'), { inputs }))).toEqual({
      loud: ['straße!', '!', 'a b!'],
    });
  });

  test('weights in a file beside the model', async () => {
    const inputs = [tensor('x', 'FP32', [1, 64], new Array(64).fill(2))];
    expect(dataOf(await post(infer('external-data'), { inputs }))).toEqual({
      y: new Array(64).fill(6),
    });
  });

  test('NaN and infinities are the tokens that Triton writes, and exact as binary', async () => {
    const values = Float32Array.of(-1, Number.POSITIVE_INFINITY, 4, 0);
    const x = { name: 'x', datatype: 'FP32', shape: [1, 4], bytes: Buffer.from(values.buffer) };
    const inputs = [tensor('x', 'FP32', [1, 4], [-1, 4, 9, 0])];
    const body = JSON.stringify({ inputs });
    const json = await fetch(infer('not-a-number'), { method: 'POST', body });
    expect(await json.text()).toContain('"data":[NaN,2,3,0]');
    const answer = await inferBinary(infer('not-a-number'), [x]);
    expect(floatsOf(answer.binary.y)).toEqual([Number.NaN, Number.POSITIVE_INFINITY, 2, 0]);
  });
});

describe('versions', () => {
  const inputs = [tensor('x', 'FP32', [2], [1, 2])];
  const version = (name: string): string =>
    `${server.url}/v2/models/versions/versions/${name}/infer`;

  test('the newest is meant when none is named', async () => {
    const answer = await post(infer('versions'), { inputs });
    expect(answer.json).toMatchObject({ model_version: '10', outputs: [{ data: [2.5, 3] }] });
  });

  test('each can be named', async () => {
    const four = [tensor('x', 'FP32', [1, 4], [1, 4, 9, 16])];
    expect((await post(version('1'), { inputs })).json).toMatchObject({ model_version: '1' });
    expect(dataOf(await post(version('2'), { inputs: four }))).toEqual({ y: [1, 2, 3, 4] });
  });

  test('one that is not there is refused with those that are', async () => {
    const answer = await post(version('3'), { inputs });
    expect(answer).toMatchObject({ status: 404, json: { code: 'VERSION_NOT_FOUND' } });
    expect(answer.json.error).toContain('versions here: 1, 2, 10');
  });
});
