/** Runners that end at start again and again: tried later and later, and no model waits for another's. */

import { afterAll, expect, test } from 'vitest';
import { divisionCanKill } from './models/trouble.ts';
import { post, request } from './support/http.ts';
import { copyDigits, writeModels } from './support/model-folder.ts';
import { startModelship, startProgram, temporaryFolder } from './support/modelship.ts';
import { skipLoudly } from './support/parts.ts';
import { readDigit } from './support/pictures.ts';
import { runnersOf, signalAll } from './support/processes.ts';
import { waitUntil } from './support/wait-until.ts';

const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());

const crash = divisionCanKill || skipLoudly('a model that ends its process: x64 only');

test.runIf(crash)(
  'a model that kills its runner at every start: the other serves, the state says why, tries go on',
  async () => {
    const path = `${folder.path}/crashing`;
    copyDigits(path);
    writeModels(path, 'deadly-load');
    await using server = await startModelship(path, { until: 'listening' });
    const loading = await waitUntil('the reason is told', async () => {
      const { status, json } = await request(`${server.url}/readyz`);
      return status === 503 && json.reasons?.['deadly-load'] && json;
    });
    expect(loading.models['deadly-load'][1]).toBe('LOADING');
    expect(loading.reasons['deadly-load'][1]).toMatch(/killed by SIGFPE.*another is tried/);
    const digit = () => post(`${server.url}/models/digits/predict`, readDigit('3.png'));
    await waitUntil('digits serves', async () => (await digit()).status === 200);
    await waitUntil(
      'it is ready',
      async () => (await request(`${server.url}/readyz`)).status === 200,
    );
    await server.printed(
      /deadly-load +v1 +FAILED +its runner ended before it served \(killed by SIGFPE/,
    );
    expect(await request(`${server.url}/models/deadly-load/ready`)).toMatchObject({
      status: 503,
      json: { ready: false, state: 'FAILED', reason: expect.stringContaining('SIGFPE') },
    });
    const inputs = [{ name: 'x', datatype: 'INT64', shape: [1, 4], data: [1, 2, 3, 4] }];
    expect(await post(`${server.url}/v2/models/deadly-load/infer`, { inputs })).toMatchObject({
      status: 503,
      json: { code: 'MODEL_NOT_READY' },
    });
    const tries = () => server.stderr.match(/killed by SIGFPE/g)?.length ?? 0;
    const before = tries();
    await waitUntil('another is tried', () => tries() > before);
    expect((await digit()).json.predictions[0].label).toBe('3');
  },
);

test('a runner that is killed at start three times: the fourth serves, nothing has to be done', async () => {
  const path = `${folder.path}/killed`;
  writeModels(path, 'half-plus-two');
  await using program = startProgram({ args: ['serve', path, '--port', '0'] });
  const killed = new Set<number>();
  await waitUntil('three runners came and were killed', () => {
    const [runner] = runnersOf(program.pid);
    if (runner === undefined) return false;
    signalAll([runner], 'SIGKILL');
    return killed.add(runner).size === 3;
  });
  await program.printed(/half-plus-two +v1 +READY/);
  const [, port] = await program.printed(/Listening on http:\/\/\S+:(\d+)\n/);
  const inputs = [{ name: 'x', datatype: 'FP32', shape: [1], data: [2] }];
  const answer = await post(`http://127.0.0.1:${port}/v2/models/half-plus-two/infer`, { inputs });
  expect(answer.json.outputs[0].data).toEqual([3]);
});
