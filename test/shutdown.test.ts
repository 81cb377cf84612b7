/** The end of a server, by real signals on real processes: nothing in flight is lost, no process stays. */

import { connect } from 'node:net';
import { afterAll, expect, test } from 'vitest';
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
afterAll(() => folder[Symbol.dispose]());

/** A request that works for `rounds` rounds, of a fraction of a millisecond each. */
const work = (server: Modelship, rounds: number) =>
  post(`${server.url}/v2/models/slow/infer`, {
    inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 4], data: [rounds, 0, 0, 0] }],
  });

/** Settles when the slow model is running something. */
const untilRunning = (server: Modelship) =>
  waitUntil('a request runs', async () =>
    /^modelship_running_requests\{[^}]*slow[^}]*\} 1$/m.test(
      (await request(`${server.url}/metrics`)).text,
    ),
  );

const endless = 1_000_000;

test('SIGTERM: not ready at once, what is in flight is answered, exit code 0, no runner left', async () => {
  await using server = await startModelship(folder.path);
  const runners = runnersOf(server.pid);
  expect(runners).toHaveLength(2);
  const slow = work(server, 3000);
  await untilRunning(server);
  server.signal('SIGTERM');
  await server.printed(/shutting down/);
  const ready = await request(`${server.url}/readyz`);
  expect(ready).toMatchObject({ status: 503, json: { ready: false } });
  const late = await post(`${server.url}/models/digits/predict`, readDigit('3.png'));
  expect(late).toMatchObject({ status: 503, json: { code: 'SHUTTING_DOWN' } });
  expect(dataOf(await slow)).toEqual({ y: [3000, 0, 0, 0] });
  expect(await server.ended).toMatchObject({ code: 0, signal: null });
  await waitUntilGone(runners);
});

test('SIGTERM: a request whose body is still on its way is answered too', async () => {
  await using server = await startModelship(folder.path);
  const picture = readDigit('7-shadow.jpg');
  const socket = connect(server.port, '127.0.0.1');
  let answer = '';
  socket.setEncoding('utf8').on('data', (text) => {
    answer += text;
  });
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.write(
    `POST /models/digits/predict HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: ${picture.length}\r\n\r\n`,
  );
  await waitUntil('the server has its head', () => answer.includes('100 Continue'));
  socket.write(picture.subarray(0, 100));
  server.signal('SIGTERM');
  await server.printed(/shutting down/);
  socket.write(picture.subarray(100));
  await closed;
  expect(answer).toMatch(/HTTP\/1\.1 200 OK[\s\S]*"label":"7"/);
  expect(await server.ended).toMatchObject({ code: 0 });
});

test('the grace goes on serving while /readyz says no', async () => {
  await using server = await startModelship(folder.path, {
    args: ['--shutdown-grace-ms', '600000', '--shutdown-timeout-ms', '1'],
  });
  server.signal('SIGTERM');
  await server.printed(/shutting down/);
  expect((await request(`${server.url}/readyz`)).status).toBe(503);
  const answer = await post(`${server.url}/models/digits/predict`, readDigit('3.png'));
  expect(answer.json.predictions[0].label).toBe('3');
  server.signal('SIGTERM');
  expect(await server.ended).toMatchObject({ code: 143 });
});

test('a second signal ends it at once, in the middle of a run', async () => {
  await using server = await startModelship(folder.path);
  const runners = runnersOf(server.pid);
  const lost = work(server, endless).then(String, () => 'lost');
  await untilRunning(server);
  server.signal('SIGTERM');
  await server.printed(/shutting down/);
  server.signal('SIGINT');
  expect(await server.ended).toMatchObject({ code: 130 });
  expect(await lost).toBe('lost');
  await waitUntilGone(runners);
});

test('requests that do not end in time do not keep it: exit code 1', async () => {
  await using server = await startModelship(folder.path, { args: ['--shutdown-timeout-ms', '1'] });
  const runners = runnersOf(server.pid);
  const lost = work(server, endless).then(String, () => 'lost');
  await untilRunning(server);
  server.signal('SIGTERM');
  expect(await server.ended).toMatchObject({ code: 1 });
  expect(server.stderr).toContain('requests in flight did not end in time');
  expect(await lost).toBe('lost');
  await waitUntilGone(runners);
});

test('kill -9 of the server in the middle of a run takes its runners along', async () => {
  await using server = await startModelship(folder.path);
  const runners = runnersOf(server.pid);
  expect(runners).toHaveLength(2);
  const lost = work(server, endless).then(String, () => 'lost');
  await untilRunning(server);
  server.signal('SIGKILL');
  expect(await server.ended).toMatchObject({ signal: 'SIGKILL' });
  expect(await lost).toBe('lost');
  await waitUntilGone(runners);
});

test('Ctrl-C reaches the whole group, and the server still ends in order', async () => {
  await using server = await startModelship(folder.path, { ownGroup: true });
  const runners = runnersOf(server.pid);
  const slow = work(server, 2000);
  await untilRunning(server);
  process.kill(-server.pid, 'SIGINT');
  expect(dataOf(await slow)).toEqual({ y: [2000, 0, 0, 0] });
  expect(await server.ended).toMatchObject({ code: 0, signal: null });
  await waitUntilGone(runners);
});

test('SIGTERM while the models still load ends it with exit code 0', async () => {
  await using server = await startModelship(folder.path, { until: 'listening' });
  expect(await server.stop()).toMatchObject({ code: 0, signal: null });
});
