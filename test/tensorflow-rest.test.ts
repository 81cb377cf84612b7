/** Clients of TensorFlow Serving's REST API, and article 003's request in its JSON form. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync, gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { packBytes } from '../src/tensor/tensor.ts';
import { createRandom } from './models/random.ts';
import { elementsFor } from './models/runtime-dtypes.ts';
import { writeTestModel } from './models/test-models.ts';
import type { Answer } from './support/http.ts';
import { get, post, request } from './support/http.ts';
import { copyDigits, writeModels, writeYaml } from './support/model-folder.ts';
import { root, startModelship, temporaryFolder } from './support/modelship.ts';
import { floatsOf, inferBinary } from './support/open-inference.ts';

const folder = temporaryFolder();
writeModels(folder.path, 'half-plus-two', 'simple', 'multi-output', 'total', 'not-a-number');
writeModels(folder.path, 'identity-int64', 'identity-bool', 'identity-fp16', 'exclaim', 'opset-99');
writeTestModel(folder.path, 'half-plus-two', 1, 'versions');
writeTestModel(folder.path, 'not-a-number', 2, 'versions');
writeYaml(join(folder.path, 'versions'), 'versions: {policy: all}');
writeYaml(
  join(folder.path, 'exclaim'),
  'signatures:',
  '  raw: {inputs: {in_bytes: texts}, outputs: {out_bytes: loud}}',
);
copyDigits(folder.path);
const digitsYaml = readFileSync(join(folder.path, 'digits', 'model.yaml'), 'utf8');
writeYaml(
  join(folder.path, 'digits'),
  digitsYaml,
  'signatures: {predict_images: {inputs: {images: image}, outputs: {scores: logits}}}',
);
const server = await startModelship(folder.path);
const at = (path: string): string => `${server.url}${path}`;
const predict = (model: string, body: object | string): Promise<Answer> =>
  post(at(`/v1/models/${model}:predict`), body);

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

describe('half plus two answers as TensorFlow Serving says it does:', () => {
  test.each([
    [':predict', '{"instances":[2.0,3.0,4.0]}', '{"predictions":[3.0,3.5,4.0]}'],
    [':predict', '{"inputs":[2.0,3.0,4.0]}', '{"outputs":[3.0,3.5,4.0]}'],
    [
      ':predict',
      '{"instances":[{"x":2}],"signature_name":"serving_default"}',
      '{"predictions":[3.0]}',
    ],
    [':regress', '{"examples":[{"x":2.0}]}', '{"results":[3.0]}'],
    [':classify', '{"examples":[{"x":2.0}]}', '{"results":[[["",3.0]]]}'],
    ['/versions/1:predict', '{"instances":[2.0]}', '{"predictions":[3.0]}'],
  ])('%s %s', async (path, body, answer) => {
    const { status, text, headers } = await post(at(`/v1/models/half-plus-two${path}`), body);
    expect([status, text]).toEqual([200, answer]);
    expect(headers.get('content-type')).toBe('application/json');
  });

  test('whatever its content type, with garbage behind, in any case of the path', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'nonsense']) {
      const init = {
        method: 'POST',
        body: '{"instances":[2]} garbage',
        headers: { 'content-type': type },
      };
      const { status, text } = await request(at('/V1/MODELS/half-plus-two:PREDICT'), init);
      expect([status, text]).toEqual([200, '{"predictions":[3.0]}']);
    }
  });

  test('in a compressed body', async () => {
    const body = '{"instances":[2]}';
    for (const [encoding, packed] of [
      ['gzip', gzipSync(body)],
      ['deflate', deflateSync(body)],
    ] as const) {
      const headers = { 'content-encoding': encoding };
      const { text } = await post(at('/v1/models/half-plus-two:predict'), packed, headers);
      expect(text).toBe('{"predictions":[3.0]}');
    }
  });

  test('NaN and infinities, both ways', async () => {
    const init = { method: 'POST', body: '{"instances":[NaN,Infinity,-Infinity,-4]}' };
    const response = await fetch(at('/v1/models/half-plus-two:predict'), init);
    expect(await response.text()).toBe('{"predictions":[NaN,Infinity,-Infinity,0.0]}');
  });

  test('a hundred thousand numbers', async () => {
    const numbers = Array.from({ length: 100_000 }, (_, i) => i / 8);
    const { json } = await predict('half-plus-two', { instances: numbers });
    expect(json.predictions).toEqual(numbers.map((value) => value / 2 + 2));
  });
});

describe('several inputs and outputs', () => {
  const row = (first: number) => ({
    INPUT0: Array.from({ length: 16 }, (_, i) => i + first),
    INPUT1: new Array(16).fill(1),
  });

  test('are objects in rows', async () => {
    const { json } = await predict('simple', { instances: [row(0), row(100)] });
    expect(json.predictions.map((one: { OUTPUT0: number[] }) => one.OUTPUT0[15])).toEqual([
      16, 116,
    ]);
    expect(json.predictions[1].OUTPUT1).toEqual(Array.from({ length: 16 }, (_, i) => i + 99));
  });

  test('are columns in an object', async () => {
    const { INPUT0, INPUT1 } = row(0);
    const { json } = await predict('simple', { inputs: { INPUT0: [INPUT0], INPUT1: [INPUT1] } });
    expect(json.outputs.OUTPUT1).toEqual([Array.from({ length: 16 }, (_, i) => i - 1)]);
  });

  test('of several types', async () => {
    const { text } = await predict('multi-output', '{"instances":[[1,2,3,0.5]]}');
    expect(text).toBe('{"predictions":[{"double":[2.0,4.0,6.0,1.0],"sum":[6.5],"argmax":2}]}');
  });

  test('of classify and regress are found by their names or refused', async () => {
    const answer = await post(at('/v1/models/multi-output:classify'), {
      examples: [{ x: [1, 2, 3, 4] }],
    });
    expect([answer.status, answer.json.error]).toEqual([
      400,
      expect.stringContaining('no output "scores" and 2 float outputs'),
    ]);
  });
});

test('64-bit integers are exact', async () => {
  const { text } = await predict(
    'identity-int64',
    '{"instances":[[9007199254740993,-9223372036854775808]]}',
  );
  expect(text).toBe('{"predictions":[[9007199254740993,-9223372036854775808]]}');
});

test('booleans and texts', async () => {
  const bools = await predict('identity-bool', '{"instances":[[true,false]]}');
  expect(bools.text).toBe('{"predictions":[[true,false]]}');
  const texts = await predict('exclaim', '{"instances":["a",{"b64":"w6k="}]}');
  expect(texts.status).toBe(400);
  const plain = await predict('exclaim', { instances: ['a', 'é'] });
  expect(plain.json).toEqual({ predictions: ['a!', 'é!'] });
});

test('a signature of model.yaml has its own names, and bytes are base64', async () => {
  const b64 = (text: string) => ({ b64: Buffer.from(text).toString('base64') });
  const body = { signature_name: 'raw', instances: [b64('a'), b64('é')] };
  expect((await predict('exclaim', body)).json).toEqual({ predictions: [b64('a!'), b64('é!')] });
});

describe('a model of pictures', () => {
  const picture = (file: string): { b64: string } => ({
    b64: readFileSync(join(root, 'examples', 'digits', file)).toString('base64'),
  });
  const best = (scores: number[]): number => scores.indexOf(Math.max(...scores));

  test('takes them as article 003 sends them: predict_images, images → scores', async () => {
    const files = ['7.png', '3-embossed.jpg', '8.jpg'];
    const body = { signature_name: 'predict_images', inputs: { images: files.map(picture) } };
    const { status, json } = await predict('digits', body);
    expect([status, json.outputs.map(best)]).toEqual([200, [7, 3, 8]]);
    expect(json.outputs[0]).toHaveLength(10);
    const rows = {
      signature_name: 'predict_images',
      instances: files.map((file) => ({ images: picture(file) })),
    };
    expect((await predict('digits', rows)).json).toEqual({ predictions: json.outputs });
  });

  test('takes them in a BYTES tensor of Open Inference, and gives the same scores', async () => {
    const files = ['7.png', '3-embossed.jpg'];
    const elements = files.map((file) => readFileSync(join(root, 'examples', 'digits', file)));
    const bytes = packBytes(elements);
    const input = { name: 'images', datatype: 'BYTES', shape: [2], bytes };
    const answer = await inferBinary(at('/v2/models/digits/infer'), [input]);
    expect(answer.json.outputs).toMatchObject([
      { name: 'scores', datatype: 'FP32', shape: [2, 10] },
    ]);
    const body = { signature_name: 'predict_images', instances: files.map(picture) };
    const { json } = await predict('digits', body);
    expect(floatsOf(answer.binary.scores)).toEqual(json.predictions.flat().map(Math.fround));
  });

  test('gives the scores of the same picture on /predict', async () => {
    const body = { signature_name: 'predict_images', instances: [picture('5.png')] };
    const [scores] = (await predict('digits', body)).json.predictions as [number[]];
    const powers = scores.map((score) => Math.exp(score - Math.max(...scores)));
    const expected = (powers[5] as number) / powers.reduce((a, b) => a + b, 0);
    const bytes = readFileSync(join(root, 'examples', 'digits', '5.png'));
    const { json } = await post(at('/models/digits/predict'), bytes, {
      'content-type': 'image/png',
    });
    expect(json.predictions[0]).toMatchObject({ label: '5' });
    expect(json.predictions[0].probability).toBeCloseTo(expected, 4);
  });

  test('classifies them with its labels', async () => {
    const body = { signature_name: 'predict_images', examples: [{ images: picture('7.png') }] };
    const { json } = await post(at('/v1/models/digits:classify'), body);
    const [classes] = json.results as [[label: string, score: number][]];
    expect(classes.map(([label]) => label)).toEqual([
      '0',
      '1',
      '2',
      '3',
      '4',
      '5',
      '6',
      '7',
      '8',
      '9',
    ]);
    expect(best(classes.map(([, score]) => score))).toBe(7);
  });

  test('refuses what is no picture by its number', async () => {
    const body = {
      signature_name: 'predict_images',
      instances: [picture('7.png'), { b64: 'YWJj' }],
    };
    const { status, json } = await predict('digits', body);
    expect([status, json]).toEqual([
      400,
      { error: expect.stringContaining('picture 2 (input images)') },
    ]);
  });

  test('is described with its signatures', async () => {
    const { json } = await get(at('/v1/models/digits/metadata'));
    const signatures = json.metadata.signature_def.signature_def;
    expect(json.model_spec).toEqual({ name: 'digits', signature_name: '', version: '1' });
    expect(Object.keys(signatures)).toEqual(['serving_default', 'predict_images']);
    expect(signatures.predict_images.inputs).toEqual({
      images: {
        dtype: 'DT_STRING',
        tensor_shape: { dim: [{ size: '-1', name: '' }], unknown_rank: false },
        name: 'images:0',
      },
    });
    expect(signatures.predict_images.outputs.scores.dtype).toBe('DT_FLOAT');
  });
});

describe('the status', () => {
  test('of all versions, the newest first', async () => {
    const { text, json } = await get(at('/v1/models/versions'));
    expect(json.model_version_status.map((one: { version: string }) => one.version)).toEqual([
      '2',
      '1',
    ]);
    expect(text).toContain(
      '{"version":"1","state":"AVAILABLE","status":{"error_code":"OK","error_message":""}}',
    );
  });

  test('of one version', async () => {
    const { json } = await get(at('/v1/models/versions/versions/1'));
    expect(json.model_version_status).toMatchObject([{ version: '1', state: 'AVAILABLE' }]);
  });

  test('of a model that failed is an answer too', async () => {
    const { status, json } = await get(at('/v1/models/opset-99'));
    expect([status, json.model_version_status]).toEqual([
      200,
      [
        {
          version: '1',
          state: 'END',
          status: { error_code: 'UNKNOWN', error_message: expect.stringContaining('opset 99') },
        },
      ],
    ]);
  });
});

describe('refused with {"error": …}:', () => {
  const good = '{"instances":[2]}';
  /** No body where it is empty. */
  type Case = [status: number, error: string, method: string, path: string, body: string];

  test.each<Case>([
    [404, 'Servable not found for request: Latest(none)', 'POST', '/v1/models/none:predict', good],
    [
      404,
      'Servable not found for request: Specific(versions, 9)',
      'POST',
      '/v1/models/versions/versions/9:predict',
      good,
    ],
    [404, 'Servable not found for request: Latest(none)', 'GET', '/v1/models/none/metadata', ''],
    [404, 'Could not find any versions of model none', 'GET', '/v1/models/none', ''],
    [
      404,
      'Could not find version 9 of model versions',
      'GET',
      '/v1/models/versions/versions/9',
      '',
    ],
    [
      400,
      'Unrecognized servable version label: canary',
      'POST',
      '/v1/models/versions/labels/canary:predict',
      good,
    ],
    [
      400,
      'Malformed request: POST /v1/models/half-plus-two',
      'POST',
      '/v1/models/half-plus-two',
      good,
    ],
    [
      400,
      'Malformed request: GET /v1/models/half-plus-two:predict',
      'GET',
      '/v1/models/half-plus-two:predict',
      '',
    ],
    [
      400,
      'Malformed request: DELETE /v1/models/half-plus-two',
      'DELETE',
      '/v1/models/half-plus-two',
      '',
    ],
    [400, 'Malformed request: GET /v1/nothing', 'GET', '/v1/nothing?x=y', ''],
    [400, 'Missing model name in request.', 'GET', '/v1/models', ''],
    [
      400,
      'Serving signature name: "x" not found in signature def',
      'POST',
      '/v1/models/half-plus-two:predict',
      '{"signature_name":"x","instances":[2]}',
    ],
    [
      400,
      'JSON Parse error: The document is empty',
      'POST',
      '/v1/models/half-plus-two:predict',
      '',
    ],
    [400, 'JSON Parse error: ', 'POST', '/v1/models/half-plus-two:predict', '{"instances":'],
    [400, "Missing 'inputs' or 'instances' key", 'POST', '/v1/models/half-plus-two:predict', '{}'],
    [
      400,
      'is not of expected type: float',
      'POST',
      '/v1/models/half-plus-two:predict',
      '{"instances":["a"]}',
    ],
    [
      400,
      'Example 0 has no feature "x"',
      'POST',
      '/v1/models/half-plus-two:regress',
      '{"examples":[{"y":1}]}',
    ],
    [
      400,
      'unexpected shape for input',
      'POST',
      '/v1/models/half-plus-two:predict',
      '{"instances":[[1,2]]}',
    ],
    [
      400,
      'Tensor name: total has no shape information',
      'POST',
      '/v1/models/total:predict',
      '{"instances":[[1,2]]}',
    ],
    [
      501,
      'Conversion of JSON Value',
      'POST',
      '/v1/models/identity-fp16:predict',
      '{"instances":[[1]]}',
    ],
    [503, 'opset-99', 'POST', '/v1/models/opset-99:predict', good],
  ])('%d %s', async (status, error, method, path, body) => {
    const answer = await request(at(path), { method, ...(body === '' ? {} : { body }) });
    expect([answer.status, answer.json]).toEqual([
      status,
      { error: expect.stringContaining(error) },
    ]);
    expect((await predict('half-plus-two', good)).text).toBe('{"predictions":[3.0]}');
  });

  test('a path that cannot be decoded, and one that is not below /v1/', async () => {
    const broken = await get(at('/v1/models/%ff:predict'));
    expect([broken.status, broken.json]).toEqual([400, { error: expect.any(String) }]);
    expect((await get(at('/v1'))).status).toBe(404);
  });

  test('0-d outputs are fine in columns', async () => {
    expect((await predict('total', '{"inputs":[[1,2],[3,4]]}')).text).toBe('{"outputs":10.0}');
  });
});

