/**
 * Requests that nobody should send to Open Inference REST: each gets an error body of the protocol, never a
 * 500, and the next one is answered.
 */

import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import type { ErrorCode } from '../src/errors.ts';
import { errorCatalogue } from '../src/errors.ts';
import { statusOfKind } from '../src/http/error-answer.ts';
import { writeModels } from './support/model-folder.ts';
import { startModelship, temporaryFolder } from './support/modelship.ts';
import type { ReplayedAnswer } from './support/replay.ts';
import { replay } from './support/replay.ts';

const folder = temporaryFolder();
writeModels(folder.path, 'simple', 'identity-fp32', 'identity-bytes', 'identity-int64', 'any-rank');
const server = await startModelship(folder.path);

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

interface Sent {
  readonly model?: string;
  readonly path?: string;
  readonly headers?: readonly string[];
  readonly body: string | Uint8Array;
}

function send({
  model = 'identity-fp32',
  path,
  headers = [],
  body,
}: Sent): Promise<ReplayedAnswer> {
  const bytes = Buffer.from(body as string);
  const lines = [
    `POST ${path ?? `/v2/models/${model}/infer`} HTTP/1.1`,
    'Host: localhost',
    `Content-Length: ${bytes.length}`,
    ...headers,
  ];
  return replay(server.port, Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), bytes]));
}

const x = { name: 'x', datatype: 'FP32', shape: [1, 2], data: [1, 2] };
const inputs = (...all: object[]): string => JSON.stringify({ inputs: all });

afterEach(async () => {
  const { status, body } = await send({ body: inputs(x) });
  expect([status, JSON.parse(body.toString()).outputs[0].data]).toEqual([200, [1, 2]]);
});

/** A JSON header with bytes behind it, and the header that says where they begin. */
function binary(header: object, bytes: Uint8Array, length?: number | string): Sent {
  const json = Buffer.from(JSON.stringify(header));
  return {
    headers: [`Inference-Header-Content-Length: ${length ?? json.length}`],
    body: Buffer.concat([json, bytes]),
  };
}

const sized = (size: unknown, changes: object = {}) => {
  const { data: _, ...rest } = x;
  return { inputs: [{ ...rest, parameters: { binary_data_size: size }, ...changes }] };
};
const eight = new Uint8Array(8);
const deep = (depth: number): string => `${'['.repeat(depth)}1${']'.repeat(depth)}`;
const withData = (data: string, datatype = 'FP32', shape = '[1,1]'): string =>
  `{"inputs":[{"name":"x","datatype":"${datatype}","shape":${shape},"data":${data}}]}`;

type Row = readonly [what: string, sent: Sent, code: ErrorCode];

async function expectRefusal(_: string, sent: Sent, code: ErrorCode): Promise<void> {
  const status = statusOfKind[errorCatalogue[code].kind];
  const answer = await send(sent);
  const text = answer.body.toString();
  expect([answer.status, text]).toEqual([status, expect.stringContaining(`"code":"${code}"`)]);
  expect(Object.keys(JSON.parse(text))).toEqual(['error', 'code']);
  expect(text.length).toBeLessThan(1000);
}

describe('the length of the JSON header', () => {
  test.each<Row>([
    ['beyond the body', binary(sized(8), eight, 10_000), 'INFER_REQUEST_INVALID'],
    ['in the middle of the JSON', binary(sized(8), eight, 20), 'JSON_INVALID'],
    ['into the data', binary(sized(8), eight, JSON.stringify(sized(8)).length + 1), 'JSON_INVALID'],
    ['negative', binary(sized(8), eight, -1), 'INFER_REQUEST_INVALID'],
    ['no number', binary(sized(8), eight, 'abc'), 'INFER_REQUEST_INVALID'],
    ['hexadecimal', binary(sized(8), eight, '0x10'), 'INFER_REQUEST_INVALID'],
    ['beyond all numbers', binary(sized(8), eight, '9'.repeat(400)), 'INFER_REQUEST_INVALID'],
    [
      'twice',
      binary(sized(8), eight, '5\r\nInference-Header-Content-Length: 6'),
      'INFER_REQUEST_INVALID',
    ],
  ])('%s', expectRefusal);
});

test.each([
  ['without a Host', 'GET /v2 HTTP/1.1\r\n\r\n', 400],
  ['without a Host, as HTTP/1.0 lets', 'GET /v2 HTTP/1.0\r\n\r\n', 200],
  [
    'with an expectation of its own',
    'GET /v2 HTTP/1.1\r\nHost: localhost\r\nExpect: x\r\n\r\n',
    200,
  ],
])('a request %s has a body in its answer', async (_, text, status) => {
  const answer = await replay(server.port, Buffer.from(text));
  const json = JSON.parse(answer.body.toString());
  expect([answer.status, typeof (json.error ?? json.name)]).toEqual([status, 'string']);
});

