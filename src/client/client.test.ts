import { describe, expect, test } from 'vitest';
import { parseInferBody } from '../protocol/open-inference/infer-request.ts';
import { runNow } from '../protocol/steps.ts';
import type { ClientOptions, InferInput } from './client.ts';
import { createClient, ModelshipError, textsOf } from './client.ts';

interface Sent {
  readonly url: string;
  readonly init: RequestInit;
}

type Reply = Response | Error | ((init: RequestInit) => Promise<Response>);

/** A client whose requests are kept and answered by the replies in turn. */
function createStub(replies: Reply[], options: ClientOptions = {}) {
  const sent: Sent[] = [];
  const fetch = async (url: unknown, init: RequestInit = {}): Promise<Response> => {
    sent.push({ url: String(url), init });
    const reply = replies.shift();
    if (!reply) throw new Error('no reply is left');
    if (reply instanceof Error) throw reply;
    return typeof reply === 'function' ? await reply(init) : reply;
  };
  return { client: createClient('http://server:8080/', { fetch, ...options }), sent };
}

const json = (value: unknown, status = 200, headers: Record<string, string> = {}): Response =>
  new Response(JSON.stringify(value), { status, headers });

const x: InferInput = { name: 'x', dtype: 'FP32', shape: [2], data: Float32Array.of(0.5, -1) };
const answered = { model_name: 'm', model_version: '1', outputs: [] };

/** A binary answer. */
function binary(outputs: object[], ...parts: Uint8Array[]): Response {
  const header = Buffer.from(JSON.stringify({ ...answered, outputs }));
  return new Response(Buffer.concat([header, ...parts]), {
    headers: { 'inference-header-content-length': String(header.length) },
  });
}

const headersOf = ({ init }: Sent): Headers => new Headers(init.headers);

describe('a call', () => {
  test('is what the server reads', async () => {
    const { client, sent } = createStub([json(answered)]);
    const inputs: InferInput[] = [
      { ...x, data: [0.5, -1] },
      { name: 'i', dtype: 'INT64', shape: [1, 2], data: [2n ** 63n - 1n, 3] },
      { name: 's', dtype: 'BYTES', shape: [2], data: ['é', Uint8Array.of(255)] },
      { name: 'b', dtype: 'BOOL', shape: [2], data: [true, false] },
      { name: 'v', dtype: 'UINT8', shape: [2], data: Uint8Array.of(9, 8, 7).subarray(1) },
    ];
    await client.infer('m /é', { inputs, outputs: ['y'], id: 'a' }, { version: '2' });
    const [one] = sent as [Sent];
    expect(one.url).toBe('http://server:8080/v2/models/m%20%2F%C3%A9/versions/2/infer');
    const body = Buffer.from(await (one.init.body as Blob).arrayBuffer());
    const length = headersOf(one).get('inference-header-content-length') ?? '';
    const read = runNow(parseInferBody(body, length));
    expect(read).toMatchObject({
      id: 'a',
      binaryByDefault: true,
      outputs: [{ name: 'y', binary: true }],
    });
    expect(read.inputs.map(({ name, data }) => [name, Buffer.from(data).toString('hex')])).toEqual([
      ['x', '0000003f000080bf'],
      ['i', 'ffffffffffffff7f0300000000000000'],
      ['s', '02000000c3a901000000ff'],
      ['b', '0100'],
      ['v', '0807'],
    ]);
  });

  test.each<[string, InferInput]>([
    ['takes 2', { ...x, data: [1] }],
    ['Float64Array, which is not FP32', { ...x, data: Float64Array.of(1, 2) as never }],
    ['a string among its FP32', { ...x, data: ['1', 2] }],
    ['BYTES is a string', { ...x, dtype: 'BYTES', data: [1, 2] }],
  ])('that does not fit is not sent: %s', async (problem, input) => {
    const { client, sent } = createStub([]);
    await expect(client.infer('m', { inputs: [input] })).rejects.toThrow(problem);
    expect(sent).toEqual([]);
  });
});

