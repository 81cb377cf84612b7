/** Runners that die while many connections ask: everybody gets the own answer, whoever is to blame. */

import { afterAll, beforeAll, expect, test } from 'vitest';
import { deadlyElement, divisionCanKill } from './models/trouble.ts';
import type { Answer } from './support/http.ts';
import { post } from './support/http.ts';
import { writeModels, writeYaml } from './support/model-folder.ts';
import type { Modelship } from './support/modelship.ts';
import { startModelship, temporaryFolder } from './support/modelship.ts';
import { dataOf } from './support/open-inference.ts';
import { skipLoudly } from './support/parts.ts';
import { runnersOf, signalAll } from './support/processes.ts';
import { isAnswerTo, untilState, work } from './support/slow-model.ts';
import { waitUntil } from './support/wait-until.ts';

const folder = temporaryFolder();
writeModels(folder.path, 'slow', 'deadly-input');
// Its input cannot be probed; its rows do not depend on each other.
writeYaml(`${folder.path}/deadly-input`, 'batching: {acrossRequests: true}');
let server: Modelship;

beforeAll(async () => {
  server = await startModelship(folder.path, { args: ['--instances', '2'] });
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const untilWhole = () =>
  waitUntil('each model has its two runners', () => runnersOf(server.pid).length === 4);

/** Asks again and again on so many connections until `stop` says so; gives the answers that were wrong. */
async function askOn(
  connections: number,
  ask: (number: number) => Promise<Answer>,
  isRight: (number: number, answer: Answer) => boolean,
) {
  const wrong: unknown[] = [];
  let answered = 0;
  let stopped = false;
  async function client(first: number): Promise<void> {
    for (let number = first; !stopped; number += connections) {
      const answer = await ask(number);
      answered += 1;
      if (!isRight(number, answer)) wrong.push([number, answer.status, answer.text]);
    }
  }
  const clients = Promise.all(Array.from({ length: connections }, (_, i) => client(i)));
  return {
    /** Settles when so many more were answered. */
    more(count: number): Promise<boolean> {
      const until = answered + count;
      return waitUntil(`${count} more are answered`, () => answered >= until);
    },
    async stop(): Promise<unknown[]> {
      stopped = true;
      await clients;
      return wrong;
    },
  };
}

test('kill -9 of a runner under load, five times: every answer of 20 connections is the right one', async () => {
  await untilWhole();
  const rounds = (number: number): number => 1 + (number % 37);
  const load = await askOn(
    20,
    (number) => work(server, rounds(number)),
    (number, answer) => isAnswerTo(rounds(number), answer),
  );
  for (let kill = 0; kill < 5; kill += 1) {
    await load.more(40);
    const runners = runnersOf(server.pid);
    signalAll(runners.slice(kill % runners.length, (kill % runners.length) + 1), 'SIGKILL');
    // Those it held have their second try behind them before the next kill.
    await load.more(40);
    await untilWhole();
  }
  expect(await load.stop()).toEqual([]);
});

test('kill -9 of all runners at once under load: every answer is the right one', async () => {
  await untilWhole();
  const load = await askOn(
    20,
    (number) => work(server, 1 + (number % 50)),
    (number, answer) => isAnswerTo(1 + (number % 50), answer),
  );
  await load.more(40);
  signalAll(runnersOf(server.pid), 'SIGKILL');
  await load.more(80);
  expect(await load.stop()).toEqual([]);
});

const poison = divisionCanKill || skipLoudly('a model that ends its process: x64 only');

test.runIf(poison)(
  'a poisonous input fails alone, RUNNER_DIED; its neighbours are answered',
  async () => {
    const ask = (value: number) =>
      post(`${server.url}/v2/models/deadly-input/infer`, {
        inputs: [{ name: 'x', datatype: 'INT64', shape: [1, 4], data: [value, 1, 2, 3] }],
      });
    const load = await askOn(
      20,
      ask,
      (number, answer) =>
        answer.status === 200 && String(dataOf(answer).y) === String([number, 1, 2, 3]),
    );
    for (let dose = 0; dose < 3; dose += 1) {
      await load.more(100);
      expect(await ask(deadlyElement)).toMatchObject({
        status: 503,
        json: { code: 'RUNNER_DIED' },
      });
    }
    await load.more(100);
    expect(await load.stop()).toEqual([]);
    await untilState(server, 'deadly-input', 'READY');
  },
);