describe('binary data', () => {
  test.each<Row>([
    ['less than announced', binary(sized(8), eight.subarray(1)), 'INFER_REQUEST_INVALID'],
    ['more than announced', binary(sized(8), new Uint8Array(9)), 'INFER_REQUEST_INVALID'],
    ['less than the shape', binary(sized(4), eight.subarray(4)), 'INPUT_DATA_INVALID'],
    ['a size that is negative', binary(sized(-8), eight), 'INFER_REQUEST_INVALID'],
    ['a size of 2^53', binary(sized(2 ** 53), eight), 'INFER_REQUEST_INVALID'],
    ['a size that is a text', binary(sized('8'), eight), 'INFER_REQUEST_INVALID'],
    ['a size that is null', binary(sized(null), eight), 'INFER_REQUEST_INVALID'],
    ['and JSON data', binary(sized(8, { data: [1, 2] }), eight), 'INFER_REQUEST_INVALID'],
    ['without the header', { body: JSON.stringify(sized(8)) }, 'INFER_REQUEST_INVALID'],
    [
      'in shared memory',
      { body: inputs({ ...x, data: undefined, parameters: { shared_memory_region: 'r' } }) },
      'FEATURE_UNSUPPORTED',
    ],
    [
      'whose texts are longer than it is',
      {
        ...binary(
          sized(8, { datatype: 'BYTES', shape: [1, 1] }),
          Buffer.of(255, 255, 255, 255, 1, 2, 3, 4),
        ),
        model: 'identity-bytes',
      },
      'INPUT_DATA_INVALID',
    ],
    [
      'that is no UTF-8',
      {
        ...binary(
          sized(6, { datatype: 'BYTES', shape: [1, 1] }),
          Buffer.of(2, 0, 0, 0, 0xc3, 0x28),
        ),
        model: 'identity-bytes',
      },
      'INPUT_DATA_INVALID',
    ],
    [
      'raw, for a model of two inputs',
      { model: 'simple', headers: ['Inference-Header-Content-Length: 0'], body: eight },
      'INFER_REQUEST_INVALID',
    ],
    [
      'raw, that is no whole number of elements',
      { headers: ['Inference-Header-Content-Length: 0'], body: 'abc' },
      'INPUT_DATA_INVALID',
    ],
  ])('%s', expectRefusal);
});

describe('shapes', () => {
  const shaped = (shape: unknown, data: unknown = []): Sent => ({
    body: inputs({ ...x, shape, data }),
  });

  test.each<Row>([
    ['negative', shaped([-1, 2], [1, 2]), 'INFER_REQUEST_INVALID'],
    ['of fractions', shaped([1.5, 2], [1, 2, 3]), 'INFER_REQUEST_INVALID'],
    ['of texts', shaped(['1', 2], [1, 2]), 'INFER_REQUEST_INVALID'],
    ['beyond 32 bits', shaped([2 ** 32, 1]), 'INFER_REQUEST_INVALID'],
    ['of 33 dimensions', shaped(new Array(33).fill(1), [1]), 'INFER_REQUEST_INVALID'],
    [
      'whose product is beyond all memory',
      shaped([0xffff_ffff, 0xffff_ffff]),
      'INPUT_DATA_INVALID',
    ],
    [
      'whose product is beyond all memory, times 0',
      { model: 'any-rank', ...shaped([0xffff_ffff, 0, 0xffff_ffff]) },
      'INPUT_DATA_INVALID',
    ],
    [
      'whose product is no number',
      { model: 'any-rank', ...shaped([...new Array(31).fill(0xffff_ffff), 0]) },
      'INPUT_DATA_INVALID',
    ],
    ['that are no list', shaped(2, [1, 2]), 'INFER_REQUEST_INVALID'],
  ])('%s', expectRefusal);
});

