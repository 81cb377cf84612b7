/**
 * Open Inference REST beside inference, and what its extensions add to it: each answer whole, so that a
 * change of the contract shows.
 */

import type { IncomingMessage } from 'node:http';
import { request as openRequest } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { deflateSync, gunzipSync, gzipSync, inflateSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import type { Answer } from './support/http.ts';
import { post, request } from './support/http.ts';
import { writeModels, writeYaml } from './support/model-folder.ts';
import { startModelship, temporaryFolder } from './support/modelship.ts';
import { dataOf, floatsOf, inferBinary, packStrings } from './support/open-inference.ts';

const folder = temporaryFolder();
writeModels(folder.path, 'simple', 'half-plus-two', 'identity-bytes', 'identity-fp32', 'mlp');
writeModels(folder.path, 'dynamic-shape', 'exclaim', 'fails-on-zeros', 'slow', 'any-rank');
writeYaml(
  `${folder.path}/mlp`,
  'output: {labels: [zero, one, two, three, four, five, six, seven, eight, nine]}',
);
const server = await startModelship(folder.path);
const at = (path: string): string => `${server.url}${path}`;
const get = (path: string): Promise<Answer> => request(at(path));
const infer = (model: string): string => at(`/v2/models/${model}/infer`);

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

/** POSTs and gives the answer's bytes as they come, which `fetch` would unpack. */
async function packed(url: string, body: string, encoding: string) {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const headers = { 'accept-encoding': encoding };
    openRequest(url, { method: 'POST', headers }, resolve).on('error', reject).end(body);
  });
  return { headers: answer.headers, body: await buffer(answer) };
}

const sixteen = Array.from({ length: 16 }, (_, i) => i);
const INPUT0 = { name: 'INPUT0', datatype: 'INT32', shape: [1, 16], data: sixteen };
const INPUT1 = { ...INPUT0, name: 'INPUT1', data: new Array(16).fill(1) };
const sums = sixteen.map((i) => i + 1);
const differences = sixteen.map((i) => i - 1);
const simple = { inputs: [INPUT0, INPUT1] };

describe('metadata', () => {
  test('of the server', async () => {
    expect(await get('/v2')).toMatchObject({
      status: 200,
      json: {
        name: 'modelship',
        version: expect.stringMatching(/^\d+\.\d+\.\d+/),
        extensions: [
          'classification',
          'model_repository',
          'schedule_policy',
          'model_configuration',
          'statistics',
          'binary_tensor_data',
          'parameters',
        ],
      },
    });
  });

  test.each(['/v2/models/simple', '/v2/models/simple/versions/1'])(
    'of a model: %s',
    async (path) => {
      const tensor = (name: string) => ({ name, datatype: 'INT32', shape: [-1, 16] });
      expect((await get(path)).json).toEqual({
        name: 'simple',
        versions: ['1'],
        platform: 'onnxruntime_onnx',
        inputs: [tensor('INPUT0'), tensor('INPUT1')],
        outputs: [tensor('OUTPUT0'), tensor('OUTPUT1')],
      });
    },
  );

  test('of a model that does not serve is there all the same', async () => {
    expect((await get('/v2/models/fails-on-zeros')).json).toMatchObject({
      versions: [],
      inputs: [{}],
    });
  });

  test('of the configuration, as perf_analyzer reads it', async () => {
    expect((await get('/v2/models/simple/config')).json).toMatchObject({
      name: 'simple',
      platform: 'onnxruntime_onnx',
      max_batch_size: expect.any(Number),
      input: [
        { name: 'INPUT0', data_type: 'TYPE_INT32', dims: [16] },
        { name: 'INPUT1', data_type: 'TYPE_INT32', dims: [16] },
      ],
      output: [
        { name: 'OUTPUT0', data_type: 'TYPE_INT32', dims: [16] },
        { name: 'OUTPUT1', data_type: 'TYPE_INT32', dims: [16] },
      ],
      model_transaction_policy: { decoupled: false },
    });
    expect((await get('/v2/models/simple/versions/1/config')).json.max_batch_size).toBeGreaterThan(
      7,
    );
  });

  test.each([
    ['/v2/models/x', /unknown model: 'x' is not found/],
    ['/v2/models/x/config', /unknown model: 'x' is not found/],
    ['/v2/models/x/stats', /unknown model: 'x' is not found/],
    ['/v2/models/x/ready', /unknown model: 'x' is not found/],
    ['/v2/models/simple/versions/2', /no version "2"/],
    ['/v2/models/simple/versions/2/stats', /no version "2"/],
  ])('of what is not there: %s', async (path, error) => {
    expect(await get(path)).toMatchObject({
      status: 404,
      json: { error: expect.stringMatching(error) },
    });
  });
});