test('whatever is sent is answered in the form of the protocol, and the next request too', async () => {
  const random = createRandom(55);
  const good = [
    ['half-plus-two', '{"signature_name":"serving_default","instances":[2.0,{"x":3},NaN]}'],
    ['simple', '{"inputs":{"INPUT0":[[1,2]],"INPUT1":[[3,4]]}}'],
    ['exclaim', '{"instances":["a",{"b64":"YQ=="},[["b"]]]}'],
    [
      'digits',
      '{"signature_name":"predict_images","instances":[{"images":{"b64":"/9j/4AAQSkZJRg=="}}]}',
    ],
  ] as const;
  const methods = ['predict', 'classify', 'regress'];
  const signs = '{}[]",:0.eE-+NaI\\tx\u0000\ud800';
  const answers = Array.from({ length: 600 }, async (_, i) => {
    const [model, text] = good[i % good.length] as (typeof good)[number];
    const body = Buffer.from(i % 5 === 0 ? text.replace(/instances|inputs/, 'examples') : text);
    for (let j = 0; j < i % 4; j += 1)
      body[Math.floor(random() * body.length)] = signs.charCodeAt(
        Math.floor(random() * signs.length),
      );
    const cut = i % 7 === 0 ? Math.floor(random() * body.length) : body.length;
    const url = at(`/v1/models/${model}:${methods[i % methods.length]}`);
    const response = await fetch(url, { method: 'POST', body: body.subarray(0, cut) });
    return { status: response.status, text: await response.text() };
  });
  const all = await Promise.all(answers);
  const odd = all.filter(
    ({ status, text }) =>
      status !== 200 &&
      (![400, 413, 429, 501].includes(status) || !/^\{"error":".+"\}$/.test(text)),
  );
  expect(odd).toEqual([]);
  expect(all.filter(({ status }) => status === 400).length).toBeGreaterThan(300);
  expect((await predict('half-plus-two', '{"instances":[2]}')).text).toBe('{"predictions":[3.0]}');
});

test('the smallest and largest integers come back', async () => {
  const numbers = Array.from(elementsFor('INT64', 6) as BigInt64Array, String);
  const { text } = await predict('identity-int64', `{"instances":[[${numbers.join(',')}]]}`);
  expect(text).toBe(`{"predictions":[[${numbers.join(',')}]]}`);
});
