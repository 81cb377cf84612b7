/** Clients that go away at each stage: their work goes with them, nobody else and no runner notices. */

import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { request } from './support/http.ts';
import { writeModels } from './support/model-folder.ts';
import type { Modelship } from './support/modelship.ts';
import { startModelship, temporaryFolder } from './support/modelship.ts';
import { runnersOf } from './support/processes.ts';
import { isAnswerTo, untilRunning, work } from './support/slow-model.ts';
import { waitUntil } from './support/wait-until.ts';

const folder = temporaryFolder();
writeModels(folder.path, 'slow', 'identity-fp32');
let server: Modelship;
let runners: readonly number[];

beforeAll(async () => {
  server = await startModelship(folder.path);
  runners = runnersOf(server.pid);
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const numberOf = (text: string, name: string, model: string): number =>
  Number(new RegExp(`^modelship_${name}\\{[^}]*"${model}"[^}]*\\} (\\d+)$`, 'm').exec(text)?.[1]);

/** Nothing waits or runs any more, the runners are those of the start, and another client is answered. */
async function expectUnharmed(): Promise<void> {
  await waitUntil('nothing waits or runs', async () => {
    const { text } = await request(`${server.url}/metrics`);
    const counts = ['slow', 'identity-fp32'].flatMap((model) => [
      numberOf(text, 'queue_requests', model),
      numberOf(text, 'running_requests', model),
    ]);
    return counts.every((count) => count === 0);
  });
  expect(isAnswerTo(7, await work(server, 7))).toBe(true);
  expect(runnersOf(server.pid)).toEqual(runners);
}

interface Client {
  readonly socket: Socket;
  /** Settles with the first bytes of the answer. */
  readonly answer: Promise<Buffer>;
}

function open(): Client {
  const socket = connect(server.port, '127.0.0.1');
  socket.on('error', () => {});
  const answer = new Promise<Buffer>((resolve) => socket.once('data', resolve));
  return { socket, answer };
}

function head(model: string, length: number, ...headers: readonly string[]): string {
  const lines = [
    `POST /v2/models/${model}/infer HTTP/1.1`,
    'Host: localhost',
    `Content-Length: ${length}`,
    ...headers,
  ];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

const bodyOf = (shape: readonly number[], data: readonly number[]): string =>
  JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape, data }] });

test('while it sends its body', async () => {
  const body = bodyOf([1, 4], [1, 0, 0, 0]);
  for (const share of [0, 0.5, 0.99]) {
    const { socket, answer } = open();
    socket.write(head('slow', body.length, 'Expect: 100-continue'));
    expect(String(await answer)).toContain('100 Continue');
    socket.write(body.slice(0, body.length * share));
    socket.resetAndDestroy();
  }
  await expectUnharmed();
});

test('while its request waits', async () => {
  const running = work(server, 1500);
  await untilRunning(server);
  const body = bodyOf([1, 4], [1_000_000, 0, 0, 0]);
  const { socket } = open();
  socket.write(head('slow', body.length) + body);
  await waitUntil(
    'it waits',
    async () =>
      numberOf((await request(`${server.url}/metrics`)).text, 'queue_requests', 'slow') === 1,
  );
  socket.destroy();
  expect(isAnswerTo(1500, await running)).toBe(true);
  await expectUnharmed();
});

test('while its request runs', async () => {
  const body = bodyOf([1, 4], [1500, 0, 0, 0]);
  const { socket } = open();
  socket.write(head('slow', body.length) + body);
  await untilRunning(server);
  const behind = work(server, 3);
  socket.destroy();
  expect(isAnswerTo(3, await behind)).toBe(true);
  await expectUnharmed();
});

test('while it receives its answer, which it has not read', async () => {
  const values = 2_000_000;
  const header = JSON.stringify({
    parameters: { binary_data_output: true },
    inputs: [
      {
        name: 'x',
        datatype: 'FP32',
        shape: [1, values],
        parameters: { binary_data_size: 4 * values },
      },
    ],
  });
  for (let i = 0; i < 3; i += 1) {
    const { socket, answer } = open();
    const lengths = `Inference-Header-Content-Length: ${header.length}`;
    socket.write(head('identity-fp32', header.length + 4 * values, lengths) + header);
    socket.write(Buffer.alloc(4 * values, 1));
    expect(String((await answer).subarray(0, 15))).toBe('HTTP/1.1 200 OK');
    socket.pause();
    socket.resetAndDestroy();
  }
  await expectUnharmed();
});
