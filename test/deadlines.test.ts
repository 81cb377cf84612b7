/** One deadline from the first line of a request to its answer, and who goes first, on the real server. */

import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { post, request } from './support/http.ts';
import { writeModels, writeYaml } from './support/model-folder.ts';
import type { Modelship } from './support/modelship.ts';
import { startModelship, temporaryFolder } from './support/modelship.ts';
import { dataOf } from './support/open-inference.ts';
import { exchange } from './support/raw-http.ts';
import { waitUntil } from './support/wait-until.ts';

const folder = temporaryFolder();
writeModels(folder.path, 'slow');
// On a machine that others keep busy, twenty long runs take longer than the usual 30 s.
writeYaml(join(folder.path, 'slow'), 'queue: {timeoutMs: 300000}');
let server: Modelship;

beforeAll(async () => {
  server = await startModelship(folder.path);
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const work = (rounds: number, headers = {}) =>
  post(
    `${server.url}/v2/models/slow/infer`,
    { inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 4], data: [rounds, 0, 0, 0] }] },
    headers,
  );

const gaugeIs = (name: string, value: number) =>
  waitUntil(`${name} is ${value}`, async () => {
    const { text } = await request(`${server.url}/metrics`);
    return new RegExp(`^${name}\\{[^}]*slow[^}]*\\} ${value}$`, 'm').test(text);
  });

test('a body that does not come in time is answered 504, and its connection closed', async () => {
  const lines = [
    'POST /v2/models/slow/infer HTTP/1.1',
    'host: localhost',
    'content-length: 100',
    'x-request-timeout-ms: 100',
  ];
  const { head, body } = await exchange(server.port, `${lines.join('\r\n')}\r\n\r\n{`);
  expect(head).toMatch(/^HTTP\/1\.1 504 [\s\S]*connection: close/i);
  expect(JSON.parse(body)).toMatchObject({
    code: 'DEADLINE_EXCEEDED',
    error: "Model slow did not answer within the request's time limit of 100 ms.",
  });
});

test('a wrong model is refused before its body has come', async () => {
  const lines = ['POST /models/none/predict HTTP/1.1', 'host: localhost', 'content-length: 100'];
  const answered = exchange(
    server.port,
    `${lines.join('\r\n')}\r\nconnection: close\r\n\r\n${'x'.repeat(100)}`,
  );
  expect((await answered).body).toContain('MODEL_NOT_FOUND');
});

test('a deadline that the wait leaves no room for is refused at once, with the time to try again', async () => {
  // Long enough that no run is handed over ahead, and that some still wait when the metrics are read.
  for (let i = 0; i < 3; i += 1) await work(400);
  const ahead = Array.from({ length: 20 }, () => work(400));
  await waitUntil('most of them wait', async () => {
    const { text } = await request(`${server.url}/metrics`);
    return /^modelship_queue_requests\{[^}]*slow[^}]*\} 1\d$/m.test(text);
  });
  const refused = await work(1, { 'x-request-timeout-ms': '50' });
  expect(refused).toMatchObject({ status: 429, json: { code: 'DEADLINE_UNREACHABLE' } });
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  for (const answer of await Promise.all(ahead)) expect(answer).toMatchObject({ status: 200 });
});

test('what came with low priority lets others pass', async () => {
  const order: string[] = [];
  const noted = async (name: string, answer: ReturnType<typeof work>) => {
    expect(dataOf(await answer)).toEqual({ y: [expect.any(Number), 0, 0, 0] });
    order.push(name);
  };
  const first = noted('first', work(1500));
  await gaugeIs('modelship_running_requests', 1);
  const low = noted('low', work(301, { 'x-request-priority': 'low' }));
  await gaugeIs('modelship_queue_requests', 1);
  const high = noted('high', work(300));
  await Promise.all([first, low, high]);
  expect(order).toEqual(['first', 'high', 'low']);
});

test('a priority that is none is refused', async () => {
  const refused = await work(1, { 'x-request-priority': 'urgent' });
  expect(refused).toMatchObject({ status: 400, json: { code: 'REQUEST_MALFORMED' } });
});
