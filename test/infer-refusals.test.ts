/** What is wrong with an inference request is said with the name of the input, what came and what was expected. */

import { afterAll, afterEach, describe, expect, test } from 'vitest';
import type { Answer } from './support/http.ts';
import { post, request } from './support/http.ts';
import { writeModels } from './support/model-folder.ts';
import { startModelship, temporaryFolder } from './support/modelship.ts';
import { dataOf, inferBinary } from './support/open-inference.ts';

const folder = temporaryFolder();
writeModels(folder.path, 'simple', 'fails-on-zeros', 'dynamic-shape', 'exclaim', 'identity-uint8');
const server = await startModelship(folder.path);
const infer = (model: string): string => `${server.url}/v2/models/${model}/infer`;

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

// Whatever it was, the next one is answered.
afterEach(async () => {
  const inputs = [{ name: 'x', datatype: 'FP32', shape: [1, 1, 3], data: [1, 2, 3] }];
  expect(dataOf(await post(infer('dynamic-shape'), { inputs }))).toEqual({ sums: [1, 2, 3] });
});

function expectError(answer: Answer, status: number, code: string, message: RegExp): void {
  expect(answer.json).toEqual({ code, error: expect.stringMatching(message) });
  expect(answer.status).toBe(status);
  // KServe's client reads the body under exactly this type only.
  expect(answer.headers.get('content-type')).toBe('application/json');
}

const sixteen = Array.from({ length: 16 }, (_, i) => i);
const INPUT0 = { name: 'INPUT0', datatype: 'INT32', shape: [1, 16], data: sixteen };
const INPUT1 = { ...INPUT0, name: 'INPUT1' };
const simple = (...inputs: object[]) => post(infer('simple'), { inputs });

type Row = readonly [what: string, send: () => Promise<Answer>, code: string, message: RegExp];

describe('inputs', () => {
  test.each<Row>([
    [
      'missing',
      () => simple(INPUT0),
      'INPUT_MISSING',
      /Inputs of model simple are missing: INPUT1/,
    ],
    [
      'unknown',
      () => simple(INPUT0, { ...INPUT1, name: 'INPUT2' }),
      'INPUT_UNKNOWN',
      /no input "INPUT2"; its inputs: INPUT0, INPUT1/,
    ],
    ['twice', () => simple(INPUT0, INPUT1, INPUT0), 'INFER_REQUEST_INVALID', /given twice/],
    [
      'of another dtype',
      () => simple(INPUT0, { ...INPUT1, datatype: 'FP32' }),
      'INPUT_DTYPE_MISMATCH',
      /'INPUT1' data-type is 'FP32', but model 'simple' expects 'INT32'/,
    ],
    [
      'of a dtype that there is not',
      () => simple(INPUT0, { ...INPUT1, datatype: 'float32' }),
      'INFER_REQUEST_INVALID',
      /'INPUT1' has the unknown datatype 'float32'/,
    ],
    [
      'of another shape',
      () => simple(INPUT0, { ...INPUT1, shape: [16, 1] }),
      'INPUT_SHAPE_MISMATCH',
      /Expected \[-1, 16\], got \[16, 1\]/,
    ],
    [
      'of another rank',
      () => simple(INPUT0, { ...INPUT1, shape: [16] }),
      'INPUT_SHAPE_MISMATCH',
      /Expected \[-1, 16\], got \[16\]/,
    ],
    [
      'with too few elements',
      () => simple(INPUT0, { ...INPUT1, data: [1] }),
      'INPUT_DATA_INVALID',
      /'INPUT1' is invalid: it has 1 elements; the shape \[1, 16\] takes 16/,
    ],
    [
      'with an element of another type',
      () => simple(INPUT0, { ...INPUT1, data: sixteen.map(String) }),
      'INPUT_DATA_INVALID',
      /"0" is not an integer/,
    ],
    [
      'with a number out of range',
      () =>
        post(infer('identity-uint8'), {
          inputs: [{ name: 'x', datatype: 'UINT8', shape: [1, 1], data: [256] }],
        }),
      'INPUT_DATA_INVALID',
      /256 does not fit into UINT8/,
    ],
    [
      'without data',
      () => simple(INPUT0, { ...INPUT1, data: undefined }),
      'INFER_REQUEST_INVALID',
      /'INPUT1' needs either data or/,
    ],
    [
      'with a negative dimension',
      () => simple(INPUT0, { ...INPUT1, shape: [-1, 16] }),
      'INFER_REQUEST_INVALID',
      /inputs\.1\.shape\.0/,
    ],
    ['none', () => simple(), 'INFER_REQUEST_INVALID', /inputs/],
  ])('%s', async (_, send, code, message) => {
    expectError(await send(), 400, code, message);
  });
});