describe('health', () => {
  test.each([
    ['/v2/health/live', { live: true }],
    ['/v2/health/ready', { ready: true }],
    [
      '/v2/models/simple/ready',
      { name: 'simple', version: '1', ready: true, state: 'READY', reason: null },
    ],
  ])('%s', async (path, json) => {
    expect(await get(path)).toMatchObject({ status: 200, json });
  });

  test('a model that does not serve is not ready, and the server is', async () => {
    expect(await get('/v2/models/fails-on-zeros/versions/1/ready')).toMatchObject({
      status: 503,
      json: { ready: false, state: 'FAILED' },
    });
  });
});

describe('statistics', () => {
  test('count what was asked, of one model and of all', async () => {
    const before = (await get('/v2/models/simple/stats')).json.model_stats[0];
    const two = (input: object & { data: number[] }) => ({
      ...input,
      shape: [2, 16],
      data: [...input.data, ...input.data],
    });
    await post(infer('simple'), { inputs: [two(INPUT0), two(INPUT1)] });
    await post(infer('simple'), simple);
    await post(infer('simple'), { inputs: [INPUT0] });
    const after = (await get('/v2/models/simple/versions/1/stats')).json.model_stats[0];
    expect(after).toMatchObject({ name: 'simple', version: '1' });
    expect(after.inference_count - before.inference_count).toBe(3);
    expect(after.execution_count - before.execution_count).toBe(2);
    const count = (name: string): number =>
      after.inference_stats[name].count - before.inference_stats[name].count;
    expect(['success', 'fail', 'queue', 'compute_infer'].map(count)).toEqual([2, 1, 2, 2]);
    expect(after.inference_stats.success.ns).toBeGreaterThan(0);
    expect(after.batch_stats.map((row: { batch_size: number }) => row.batch_size)).toEqual([1, 2]);
    const all = (await get('/v2/models/stats')).json.model_stats;
    expect(all).toContainEqual(after);
    expect(all).toHaveLength(10);
  });
});

