/** Runners that hang, by SIGSTOP: idle, in a run, while loading. */

import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { post, request } from './support/http.ts';
import { copyDigits, writeModels } from './support/model-folder.ts';
import type { Modelship } from './support/modelship.ts';
import { startModelship, startProgram, temporaryFolder } from './support/modelship.ts';
import { readDigit } from './support/pictures.ts';
import { runnersOf, signalAll, waitUntilGone } from './support/processes.ts';
import { endless, isAnswerTo, untilRunning, untilState, work } from './support/slow-model.ts';
import { waitUntil } from './support/wait-until.ts';

// Limits have to pass, some of them twice.
vi.setConfig({ testTimeout: 60_000 });

const folder = temporaryFolder();
copyDigits(folder.path);
writeModels(folder.path, 'slow');
const limits = ['--heartbeat-ms', '500', '--run-timeout-ms', '6000', '--load-timeout-ms', '4000'];
let server: Modelship;

beforeAll(async () => {
  server = await startModelship(folder.path, { args: limits });
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const predict = () => post(`${server.url}/models/digits/predict`, readDigit('3.png'));

const stop = (pids: readonly number[]): void => signalAll(pids, 'SIGSTOP');

/** Stops every runner of the server as soon as it appears, until it is disposed of. */
function keepStopped(pid: number): Disposable {
  const timer = setInterval(() => stop(runnersOf(pid)), 5);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** How often the runners of a model were replaced for this cause. */
async function restartsOf(model: string, cause: string): Promise<number> {
  const { text } = await request(`${server.url}/metrics`);
  const series = `modelship_runner_restarts_total{model="${model}",version="1",cause="${cause}"} `;
  const line = text.split('\n').find((one) => one.startsWith(series));
  return Number(line?.slice(series.length));
}

const readinessOf = (path: string) => request(`${server.url}${path}/ready`);

test('idle runners that hang are found: their models are not ready, until others come', async () => {
  for (const path of ['/models/digits', '/v2/models/slow', '/v2/models/slow/versions/1']) {
    expect(await readinessOf(path)).toMatchObject({ status: 200, json: { ready: true } });
  }
  const old = runnersOf(server.pid);
  {
    using _ = keepStopped(server.pid);
    await waitUntilGone(old);
    for (const path of ['/models/digits', '/v2/models/slow', '/v2/models/slow/versions/1']) {
      await waitUntil('it is not ready', async () => (await readinessOf(path)).status === 503);
    }
    expect((await readinessOf('/models/digits')).json).toMatchObject({
      name: 'digits',
      version: '1',
      ready: false,
      state: 'UNAVAILABLE',
      reason: 'its runner ended (it did not answer for 1000 ms)',
    });
    expect(await request(`${server.url}/readyz`)).toMatchObject({
      status: 503,
      json: {
        models: { digits: { 1: 'UNAVAILABLE' }, slow: { 1: 'UNAVAILABLE' } },
        reasons: { digits: { 1: expect.stringMatching(/did not answer/) } },
      },
    });
    // The runners that replace them hang while they load.
    await server.printed(/it did not load within 4000 ms/);
  }
  await untilState(server, 'digits', 'READY');
  await untilState(server, 'slow', 'READY');
  for (const model of ['digits', 'slow']) expect(await restartsOf(model, 'hung')).toBe(1);
  const failedLoads = ['digits', 'slow'].map((model) => restartsOf(model, 'load_failed'));
  expect(Math.max(...(await Promise.all(failedLoads)))).toBeGreaterThan(0);
  expect((await predict()).json.predictions[0].label).toBe('3');
  expect(isAnswerTo(1, await work(server, 1))).toBe(true);
});

test('a request to a runner that hangs unnoticed is answered by the next', async () => {
  stop(runnersOf(server.pid));
  const [digit, echo] = await Promise.all([predict(), work(server, 2)]);
  expect(digit.json.predictions[0].label).toBe('3');
  expect(isAnswerTo(2, echo)).toBe(true);
});

test('a runner that hangs in a run: the run and what waits behind it are answered by the next', async () => {
  const running = work(server, 400);
  await untilRunning(server);
  const waiting = Array.from({ length: 5 }, (_, i) => work(server, i + 1));
  stop(runnersOf(server.pid));
  expect(isAnswerTo(400, await running)).toBe(true);
  const answers = await Promise.all(waiting);
  expect(answers.map((answer, i) => isAnswerTo(i + 1, answer))).toEqual(Array(5).fill(true));
  expect(server.stderr).toContain('its run took longer than 6000 ms');
});

test('a run without an end costs two runners, and its request alone', async () => {
  const hopeless = work(server, endless);
  await untilRunning(server);
  const behind = work(server, 3);
  expect(await hopeless).toMatchObject({ status: 503, json: { code: 'RUNNER_DIED' } });
  expect(isAnswerTo(3, await behind)).toBe(true);
  expect(await restartsOf('slow', 'overran')).toBeGreaterThanOrEqual(2);
  expect(await restartsOf('slow', 'died')).toBe(0);
});

test('a first load that hangs counts as failed when its limit is over, and another runner makes it READY', async () => {
  const args = ['serve', folder.path, '--port', '0', ...limits];
  await using program = startProgram({ args });
  let port = '';
  {
    using _ = keepStopped(program.pid);
    [, port = ''] = await program.printed(/Listening on http:\/\/\S+:(\d+)\n/);
    await program.printed(/it did not load within 4000 ms/);
    await program.printed(/slow +v1 +FAILED.*another is tried/);
  }
  const url = `http://127.0.0.1:${port}`;
  await waitUntil('it is ready', async () => (await request(`${url}/readyz`)).status === 200);
  await untilState({ url, pid: program.pid }, 'slow', 'READY');
  expect(isAnswerTo(1, await work({ url }, 1))).toBe(true);
});
