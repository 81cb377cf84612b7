/** Long JSON requests: read exactly, while everybody else is answered, and let go when nobody waits. */

import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request as httpRequest } from 'node:http';
import { afterAll, expect, test } from 'vitest';
import { post, request } from './support/http.ts';
import { writeModels } from './support/model-folder.ts';
import { startModelship, temporaryFolder } from './support/modelship.ts';
import { waitUntil } from './support/wait-until.ts';

const folder = temporaryFolder();
writeModels(folder.path, 'identity-fp32', 'identity-int64', 'total');
const server = await startModelship(folder.path, { args: ['--request-timeout-ms', '120000'] });
const infer = (model: string): string => `${server.url}/v2/models/${model}/infer`;

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

/** A request of so many numbers, most of them made by repeating a piece. */
function longBody(datatype: string, numbers: readonly (number | string)[], times: number): Buffer {
  const rows = (numbers.length * times) / 2;
  const head = `{"inputs":[{"name":"x","datatype":"${datatype}","shape":[${rows},2],"data":[`;
  const piece = Buffer.from(`${numbers.join(',')},`);
  const pieces = Array.from({ length: times }, () => piece);
  const all = Buffer.concat([Buffer.from(head), ...pieces, Buffer.from(' ]}]}')]);
  // The last comma.
  all[all.length - 6] = 0x20;
  return all;
}

const floats = Array.from({ length: 20_000 }, (_, i) => Math.fround(Math.sin(i) * 10 ** (i % 5)));

test('/healthz is answered again and again while 60 MB of numbers are read', {
  timeout: 120_000,
}, async () => {
  const body = longBody('FP32', floats, Math.floor(60e6 / (floats.join().length + 1)));
  const sent = httpRequest(infer('total'), { method: 'POST' });
  const answer = once(sent, 'response') as Promise<[IncomingMessage]>;
  sent.end(body);
  await once(sent, 'finish');
  // All of it is on its way; from here on the server reads numbers.
  let isOver = false;
  const over = answer.then(([response]) => {
    isOver = true;
    response.resume();
    return response.statusCode;
  });
  let answered = 0;
  while (!isOver) {
    expect((await request(`${server.url}/healthz`)).status).toBe(200);
    answered += 1;
  }
  expect(await over).toBe(200);
  // Reading takes some hundred slices, and one is answered between any two; a general parser lets in one or two.
  expect(answered).toBeGreaterThan(10);
});

test('floats in slices come back bit for bit, and are written in slices', async () => {
  const answer = await post(infer('identity-fp32'), longBody('FP32', floats, 6));
  const [{ data, shape }] = answer.json.outputs;
  expect(shape).toEqual([60_000, 2]);
  const expected = Array.from({ length: 6 }, () => floats).flat();
  expect(Buffer.from(Float32Array.from(data).buffer)).toEqual(
    Buffer.from(Float32Array.from(expected).buffer),
  );
});

test('64-bit integers are exact both ways', async () => {
  const numbers = ['9223372036854775807', '-9223372036854775808', '9007199254740993', '-1'];
  for (const times of [1, 20_000]) {
    const body = longBody('INT64', numbers, times);
    const answer = await fetch(infer('identity-int64'), { method: 'POST', body });
    const text = await answer.text();
    expect(text).toContain(
      `"data":[${Array.from({ length: times }, () => numbers)
        .flat()
        .join()}]`,
    );
  }
});

test('NaN and the infinities go in and come out', async () => {
  const body =
    '{"inputs":[{"name":"x","datatype":"FP32","shape":[2,2],"data":[[NaN,-Infinity],[Infinity,-0.0]]}]}';
  const answer = await fetch(infer('identity-fp32'), { method: 'POST', body });
  expect(await answer.text()).toContain('"data":[NaN,-Infinity,Infinity,-0.0]');
});

test('a fault far into a long body is refused with its place', async () => {
  const body = longBody('FP32', floats, 20);
  body.write('x', 3_000_000);
  const answer = await post(infer('total'), body);
  expect(answer.status).toBe(400);
  expect(answer.json).toMatchObject({
    code: 'JSON_INVALID',
    error: expect.stringMatching(/at byte 30000\d\d/),
  });
});

test('a long body of nothing but small objects is refused', async () => {
  const body = `{"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[${'{},'.repeat(2e6)}{}]}]}`;
  const answer = await post(infer('total'), body);
  expect(answer).toMatchObject({ status: 413, json: { code: 'JSON_TOO_COMPLEX' } });
});

test('a client that leaves while its long body is read disturbs nobody', async () => {
  const body = longBody('FP32', floats, 150);
  const controller = new AbortController();
  const sent = fetch(infer('total'), { method: 'POST', body, signal: controller.signal });
  const settled = Promise.allSettled([sent]);
  setImmediate(() => controller.abort());
  expect((await settled)[0]?.status).toBe('rejected');
  await waitUntil('the next request is answered', async () => {
    const next = await post(infer('total'), longBody('FP32', [1, 2], 1));
    return next.status === 200;
  });
});
