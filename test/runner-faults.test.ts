/** Runners that die: their requests are answered or told, another runner comes, nothing hangs. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { post, request } from './support/http.ts';
import { copyDigits, writeModels } from './support/model-folder.ts';
import type { Modelship } from './support/modelship.ts';
import { startModelship, temporaryFolder } from './support/modelship.ts';
import { dataOf } from './support/open-inference.ts';
import { readDigit } from './support/pictures.ts';
import { runnersOf, waitUntilGone } from './support/processes.ts';
import { waitUntil } from './support/wait-until.ts';

const folder = temporaryFolder();
copyDigits(folder.path);
writeModels(folder.path, 'slow');
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

const metrics = async (): Promise<string> => (await request(`${server.url}/metrics`)).text;

const untilRunning = () =>
  waitUntil('a request runs', async () =>
    /^modelship_running_requests\{[^}]*slow[^}]*\} 1$/m.test(await metrics()),
  );

const stateOf = async (model: string): Promise<string> =>
  (await request(`${server.url}/models/${model}`)).json.versions[0].state;

const predict = () => post(`${server.url}/models/digits/predict`, readDigit('3.png'));

/** The server has as many runners as models again, none of them among the old ones. */
async function untilReplaced(old: readonly number[]): Promise<void> {
  await waitUntil('both models are READY', async () => {
    const states = [await stateOf('digits'), await stateOf('slow')];
    return states.every((state) => state === 'READY');
  });
  const runners = runnersOf(server.pid);
  expect(runners).toHaveLength(2);
  expect(runners.filter((pid) => old.includes(pid))).toEqual([]);
}

describe('kill -9 of the runners', () => {
  test('while idle: the next requests wait for the new ones and are answered', async () => {
    const old = runnersOf(server.pid);
    expect(old).toHaveLength(2);
    for (const pid of old) process.kill(pid, 'SIGKILL');
    const [digit, echo] = await Promise.all([predict(), work(1)]);
    expect(digit.json.predictions[0].label).toBe('3');
    expect(dataOf(echo)).toEqual({ y: [1, 0, 0, 0] });
    await untilReplaced(old);
  });

  test('in the middle of a run: the request runs once more and is answered', async () => {
    const old = runnersOf(server.pid);
    const slow = work(1500);
    await untilRunning();
    for (const pid of old) process.kill(pid, 'SIGKILL');
    expect(dataOf(await slow)).toEqual({ y: [1500, 0, 0, 0] });
    await untilReplaced(old);
    expect(await metrics()).toMatch(
      /^modelship_runner_restarts_total\{model="slow",version="1",cause="died"\} 2$/m,
    );
  });

  test('with many requests waiting: each gets its own answer', async () => {
    const old = runnersOf(server.pid);
    const answers = Array.from({ length: 40 }, (_, i) => work(20 + i));
    await untilRunning();
    for (const pid of old) process.kill(pid, 'SIGKILL');
    const values = (await Promise.all(answers)).map((answer) => dataOf(answer).y);
    expect(values).toEqual(Array.from({ length: 40 }, (_, i) => [20 + i, 0, 0, 0]));
    await untilReplaced(old);
  });
});

test('a request under which two runners die fails with RUNNER_DIED, and the model serves on', async () => {
  const doomed = work(1_000_000);
  let settled = false;
  void doomed.then(() => {
    settled = true;
  });
  // Whenever it runs, whatever runs is killed: which runner took it is not to be seen from outside.
  while (!settled) {
    await Promise.race([doomed, untilRunning().catch(() => {})]);
    const pids = settled ? [] : runnersOf(server.pid);
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    await waitUntilGone(pids);
  }
  const answer = await doomed;
  expect(answer).toMatchObject({ status: 503, json: { code: 'RUNNER_DIED' } });
  expect(answer.json.error).toMatch(
    /runner of model slow ended.*killed by SIGKILL.*being replaced/,
  );
  expect(dataOf(await work(1))).toEqual({ y: [1, 0, 0, 0] });
});

test('a request over its own time limit gets 504; one that waits behind it is answered or told', async () => {
  const limited = { 'x-request-timeout-ms': '300' };
  const answers = await Promise.all([work(4000, limited), work(4000, limited), work(1)]);
  const [first, second, third] = answers.map(({ status, json }) => [status, json.code]);
  expect(first).toEqual([504, 'DEADLINE_EXCEEDED']);
  expect(second).toEqual([504, 'DEADLINE_EXCEEDED']);
  expect(third).toEqual([200, undefined]);
});

test('a run that outlasts the limit of requests does not keep its runner', async () => {
  await using strict = await startModelship(folder.path, {
    args: ['--request-timeout-ms', '2000'],
  });
  const send = (rounds: number) =>
    post(`${strict.url}/v2/models/slow/infer`, {
      inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 4], data: [rounds, 0, 0, 0] }],
    });
  const old = runnersOf(strict.pid);
  const stuck = await send(1_000_000);
  expect(stuck).toMatchObject({ status: 504, json: { code: 'DEADLINE_EXCEEDED' } });
  await waitUntil('the next request is answered', async () => (await send(1)).status === 200);
  expect(runnersOf(strict.pid).filter((pid) => old.includes(pid))).toHaveLength(1);
});