describe('the body', () => {
  test.each<Row>([
    [
      'none',
      () => request(infer('simple'), { method: 'POST' }),
      'BODY_EMPTY',
      /an inference request/,
    ],
    ['no JSON', () => post(infer('simple'), '{"inputs": [}'), 'JSON_INVALID', /not valid JSON/],
    [
      'no object',
      () => post(infer('simple'), '[]'),
      'INFER_REQUEST_INVALID',
      /body: expected an object/,
    ],
    [
      'an output that there is not',
      () => post(infer('simple'), { inputs: [INPUT0, INPUT1], outputs: [{ name: 'y' }] }),
      'OUTPUT_UNKNOWN',
      /no output "y"; its outputs: OUTPUT0, OUTPUT1/,
    ],
    [
      'a header length beyond the body',
      () => post(infer('simple'), '{}', { 'inference-header-content-length': '99' }),
      'INFER_REQUEST_INVALID',
      /Inference-Header-Content-Length is "99", but the body has 2 bytes/,
    ],
    [
      'a header length that is no number',
      () => post(infer('simple'), '{}', { 'inference-header-content-length': 'two' }),
      'INFER_REQUEST_INVALID',
      /Inference-Header-Content-Length is "two"/,
    ],
  ])('%s', async (_, send, code, message) => {
    expectError(await send(), 400, code, message);
  });

  test.each([
    ['too short', 3, /4 elements|takes 4|3 bytes/],
    ['too long', 5, /5 bytes/],
  ])('binary data %s for its shape', async (_, size, message) => {
    const x = { name: 'x', datatype: 'UINT8', shape: [2, 2], bytes: Buffer.alloc(size) };
    const answer = await inferBinary(infer('identity-uint8'), [x]);
    expect(answer).toMatchObject({ status: 400, json: { code: 'INPUT_DATA_INVALID' } });
    expect(answer.json.error).toMatch(message);
  });

  test.each([
    ['a length beyond the data', Buffer.of(9, 0, 0, 0, 65)],
    ['half a length', Buffer.of(1, 0, 0, 0, 65, 1)],
    ['two where one is expected', Buffer.of(0, 0, 0, 0, 0, 0, 0, 0)],
  ])('strings with %s', async (_, bytes) => {
    const texts = { name: 'texts', datatype: 'BYTES', shape: [1], bytes };
    const answer = await inferBinary(infer('exclaim'), [texts]);
    expect(answer).toMatchObject({ status: 400, json: { code: 'INPUT_DATA_INVALID' } });
  });

  test.each([
    ['UTF-8', Buffer.of(2, 0, 0, 0, 0xff, 0xfe), /not valid UTF-8/],
    ['without NUL', Buffer.of(2, 0, 0, 0, 65, 0), /NUL/],
  ])('strings that are not %s', async (_, bytes, message) => {
    const texts = { name: 'texts', datatype: 'BYTES', shape: [1], bytes };
    const answer = await inferBinary(infer('exclaim'), [texts]);
    expect(answer).toMatchObject({ status: 400, json: { code: 'INPUT_DATA_INVALID' } });
    expect(answer.json.error).toMatch(message);
  });
});

test('an unknown model is refused with those that are there', async () => {
  const answer = await post(infer('nothing'), { inputs: [INPUT0] });
  const all =
    /'nothing' is not found; models here: dynamic-shape, exclaim, fails-on-zeros, identity-uint8, simple/;
  expectError(answer, 404, 'MODEL_NOT_FOUND', all);
});

test('a model that fails its warm-up is not served, and says why', async () => {
  const inputs = [{ name: 'x', datatype: 'FP32', shape: [1, 2], data: [1, 2] }];
  const answer = await post(infer('fails-on-zeros'), { inputs });
  expectError(answer, 503, 'MODEL_NOT_READY', /FAILED: .*fails its warm-up run.*out of/);
});