describe('JSON data', () => {
  test.each<Row>([
    ['too few', { body: withData('[]') }, 'INPUT_DATA_INVALID'],
    ['too many', { body: withData('[1,2]') }, 'INPUT_DATA_INVALID'],
    ['no list', { body: withData('1') }, 'INFER_REQUEST_INVALID'],
    ['an object', { body: withData('{"0":1}') }, 'INFER_REQUEST_INVALID'],
    ['objects in lists', { body: withData('[{"a":1}]') }, 'INPUT_DATA_INVALID'],
    ['null', { body: withData('[null]') }, 'INPUT_DATA_INVALID'],
    ['texts', { body: withData('["1"]') }, 'INPUT_DATA_INVALID'],
    ['100 deep', { body: withData(deep(100)) }, 'JSON_INVALID'],
    ['100,000 deep', { body: withData(deep(100_000)) }, 'JSON_INVALID'],
    ['100,000 deep, and cut', { body: '['.repeat(100_000) }, 'JSON_INVALID'],
    [
      'beyond 64 bits',
      { model: 'identity-int64', body: withData('[9223372036854775808]', 'INT64') },
      'INPUT_DATA_INVALID',
    ],
    [
      'a fraction as INT64',
      { model: 'identity-int64', body: withData('[1.5]', 'INT64') },
      'INPUT_DATA_INVALID',
    ],
    ['beyond FP32', { body: withData('[1e39]') }, 'INPUT_DATA_INVALID'],
    ['a number that is none', { body: withData('[0x10]') }, 'JSON_INVALID'],
    ['a comma too many', { body: withData('[1,]') }, 'JSON_INVALID'],
    ['cut short', { body: withData('[1').slice(0, -2) }, 'JSON_INVALID'],
    [
      'no UTF-8',
      { model: 'identity-bytes', body: Buffer.from(withData('["\xff"]', 'BYTES'), 'latin1') },
      'JSON_INVALID',
    ],
    [
      'NUL in a text',
      { model: 'identity-bytes', body: withData('["a\\u0000"]', 'BYTES') },
      'INPUT_DATA_INVALID',
    ],
  ])('%s', expectRefusal);
});

describe('the request', () => {
  const many = Array.from({ length: 2000 }, (_, i) => ({ ...x, name: `x${i}` }));

  test.each<Row>([
    ['nothing', { body: '' }, 'BODY_EMPTY'],
    ['no JSON', { body: 'hello' }, 'JSON_INVALID'],
    ['a list', { body: '[]' }, 'INFER_REQUEST_INVALID'],
    ['null', { body: 'null' }, 'INFER_REQUEST_INVALID'],
    ['no inputs', { body: '{"inputs":[]}' }, 'INFER_REQUEST_INVALID'],
    ['inputs that are null', { body: '{"inputs":[null]}' }, 'INFER_REQUEST_INVALID'],
    [
      'an id that is a number',
      { body: JSON.stringify({ id: 1, inputs: [x] }) },
      'INFER_REQUEST_INVALID',
    ],
    ['an input twice', { body: inputs(x, x) }, 'INFER_REQUEST_INVALID'],
    ['an unknown input', { body: inputs(x, { ...x, name: '__proto__' }) }, 'INPUT_UNKNOWN'],
    ['2000 inputs', { body: inputs(...many) }, 'INPUT_UNKNOWN'],
    [
      'an output twice',
      { body: JSON.stringify({ inputs: [x], outputs: [{ name: 'y' }, { name: 'y' }] }) },
      'INFER_REQUEST_INVALID',
    ],
    [
      'outputs that are no list',
      { body: JSON.stringify({ inputs: [x], outputs: { name: 'y' } }) },
      'INFER_REQUEST_INVALID',
    ],
    [
      'parameters in parameters',
      { body: `{"inputs":[],"parameters":{"a":${deep(50)}}}` },
      'INFER_REQUEST_INVALID',
    ],
    [
      'an unknown datatype',
      { body: inputs({ ...x, datatype: 'toString' }) },
      'INFER_REQUEST_INVALID',
    ],
    [
      'classes below 0',
      {
        body: JSON.stringify({
          inputs: [x],
          outputs: [{ name: 'y', parameters: { classification: -1 } }],
        }),
      },
      'INFER_REQUEST_INVALID',
    ],
    [
      'an encoding that is unknown',
      { headers: ['Content-Encoding: zstd'], body: inputs(x) },
      'CONTENT_ENCODING_UNSUPPORTED',
    ],
    [
      'gzip that is none',
      { headers: ['Content-Encoding: gzip'], body: inputs(x) },
      'BODY_ENCODING_INVALID',
    ],
    [
      'a bomb of JSON',
      { headers: ['Content-Encoding: gzip'], body: gzipSync('['.repeat(70 * 1024 ** 2)) },
      'BODY_TOO_LARGE',
    ],
    [
      'a model that is not there',
      { path: '/v2/models/..%2f..%2fetc/infer', body: inputs(x) },
      'MODEL_NOT_FOUND',
    ],
    [
      'a version that is no number',
      { path: '/v2/models/simple/versions/x/infer', body: inputs(x) },
      'VERSION_NOT_FOUND',
    ],
    [
      'a name that is no UTF-8',
      { path: '/v2/models/%ff/infer', body: inputs(x) },
      'REQUEST_MALFORMED',
    ],
  ])('%s', expectRefusal);
});