describe('an answer', () => {
  const infer = (reply: Response) => createStub([reply]).client.infer('m', { inputs: [x] });

  test('has typed arrays, wherever its parts begin', async () => {
    const reply = binary(
      [
        { name: 'u', datatype: 'UINT8', shape: [1], parameters: { binary_data_size: 1 } },
        { name: 'd', datatype: 'FP64', shape: [1, 1], parameters: { binary_data_size: 8 } },
        { name: 's', datatype: 'BYTES', shape: [2], parameters: { binary_data_size: 10 } },
      ],
      Uint8Array.of(7),
      new Uint8Array(Float64Array.of(Math.PI).buffer),
      Uint8Array.of(1, 0, 0, 0, 65, 1, 0, 0, 0, 66),
    );
    const { outputs, model, version } = await infer(reply);
    expect([model, version]).toEqual(['m', '1']);
    expect(outputs.slice(0, 2)).toEqual([
      { name: 'u', dtype: 'UINT8', shape: [1], data: Uint8Array.of(7) },
      { name: 'd', dtype: 'FP64', shape: [1, 1], data: Float64Array.of(Math.PI) },
    ]);
    const [, , s] = outputs;
    expect(s?.dtype === 'BYTES' && textsOf(s.data)).toEqual(['A', 'B']);
  });

  test('in JSON, flat or nested, has them too', async () => {
    const outputs = [
      { name: 'a', datatype: 'FP32', shape: [2, 1], data: [[0.5], [2]] },
      { name: 'b', datatype: 'INT64', shape: [1], data: [3] },
    ];
    const answer = await infer(json({ ...answered, outputs }));
    expect(answer.outputs.map(({ data }) => data)).toEqual([
      Float32Array.of(0.5, 2),
      BigInt64Array.of(3n),
    ]);
  });

  const output = { name: 'u', datatype: 'UINT8', shape: [2], parameters: { binary_data_size: 2 } };
  test.each<[string, () => Response]>([
    ['no JSON', () => new Response('<html>')],
    ['no outputs', () => json({})],
    ['a number for JSON', () => json(5)],
    [
      'a header beyond its end',
      () => new Response('{}', { headers: { 'inference-header-content-length': '9' } }),
    ],
    ['bytes too few', () => binary([output], Uint8Array.of(1))],
    ['bytes too many', () => binary([output], Uint8Array.of(1, 2, 3))],
    ['another size', () => binary([{ ...output, shape: [3] }], Uint8Array.of(1, 2))],
    [
      'no such datatype',
      () => binary([{ ...output, datatype: 'constructor' }], Uint8Array.of(1, 2)),
    ],
    ['neither data nor bytes', () => json({ outputs: [{ ...output, parameters: {} }] })],
  ])('with %s is refused', async (_, reply) => {
    await expect(infer(reply())).rejects.toMatchObject({
      code: 'ANSWER_INVALID',
      retryable: false,
    });
  });
});

