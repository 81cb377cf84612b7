/** Bad calls get the status of their mistake, a message that says it, and the next good one is answered. */

import { gzipSync } from 'node:zlib';
import { status as codes } from '@grpc/grpc-js';
import { afterAll, describe, expect, test } from 'vitest';
import { createGrpcClient, encodeMessage, grpcPortOf, oip, rawRequest } from './support/grpc.ts';
import { writeModels } from './support/model-folder.ts';
import { startModelship, temporaryFolder } from './support/modelship.ts';
import { openHttp2 } from './support/raw-grpc.ts';

const folder = temporaryFolder();
writeModels(folder.path, 'identity-fp32', 'identity-int8', 'identity-bytes', 'identity-fp16');
const server = await startModelship(folder.path, { args: ['--max-body', '1MB'] });
const port = await grpcPortOf(server);
const client = createGrpcClient(port);

afterAll(async () => {
  client[Symbol.dispose]();
  await server[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const path = `/${oip('ModelInfer')}`;
const bytes = Buffer.from(Float32Array.of(1, 2).buffer);
const x = { name: 'x', datatype: 'FP32', shape: [1, 2], bytes };
const good = rawRequest('identity-fp32', [x]);
const goodBytes = encodeMessage('inference.ModelInferRequest', good);

const typed = (datatype: string, shape: number[], contents: object, model?: string): object => ({
  model_name: model ?? `identity-${datatype.toLowerCase()}`,
  inputs: [{ name: 'x', datatype, shape, contents }],
});

async function expectGood(): Promise<void> {
  const answer = await client.call(oip('ModelInfer'), good);
  expect([answer.code, answer.message?.raw_output_contents]).toEqual([codes.OK, [bytes]]);
}

const { INVALID_ARGUMENT, NOT_FOUND, UNIMPLEMENTED } = codes;

describe('a request', () => {
  test.each<[string, object, number, RegExp]>([
    [
      'of no model',
      { model_name: 'no' },
      NOT_FOUND,
      /Request for unknown model: 'no' is not found/,
    ],
    ['without a name', {}, NOT_FOUND, /unknown model: ''/],
    ['of no version', { ...good, model_version: '7' }, NOT_FOUND, /no version "7"/],
    ['without inputs', { model_name: 'identity-fp32' }, INVALID_ARGUMENT, /missing: x/],
    [
      'of another dtype',
      rawRequest('identity-fp32', [{ ...x, datatype: 'FP64' }]),
      INVALID_ARGUMENT,
      /inference input 'x' data-type is 'FP64', but model 'identity-fp32' expects 'FP32'/,
    ],
    [
      'of a dtype that is none',
      rawRequest('identity-fp32', [{ ...x, datatype: 'constructor' }]),
      INVALID_ARGUMENT,
      /unknown datatype 'constructor'/,
    ],
    [
      'of another rank',
      rawRequest('identity-fp32', [{ ...x, shape: [2] }]),
      INVALID_ARGUMENT,
      /unexpected shape for input 'x' for model 'identity-fp32'\. Expected \[-1, -1\], got \[2\]/,
    ],
    [
      'with a negative dimension',
      rawRequest('identity-fp32', [{ ...x, shape: [-1, 2] }]),
      INVALID_ARGUMENT,
      /the dimension -1/,
    ],
    [
      'whose shape overflows',
      rawRequest('identity-fp32', [{ ...x, shape: [0xffff_ffff, 0xffff_ffff] }]),
      INVALID_ARGUMENT,
      /takes more elements than there are/,
    ],
    [
      'with a dimension beyond 2^32',
      rawRequest('identity-fp32', [{ ...x, shape: [2 ** 40, 0] }]),
      INVALID_ARGUMENT,
      /the dimension 1099511627776/,
    ],
    [
      'of 33 dimensions',
      rawRequest('identity-fp32', [{ ...x, shape: new Array(33).fill(1) }]),
      INVALID_ARGUMENT,
      /more than 32 dimensions/,
    ],
    [
      'with bytes left over',
      rawRequest('identity-fp32', [{ ...x, shape: [1, 1] }]),
      INVALID_ARGUMENT,
      /it has 8 bytes; FP32 \[1, 1\] takes 4/,
    ],
    [
      'with typed and raw contents',
      {
        ...good,
        inputs: [
          { name: 'x', datatype: 'FP32', shape: [1, 2], contents: { fp32_contents: [1, 2] } },
        ],
      },
      INVALID_ARGUMENT,
      /has contents although there are raw_input_contents/,
    ],
    [
      'with raw contents of more inputs',
      { ...good, raw_input_contents: [bytes, bytes] },
      INVALID_ARGUMENT,
      /2 raw_input_contents for 1 inputs/,
    ],
    [
      'with too few elements',
      typed('FP32', [1, 3], { fp32_contents: [1, 2] }),
      INVALID_ARGUMENT,
      /2 elements in fp32_contents; the shape \[1, 3\] takes 3/,
    ],
    [
      'with elements in the field of another type',
      typed('FP32', [1, 2], { fp64_contents: [1, 2] }),
      INVALID_ARGUMENT,
      /0 elements in fp32_contents/,
    ],
    [
      'with a number that does not fit',
      typed('INT8', [1, 2], { int_contents: [1, 128] }),
      INVALID_ARGUMENT,
      /128 does not fit into INT8/,
    ],
    [
      'with typed FP16',
      typed('FP16', [1, 1], { fp32_contents: [1] }),
      INVALID_ARGUMENT,
      /FP16 has no typed contents/,
    ],
    [
      'with BYTES that are cut',
      rawRequest('identity-bytes', [
        { name: 'x', datatype: 'BYTES', shape: [1, 1], bytes: Buffer.of(255, 255, 255, 255) },
      ]),
      INVALID_ARGUMENT,
      /longer than the data/,
    ],
    ['with an input twice', rawRequest('identity-fp32', [x, x]), INVALID_ARGUMENT, /given twice/],
    [
      'with an unknown input',
      rawRequest('identity-fp32', [{ ...x, name: 'y' }]),
      INVALID_ARGUMENT,
      /no input "y"/,
    ],
    [
      'for an unknown output',
      { ...good, outputs: [{ name: 'z' }] },
      INVALID_ARGUMENT,
      /no output "z"/,
    ],
    [
      'for an output twice',
      { ...good, outputs: [{ name: 'y' }, { name: 'y' }] },
      INVALID_ARGUMENT,
      /listed twice/,
    ],
    [
      'of a sequence',
      { ...good, parameters: { sequence_id: { int64_param: 7 } } },
      UNIMPLEMENTED,
      /sequences/,
    ],
    [
      'in shared memory',
      {
        model_name: 'identity-fp32',
        inputs: [
          {
            name: 'x',
            datatype: 'FP32',
            shape: [1, 2],
            parameters: { shared_memory_region: { string_param: 'r' } },
          },
        ],
      },
      UNIMPLEMENTED,
      /shared memory/,
    ],
    [
      'with a timeout that is a text',
      { ...good, parameters: { timeout: { string_param: 'soon' } } },
      INVALID_ARGUMENT,
      /the parameter timeout is not a whole number/,
    ],
  ])('%s', async (_, request, code, message) => {
    const answer = await client.call(oip('ModelInfer'), request);
    expect(answer).toMatchObject({ code, details: expect.stringMatching(message) });
    await expectGood();
  });

  test('whose priority is neither high nor low', async () => {
    const metadata = { 'x-request-priority': 'urgent' };
    const answer = await client.call(oip('ModelInfer'), good, { metadata });
    expect(answer).toMatchObject({
      code: INVALID_ARGUMENT,
      details: expect.stringMatching(/priority/),
    });
  });
});

/** A field of bytes, with a length that may be a lie. */
const field = (number: number, body: Buffer, length = body.length): Buffer => {
  const varint: number[] = [];
  let left = length;
  while (left >= 0x80) {
    varint.push((left % 0x80) | 0x80);
    left = Math.floor(left / 0x80);
  }
  return Buffer.concat([Buffer.of(number * 8 + 2, ...varint, left), body]);
};

describe('bytes', () => {
  test.each<[string, Buffer]>([
    ['cut in the middle', goodBytes.subarray(0, goodBytes.length - 3)],
    ['with a field of 2 GB', field(7, Buffer.alloc(4), 2 ** 31 - 1)],
    ['with a field of 2^60 bytes', field(7, Buffer.alloc(4), 2 ** 60)],
    ['that end in a number', Buffer.of(0x28, 0xff, 0xff)],
    ['with a number of eleven bytes', Buffer.concat([Buffer.of(0x28), Buffer.alloc(11, 0xff)])],
    ['with a name that is not UTF-8', field(1, Buffer.of(0xff, 0xfe))],
    ['with a wire type that is none', Buffer.of(0x0f, 1)],
    ['with field 0', Buffer.of(0x02, 0)],
    ['with a text where a number belongs', field(5, field(3, Buffer.of(0xff)))],
    ['with groups in groups', Buffer.alloc(1000, 0x7b)],
    ['with 5000 inputs', Buffer.concat(new Array(5000).fill(field(5, Buffer.alloc(0))))],
    ['with 5000 raw contents', Buffer.concat(new Array(5000).fill(field(7, Buffer.alloc(0))))],
    [
      'with 2000 parameters',
      Buffer.concat(
        Array.from({ length: 2000 }, (_, i) => field(4, field(1, Buffer.from(`p${i}`)))),
      ),
    ],
    ['that are no message', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  ])('%s', async (_, message) => {
    const answer = await client.send(path, message);
    expect(answer).toMatchObject({
      code: INVALID_ARGUMENT,
      details: expect.stringMatching(/.{10}/),
    });
    await expectGood();
  });

  test('of contents in several fields are one', async () => {
    const half = (value: number): Buffer => {
      const one = Buffer.alloc(4);
      one.writeFloatLE(value);
      return field(5, field(6, one));
    };
    const input = Buffer.concat([
      field(1, Buffer.from('x')),
      field(2, Buffer.from('FP32')),
      Buffer.of(0x18, 1, 0x18, 2),
      half(1),
      half(2),
    ]);
    const message = Buffer.concat([field(1, Buffer.from('identity-fp32')), field(5, input)]);
    const answer = await client.send(path, message);
    expect(answer.code).toBe(codes.OK);
    expect(answer.bytes?.includes(bytes)).toBe(true);
  });

  test('of more than --max-body are refused', async () => {
    const answer = await client.send(path, Buffer.alloc(2 ** 20 + 1));
    expect(answer.code).toBe(codes.RESOURCE_EXHAUSTED);
    await expectGood();
  });
});

describe('frames of HTTP/2', () => {
  test.each<[string, Buffer, Record<string, string>, number]>([
    ['a prefix of 2 GB', Buffer.of(0, 0x7f, 0xff, 0xff, 0xff, 1), {}, codes.RESOURCE_EXHAUSTED],
    ['no message', Buffer.alloc(0), {}, codes.UNIMPLEMENTED],
    ['half a prefix', Buffer.of(0, 0, 0), {}, codes.UNIMPLEMENTED],
    [
      'gzip that is none',
      Buffer.from([1, 0, 0, 0, 3, 1, 2, 3]),
      { 'grpc-encoding': 'gzip' },
      codes.INTERNAL,
    ],
    [
      'an encoding that is none',
      Buffer.from([1, 0, 0, 0, 1, 1]),
      { 'grpc-encoding': 'snappy' },
      codes.UNIMPLEMENTED,
    ],
    [
      'gzip of 64 MB of nothing',
      frame(gzipSync(Buffer.alloc(2 ** 26)), 1),
      { 'grpc-encoding': 'gzip' },
      codes.RESOURCE_EXHAUSTED,
    ],
    ['a timeout that is none', frame(goodBytes), { 'grpc-timeout': 'soon' }, codes.INTERNAL],
  ])('%s', async (_, body, headers, code) => {
    using connection = openHttp2(port);
    expect((await connection.call(path, body, headers)).status).toBe(code);
    await expectGood();
  });

  test('a path with anything in it', async () => {
    using connection = openHttp2(port);
    for (const odd of ['/', '/a', '/%ff', '/ü/x', `/${'x'.repeat(5000)}`, '/inference.G/\u00ff'])
      expect((await connection.call(odd, frame(goodBytes))).status).toBe(codes.UNIMPLEMENTED);
    await expectGood();
  });

  test('metadata with anything in it', async () => {
    using connection = openHttp2(port);
    const headers = { 'x-request-id': 'ü\u0001', 'bad-bin': '!!', traceparent: 'x', 'a.b': '' };
    expect((await connection.call(path, frame(goodBytes), headers)).status).toBe(codes.OK);
  });

  test('compressed by gzip and deflate', async () => {
    using connection = openHttp2(port);
    const { deflateSync } = await import('node:zlib');
    for (const [encoding, packed] of [
      ['gzip', gzipSync(goodBytes)],
      ['deflate', deflateSync(goodBytes)],
    ] as const) {
      const answer = await connection.call(path, frame(packed, 1), { 'grpc-encoding': encoding });
      expect(answer.status).toBe(codes.OK);
      expect(answer.body.includes(bytes)).toBe(true);
    }
  });

  test('HTTP/1.1 on the port', async () => {
    await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow();
    await expectGood();
  });
});

function frame(message: Buffer, compressed = 0): Buffer {
  const prefix = Buffer.of(compressed, 0, 0, 0, 0);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}
