/** /metrics and the log of a real server, after requests that were answered, shared a run and were refused. */

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { post, request } from './support/http.ts';
import { copyDigits, writeModels, writeYaml } from './support/model-folder.ts';
import type { Modelship } from './support/modelship.ts';
import { startModelship, temporaryFolder } from './support/modelship.ts';
import { readDigit } from './support/pictures.ts';
import { runnersOf } from './support/processes.ts';
import { waitUntil } from './support/wait-until.ts';

const folder = temporaryFolder();
copyDigits(folder.path);
writeModels(folder.path, 'slow');
writeYaml(
  join(folder.path, 'slow'),
  'batching: {maxBatch: 8, acrossRequests: true}',
  'queue: {maxRequests: 3}',
);
const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
let server: Modelship;

const metrics = async (): Promise<string> => (await request(`${server.url}/metrics`)).text;

/** The value of one series; undefined when it is not there. */
function readValue(text: string, series: string): number | undefined {
  const line = text.split('\n').find((one) => one.startsWith(`modelship_${series} `));
  return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(' ') + 1));
}

const untilValue = (series: string, value: number): Promise<unknown> =>
  waitUntil(`${series} is ${value}`, async () => readValue(await metrics(), series) === value);

const work = (rounds: number, rows = 1) =>
  post(`${server.url}/v2/models/slow/infer`, {
    inputs: [{ name: 'x', datatype: 'FP32', shape: [rows, 4], data: Array(rows * 4).fill(rounds) }],
  });

/** One request runs alone, the three that wait behind it share a run, and there is no room for a fifth. */
async function fillQueue(): Promise<number[]> {
  const first = work(3000);
  await untilValue('running_requests{model="slow",version="1"}', 1);
  const waiting = [work(1), work(1, 2), work(1)];
  await untilValue('queue_requests{model="slow",version="1"}', 3);
  const refused = await work(1);
  const answers = await Promise.all([first, ...waiting]);
  return [refused, ...answers].map(({ status }) => status);
}

