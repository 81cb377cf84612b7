/** Requests to the model that works as long as it is told (test/models/slow.ts), and what its server does. */

import type { Answer } from './http.ts';
import { post, request } from './http.ts';
import type { Modelship } from './modelship.ts';
import { dataOf } from './open-inference.ts';
import { cpuTicksOf, runnersOf } from './processes.ts';
import { waitUntil } from './wait-until.ts';

type Server = Pick<Modelship, 'url' | 'pid'>;

export const endless = 1_000_000;

/** Works for so many rounds, a fraction of a millisecond each. */
export const work = ({ url }: Pick<Server, 'url'>, rounds: number): Promise<Answer> =>
  post(`${url}/v2/models/slow/infer`, {
    inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 4], data: [rounds, 0, 0, 0] }],
  });

/** Whether the answer is that of `work` with so many rounds, and no other's. */
export const isAnswerTo = (rounds: number, answer: Answer): boolean =>
  answer.status === 200 && String(dataOf(answer).y) === String([rounds, 0, 0, 0]);

/** Settles when the model is running something. */
export const untilRunning = ({ url }: Pick<Server, 'url'>): Promise<boolean> =>
  waitUntil('a request runs', async () =>
    /^modelship_\w*running\w*\{[^}]*slow[^}]*\} 1$/m.test((await request(`${url}/metrics`)).text),
  );

/** The runner that has worked most while something endless runs: which model is whose is not to be seen. */
export async function findWorking({ pid }: Pick<Server, 'pid'>): Promise<number> {
  const before = new Map(runnersOf(pid).map((runner) => [runner, cpuTicksOf(runner)]));
  return waitUntil(
    'a runner works',
    () => [...before].find(([runner, ticks]) => cpuTicksOf(runner) > ticks + 20)?.[0],
  );
}

export async function stateOf({ url }: Pick<Server, 'url'>, model: string): Promise<string> {
  return (await request(`${url}/models/${model}`)).json.versions[0].state;
}

export const untilState = (server: Server, model: string, state: string): Promise<boolean> =>
  waitUntil(`${model} is ${state}`, async () => (await stateOf(server, model)) === state);