describe('the repository', () => {
  test('has an index of everything, or of what serves', async () => {
    const index = (await post(at('/v2/repository/index'), '')).json;
    expect(index).toContainEqual({ name: 'simple', version: '1', state: 'READY', reason: '' });
    expect(index).toContainEqual({
      name: 'fails-on-zeros',
      version: '1',
      state: 'UNAVAILABLE',
      reason: expect.stringContaining('warm-up'),
    });
    const ready = (await post(at('/v2/repository/index'), { ready: true })).json;
    expect(ready).toHaveLength(index.length - 1);
  });

  test.each(['load', 'unload'])('refuses to %s unless that is allowed', async (verb) => {
    const answer = await post(at(`/v2/repository/models/simple/${verb}`), {});
    expect(answer).toMatchObject({ status: 403, json: { code: 'MODEL_CONTROL_REFUSED' } });
    expect(answer.json.error).toContain('--model-control explicit');
  });

  test.each([
    ['index', '[]', 400, /body: expected an object/],
    ['index', '{"ready": 1}', 400, /ready: expected true or false/],
    ['index', '{', 400, /not valid JSON/],
    ['models/simple/load', '{"parameters": {"config": "{}"}}', 403, /--model-control explicit/],
    ['models/simple/load', '{"parameters": {"config": "{"}}', 400, /parameters\.config: expected/],
    ['models/simple/load', '{"parameters": {"config": 1}}', 400, /parameters\.config: expected/],
    ['models/simple/load', '{"parameters": {"file:1/model.onnx": "AA=="}}', 501, /"file:1/],
  ])('refuses %s %s', async (path, body, status, error) => {
    const answer = await post(at(`/v2/repository/${path}`), body);
    expect(answer).toMatchObject({ status, json: { error: expect.stringMatching(error) } });
  });
});

describe('what is not offered', () => {
  test.each([
    ['POST', '/v2/models/simple/generate', /text generation/],
    ['POST', '/v2/models/simple/versions/1/generate_stream', /text generation/],
    ['GET', '/v2/logging', /log settings/],
    ['POST', '/v2/logging', /log settings/],
    ['GET', '/v2/trace/setting', /trace settings/],
    ['POST', '/v2/models/simple/trace/setting', /trace settings/],
    ['GET', '/v2/systemsharedmemory/status', /shared memory/],
    ['POST', '/v2/systemsharedmemory/region/a/register', /shared memory/],
    ['POST', '/v2/cudasharedmemory/unregister', /shared memory/],
  ])('%s %s is 501', async (method, path, error) => {
    const answer = await request(at(path), {
      method,
      ...(method === 'POST' ? { body: '{}' } : {}),
    });
    expect(answer).toMatchObject({ status: 501, json: { code: 'FEATURE_UNSUPPORTED' } });
    expect(answer.json.error).toMatch(error);
  });

  test.each([
    ['POST', '/v2', 405],
    ['PUT', '/v2/models/simple/infer', 405],
    ['GET', '/v2/models/simple/infer', 405],
    ['GET', '/v2/repository/index', 405],
    ['POST', '/v2/models/simple/config', 405],
    ['GET', '/v2/nothing', 404],
    ['GET', '/v2/models/simple/nothing', 404],
  ])('%s %s is %d with an error as the protocol has it', async (method, path, status) => {
    const answer = await request(at(path), { method });
    expect([answer.status, Object.keys(answer.json)]).toEqual([status, ['error', 'code']]);
  });
});

describe('inference', () => {
  test("the golden request of Triton's simple model, whole", async () => {
    const answer = await post(infer('simple'), { id: '42', ...simple });
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(answer.json).toEqual({
      id: '42',
      model_name: 'simple',
      model_version: '1',
      outputs: [
        { name: 'OUTPUT0', datatype: 'INT32', shape: [1, 16], data: sums },
        { name: 'OUTPUT1', datatype: 'INT32', shape: [1, 16], data: differences },
      ],
    });
  });

  test('a raw request is the only input, and its answer is binary', async () => {
    const body = Float32Array.of(2, 3, 4);
    const answer = await fetch(infer('half-plus-two'), {
      method: 'POST',
      headers: { 'inference-header-content-length': '0' },
      body,
    });
    const bytes = Buffer.from(await answer.arrayBuffer());
    const length = Number(answer.headers.get('inference-header-content-length'));
    expect(JSON.parse(bytes.subarray(0, length).toString())).toEqual({
      model_name: 'half-plus-two',
      model_version: '1',
      outputs: [{ name: 'y', datatype: 'FP32', shape: [3], parameters: { binary_data_size: 12 } }],
    });
    expect(floatsOf(bytes.subarray(length))).toEqual([3, 3.5, 4]);
  });

  test.each([
    ['simple', 'Raw request must only have 1 input'],
    ['dynamic-shape', 'The data of input'],
    ['any-rank', 'more than one variable-sized dimension'],
    ['identity-bytes', undefined],
  ])('a raw request to %s', async (model, problem) => {
    const answer = await fetch(infer(model), {
      method: 'POST',
      headers: { 'inference-header-content-length': '0' },
      body: 'seven b',
    });
    const text = await answer.text();
    expect([answer.status, text]).toEqual(
      problem ? [400, expect.stringContaining(problem)] : [200, expect.stringContaining('seven b')],
    );
  });

  test('an output may be its best classes, as JSON or binary, with labels', async () => {
    const bytes = Buffer.from(Float32Array.from({ length: 128 }, (_, i) => Math.sin(i)).buffer);
    const x = { name: 'x', datatype: 'FP32', shape: [2, 64], bytes };
    const classes = (parameters: object) => ({
      outputs: [{ name: 'scores', parameters: { classification: 3, ...parameters } }],
    });
    const plain = await inferBinary(infer('mlp'), [x]);
    const scores = floatsOf(plain.binary.scores);
    const best = scores.slice(0, 10).indexOf(Math.max(...scores.slice(0, 10)));
    const names = 'zero one two three four five six seven eight nine'.split(' ');
    const json = await inferBinary(infer('mlp'), [x], classes({ binary_data: false }));
    const [output] = json.json.outputs;
    expect(output).toMatchObject({ name: 'scores', datatype: 'BYTES', shape: [2, 3] });
    expect(output.data).toHaveLength(6);
    expect(output.data[0]).toBe(`${scores[best]?.toFixed(6)}:${best}:${names[best]}`);
    const binary = await inferBinary(infer('mlp'), [x], classes({ binary_data: true }));
    expect(binary.binary.scores).toEqual(packStrings(output.data));
  });

  test('classes of texts are refused before anything runs', async () => {
    const inputs = [{ name: 'texts', datatype: 'BYTES', shape: [1], data: ['a'] }];
    const outputs = [{ name: 'loud', parameters: { classification: 1 } }];
    const answer = await post(infer('exclaim'), { inputs, outputs });
    expect(answer).toMatchObject({ status: 400, json: { code: 'CLASSIFICATION_UNAVAILABLE' } });
    expect(answer.json.error).toContain("due to unsupported type 'BYTES'");
  });

  test('a time limit of the request, in microseconds, is kept', async () => {
    const inputs = [{ name: 'x', datatype: 'FP32', shape: [1, 4], data: [1, 2, 3, 4] }];
    const answer = await post(infer('identity-fp32'), { inputs, parameters: { timeout: 1 } });
    expect([429, 504]).toContain(answer.status);
    const enough = { timeout: 20_000_000, priority: 2 };
    expect(await post(infer('identity-fp32'), { inputs, parameters: enough })).toMatchObject({
      status: 200,
    });
  });
});

describe('compression', () => {
  const body = Buffer.from(JSON.stringify(simple));

  test.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
  ] as const)('of a request in %s', async (encoding, pack) => {
    const answer = await post(infer('simple'), pack(body), { 'content-encoding': encoding });
    expect(dataOf(answer)).toEqual({ OUTPUT0: sums, OUTPUT1: differences });
  });

  test('of a request with binary data counts its header unpacked', async () => {
    const inputs = [
      { name: 'x', datatype: 'FP32', shape: [1, 2], parameters: { binary_data_size: 8 } },
    ];
    const json = Buffer.from(JSON.stringify({ inputs }));
    const bytes = Buffer.from(Float32Array.of(1, 2).buffer);
    const answer = await post(infer('identity-fp32'), gzipSync(Buffer.concat([json, bytes])), {
      'content-encoding': 'gzip',
      'inference-header-content-length': String(json.length),
    });
    expect(dataOf(answer)).toEqual({ y: [1, 2] });
  });

  test.each([
    ['gzip', gunzipSync],
    ['deflate', inflateSync],
  ] as const)(
    'of an answer in %s, which is sent as it is when it is short',
    async (encoding, unpack) => {
      const ask = async (rows: number) => {
        const data = Array.from({ length: rows * 4 }, (_, i) => i);
        const inputs = [{ name: 'x', datatype: 'FP32', shape: [rows, 4], data }];
        return packed(infer('identity-fp32'), JSON.stringify({ inputs }), encoding);
      };
      const short = await ask(1);
      expect(short.headers['content-encoding']).toBeUndefined();
      const long = await ask(1000);
      expect(long.headers['content-encoding']).toBe(encoding);
      expect(JSON.parse(unpack(long.body).toString()).outputs[0].data.at(-1)).toBe(3999);
    },
  );

  test.each([
    ['a bomb', gzipSync(Buffer.alloc(65 * 1024 ** 2)), 'gzip', 413, 'BODY_TOO_LARGE'],
    ['no gzip', body, 'gzip', 400, 'BODY_ENCODING_INVALID'],
    ['cut short', gzipSync(body).subarray(0, 40), 'gzip', 400, 'BODY_ENCODING_INVALID'],
    ['of an unknown kind', body, 'br', 501, 'CONTENT_ENCODING_UNSUPPORTED'],
    ['twice', gzipSync(gzipSync(body)), 'gzip, gzip', 501, 'CONTENT_ENCODING_UNSUPPORTED'],
  ] as const)('%s is refused', async (_, bytes, encoding, status, code) => {
    const answer = await post(infer('simple'), bytes, { 'content-encoding': encoding });
    expect(answer).toMatchObject({ status, json: { code } });
    if (status === 501) expect(answer.headers.get('accept-encoding')).toBe('gzip, deflate');
  });
});