beforeAll(async () => {
  server = await startModelship(folder.path, { args: ['--log-level', 'debug'] });
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

describe('/metrics', () => {
  test('counts requests and refusals, and each run once', async () => {
    expect(await fillQueue()).toEqual([429, 200, 200, 200, 200]);
    const text = await metrics();
    const version = 'model="slow",version="1"';
    const expected = {
      [`requests_total{${version},code="OK"}`]: 4,
      [`requests_total{${version},code="QUEUE_FULL"}`]: 1,
      [`requests_total{${version},code="RUNNER_DIED"}`]: 0,
      [`request_duration_seconds_count{${version}}`]: 4,
      [`queue_wait_seconds_count{${version}}`]: 4,
      [`run_duration_seconds_count{${version}}`]: 2,
      [`run_rows_sum{${version}}`]: 5,
      [`run_rows_count{${version}}`]: 2,
      [`run_rows_bucket{${version},le="1"}`]: 1,
      [`run_rows_bucket{${version},le="2"}`]: 1,
      [`run_rows_bucket{${version},le="4"}`]: 2,
      [`run_requests_sum{${version}}`]: 4,
      [`retries_total{${version}}`]: 0,
      [`queue_requests{${version}}`]: 0,
      [`queue_bytes{${version}}`]: 0,
      [`queue_limit_requests{${version}}`]: 3,
      [`running_requests{${version}}`]: 0,
      'http_requests_total{route="/v2/models/:model/infer",status="200",code="OK"}': 4,
      'http_requests_total{route="/v2/models/:model/infer",status="429",code="QUEUE_FULL"}': 1,
    };
    const found = Object.keys(expected).map((series) => [series, readValue(text, series)]);
    expect(Object.fromEntries(found)).toEqual(expected);
    const total = readValue(text, `request_duration_seconds_sum{${version}}`) ?? 0;
    const inside = readValue(text, `run_duration_seconds_sum{${version}}`) ?? 0;
    expect(inside).toBeGreaterThan(0);
    expect(total).toBeGreaterThan(inside);
  });

  test('tells how models and runners stand, and what serves', async () => {
    const text = await metrics();
    for (const model of ['digits', 'slow']) {
      const version = `model="${model}",version="1"`;
      expect(readValue(text, `model_ready{${version}}`)).toBe(1);
      expect(readValue(text, `instances_wanted{${version}}`)).toBe(1);
      expect(readValue(text, `instances_serving{${version}}`)).toBe(1);
      expect(readValue(text, `model_load_seconds{${version},phase="load"}`)).toBeGreaterThan(0);
    }
    expect(text).toMatch(/^modelship_build_info\{version="\d+\.\d+\.\d+",runtime="[\d.]+"\} 1$/m);
  });

  test.runIf(process.platform === 'linux')('has the memory of each runner', async () => {
    const text = await metrics();
    const resident = readValue(
      text,
      'runner_resident_memory_bytes{model="digits",version="1",runner="0"}',
    );
    const own = readValue(
      text,
      'runner_anonymous_memory_bytes{model="digits",version="1",runner="0"}',
    );
    expect(own).toBeGreaterThan(1e6);
    expect(resident).toBeGreaterThan(own ?? Number.POSITIVE_INFINITY);
    expect(text.match(/^modelship_runner_resident_memory_bytes\{/gm)).toHaveLength(
      runnersOf(server.pid).length,
    );
  });

  test('counts requests that no model gets, under no name that a client made up', async () => {
    await post(`${server.url}/models/invented-model/predict`, readDigit('3.png'));
    await post(`${server.url}/models/digits/versions/invented-version/predict`, readDigit('3.png'));
    await post(`${server.url}/v2/models/slow/infer`, '');
    await request(`${server.url}/invented-path`, { method: 'PROPFIND' });
    const text = await metrics();
    const series = (pattern: string): number | undefined => readValue(text, pattern);
    expect(series('requests_total{model="",version="",code="MODEL_NOT_FOUND"}')).toBe(1);
    expect(series('requests_total{model="digits",version="",code="VERSION_NOT_FOUND"}')).toBe(1);
    expect(
      series('http_requests_total{route="/v2/models/:model/infer",status="400",code="BODY_EMPTY"}'),
    ).toBe(1);
    expect(series('http_requests_total{route="",status="404",code="ROUTE_NOT_FOUND"}')).toBe(1);
    expect(text).not.toMatch(/invented|propfind/i);
  });
});

describe('the log at debug', () => {
  const lines = (requestId: string): object[] =>
    server.stderr
      .split('\n')
      .filter((line) => line.includes(`"${requestId}"`))
      .map((line) => JSON.parse(line));
  const untilLogged = (requestId: string): Promise<object[]> =>
    waitUntil('the line of the request is there', () => {
      const found = lines(requestId);
      return found.length > 0 && found;
    });

  test('has one line for a prediction', async () => {
    const headers = { 'x-request-id': 'answered-1', traceparent };
    const answer = await post(`${server.url}/models/digits/predict`, readDigit('3.png'), headers);
    expect(answer.headers.get('traceparent')).toBe(traceparent);
    expect(await untilLogged('answered-1')).toEqual([
      {
        level: 'debug',
        time: expect.any(String),
        requestId: 'answered-1',
        traceparent,
        method: 'POST',
        url: '/models/digits/predict',
        status: 200,
        ms: expect.any(Number),
        model: 'digits',
        version: '1',
        queueMs: expect.any(Number),
        runMs: expect.any(Number),
        msg: 'request',
      },
    ]);
  });

  test('has one line for a refusal', async () => {
    const headers = { 'x-request-id': 'refused-1' };
    await post(`${server.url}/models/digits/predict`, 'no picture', headers);
    expect(await untilLogged('refused-1')).toEqual([
      expect.objectContaining({ status: 415, code: 'CONTENT_TYPE_UNSUPPORTED', msg: 'request' }),
    ]);
  });
});

test('at info a request leaves no line, whatever becomes of it', async () => {
  await using quiet = await startModelship(folder.path);
  await post(`${quiet.url}/models/digits/predict`, readDigit('3.png'));
  await post(`${quiet.url}/models/digits/predict`, 'no picture');
  const { stderr } = await quiet.stop();
  const messages = stderr
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).msg);
  expect(messages).toContain('runner ready');
  expect(messages.filter((message) => /request/.test(message))).toEqual([]);
});