describe('a failure', () => {
  test('has the code, status and message of the server', async () => {
    const { client } = createStub([json({ error: 'no "m"', code: 'MODEL_NOT_FOUND' }, 404)]);
    const error = await client.infer('m', { inputs: [x] }).catch((one: unknown) => one);
    expect(error).toBeInstanceOf(ModelshipError);
    expect(error).toMatchObject({
      ...{ message: 'no "m"', code: 'MODEL_NOT_FOUND', status: 404, retryable: false },
    });
  });

  test.each<[string, Reply, object]>([
    [
      'a page of a proxy',
      new Response('<html>bad gateway', { status: 502 }),
      { code: 'HTTP_ERROR', retryable: true },
    ],
    [
      'a full queue',
      json({ error: 'full', code: 'QUEUE_FULL' }, 429, { 'retry-after': '2' }),
      { retryAfterMs: 2000, retryable: true },
    ],
    [
      'no connection',
      new TypeError('fetch failed'),
      { code: 'CONNECTION_FAILED', status: 0, retryable: true },
    ],
    [
      'no answer in time',
      new DOMException('late', 'TimeoutError'),
      { code: 'ANSWER_TOO_LATE', retryable: true },
    ],
  ])('%s', async (_, reply, facts) => {
    const { client, sent } = createStub([reply]);
    await expect(client.serverMetadata()).rejects.toMatchObject(facts);
    expect(sent.length).toBe(1);
  });

  test('is tried again where that was asked for and can help', async () => {
    const busy = (): Response =>
      json({ error: 'full', code: 'QUEUE_FULL' }, 429, { 'retry-after': '0' });
    const { client, sent } = createStub([busy(), busy(), json(answered)], { retries: 2 });
    await client.infer('m', { inputs: [x] });
    expect(sent.length).toBe(3);
    const refused = createStub([json({ error: 'bad' }, 400)], { retries: 2 });
    await expect(refused.client.infer('m', { inputs: [x] })).rejects.toThrow('bad');
    expect(refused.sent.length).toBe(1);
  });

  test('of the caller himself is his own reason, also between two tries', async () => {
    const controller = new AbortController();
    const reason = new Error('changed my mind');
    const busy = json({ error: 'full' }, 503, { 'retry-after': '1000' });
    const { client, sent } = createStub([busy], { retries: 5, signal: controller.signal });
    const call = client.infer('m', { inputs: [x] });
    setImmediate(() => controller.abort(reason));
    await expect(call).rejects.toBe(reason);
    expect(sent.length).toBe(1);
  });
});

test('the server is told the time limit, and what every request is to carry', async () => {
  const options = { timeoutMs: 1500, headers: { authorization: 'Bearer a' } };
  const { client, sent } = createStub([json({}), json({})], options);
  await client.serverMetadata();
  await client.modelMetadata('m', { timeoutMs: 20 });
  expect(sent.map((one) => headersOf(one).get('x-request-timeout-ms'))).toEqual(['1500', '20']);
  expect(headersOf(sent[1] as Sent).get('authorization')).toBe('Bearer a');
});

test('readiness is yes or no, and a model that is not there is neither', async () => {
  const { client, sent } = createStub([
    new Response('{"ready":true}'),
    json({ error: 'loading' }, 503),
    new TypeError('refused'),
    json({ error: 'no model', code: 'MODEL_NOT_FOUND' }, 404),
  ]);
  expect([await client.isReady(), await client.isModelReady('m'), await client.isLive()]).toEqual([
    ...[true, false, false],
  ]);
  await expect(client.isModelReady('n', { version: '3' })).rejects.toThrow('no model');
  expect(sent.map(({ url }) => url.slice(18))).toEqual([
    ...[
      '/v2/health/ready',
      '/v2/models/m/ready',
      '/v2/health/live',
      '/v2/models/n/versions/3/ready',
    ],
  ]);
});

test('pictures are a form, one or several', async () => {
  const predictions = [{ label: '7', probability: 0.9 }];
  const { client, sent } = createStub([
    json({ predictions, success: true }),
    json({ results: [{ predictions }, { predictions: [] }], success: true }),
    json({ predictions, success: true }),
  ]);
  const picture = Uint8Array.of(1, 2);
  expect(await client.predict(picture)).toEqual(predictions);
  expect(await client.predictAll([picture, new Blob([picture])], { model: 'd' })).toEqual([
    predictions,
    [],
  ]);
  expect(await client.predictAll([picture], { model: 'd', version: '1' })).toEqual([predictions]);
  expect(sent.map(({ url }) => url.slice(18))).toEqual([
    ...['/predict', '/models/d/predict', '/models/d/versions/1/predict'],
  ]);
  const files = ((sent[1] as Sent).init.body as FormData).getAll('image') as Blob[];
  expect(files.map(({ size }) => size)).toEqual([2, 2]);
});
