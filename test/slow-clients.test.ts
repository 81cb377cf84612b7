/** Clients that stop sending or do not read: they are cut off, and a shutdown does not wait for them. */

import { afterAll, describe, expect, test } from 'vitest';
import { post, request } from './support/http.ts';
import { copyDigits, writeModels } from './support/model-folder.ts';
import type { Modelship } from './support/modelship.ts';
import { startModelship, temporaryFolder } from './support/modelship.ts';
import { readDigit } from './support/pictures.ts';
import type { SlowClient } from './support/slow-client.ts';
import { headOf, startClient } from './support/slow-client.ts';
import { waitUntil } from './support/wait-until.ts';

const folder = temporaryFolder();
copyDigits(folder.path);
writeModels(folder.path, 'identity-uint8');
afterAll(() => folder[Symbol.dispose]());

const predict = '/models/digits/predict';
const image = 'Content-Type: image/png';
const rows = 40_000_000;

const start = (...args: readonly string[]) => startModelship(folder.path, { args });

/**
 * Asks for an answer that no buffer of the system holds, and takes nothing of it. It goes on writing empty
 * lines, because a socket that neither reads nor writes is not told that it was closed.
 */
async function startNonReader({ port }: Modelship): Promise<SlowClient> {
  const head = Buffer.from(
    JSON.stringify({
      parameters: { binary_data_output: true },
      inputs: [
        {
          name: 'x',
          datatype: 'UINT8',
          shape: [1, rows],
          parameters: { binary_data_size: rows },
        },
      ],
    }),
  );
  const start = headOf(
    '/v2/models/identity-uint8/infer',
    head.length + rows,
    `Inference-Header-Content-Length: ${head.length}`,
  );
  const client = await startClient(port, start, { reads: false });
  client.socket.write(head);
  client.socket.write(Buffer.alloc(rows));
  const lines = setInterval(() => client.socket.write('\r\n'), 20);
  void client.closed.then(() => clearInterval(lines));
  return client;
}

/** Settles when the server has answered so many requests for that model. */
const untilAnswered = ({ url }: Modelship, model: string) =>
  waitUntil('it is answered', async () =>
    new RegExp(
      `^modelship_requests_total\\{[^}]*model="${model}"[^}]*code="OK"\\} [1-9]`,
      'm',
    ).test((await request(`${url}/metrics`)).text),
  );

/** Settles when the server has seen the head of the request. */
const untilInvited = (client: SlowClient) =>
  waitUntil('it has the head', () => client.text.includes('100 Continue'));

describe('while it serves', () => {
  test('a body that stops coming gets 408, and the next request is answered', async () => {
    await using server = await start('--stall-timeout-ms', '200');
    using client = await startClient(server.port, headOf(predict, 1000, image));
    client.socket.write('half');
    await client.closed;
    expect(client.text).toMatch(/^HTTP\/1\.1 408 [\s\S]*connection: close[\s\S]*BODY_TOO_SLOW/i);
    const answer = await post(`${server.url}${predict}`, readDigit('3.png'));
    expect(answer.json.predictions[0].label).toBe('3');
  });

  test('a body that comes drop by drop gets 408 too', async () => {
    await using server = await start('--stall-timeout-ms', '200');
    using client = await startClient(server.port, headOf(predict, 1000, image));
    const drops = setInterval(() => client.socket.write('x'), 20);
    await client.closed;
    clearInterval(drops);
    expect(client.status).toBe(408);
  });

  test('who does not take an answer is cut off', async () => {
    await using server = await start('--stall-timeout-ms', '300');
    using client = await startNonReader(server);
    await client.closed;
  });

  test('who takes an answer slowly gets all of it', async () => {
    await using server = await start('--stall-timeout-ms', '1500');
    using client = await startNonReader(server);
    let taken = 0;
    const sips = setInterval(() => {
      const piece = client.socket.read() as Buffer | null;
      taken += piece?.length ?? 0;
    }, 5);
    await waitUntil('all came', () => taken > rows, 60_000);
    clearInterval(sips);
  });

  test('more connections than allowed are closed, and idle ones make room', async () => {
    await using server = await start('--max-connections', '5');
    const idle = Array.from({ length: 5 }, () => startClient(server.port, ''));
    const clients = await Promise.all(idle);
    for (const { socket } of clients)
      socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await waitUntil('all are answered', () => clients.every(({ status }) => status === 200));
    using excess = await startClient(server.port, '');
    await excess.closed;
    await Promise.all(clients.map(({ closed }) => closed));
    expect((await request(`${server.url}/healthz`)).status).toBe(200);
    expect(server.stderr).toContain('--max-connections');
  });
});

describe('a shutdown', () => {
  const quick = ['--shutdown-client-ms', '200', '--shutdown-timeout-ms', '600000'];

  test('refuses a request that does not come whole, and ends with exit code 0', async () => {
    await using server = await start(...quick);
    const head = headOf(predict, 1000, image, 'Expect: 100-continue');
    using client = await startClient(server.port, head);
    await untilInvited(client);
    client.socket.write('half');
    expect(await server.stop()).toMatchObject({ code: 0, signal: null });
    expect(client.text).toMatch(/HTTP\/1\.1 503 [\s\S]*SHUTTING_DOWN|HTTP\/1\.1 408 /);
  });

  test('does not wait for half a head, nor for silence', async () => {
    await using server = await start(...quick);
    using half = await startClient(server.port, 'GET /healthz HTTP/1.1\r\nHos');
    using silent = await startClient(server.port, '');
    await request(`${server.url}/healthz`);
    expect(await server.stop()).toMatchObject({ code: 0, signal: null });
    await Promise.all([half.closed, silent.closed]);
  });

  test('does not wait for one who takes nothing of an answer', async () => {
    await using server = await start(...quick);
    using client = await startNonReader(server);
    await untilAnswered(server, 'identity-uint8');
    expect(await server.stop()).toMatchObject({ code: 0, signal: null });
    await client.closed;
  });

  test('whose time is over with nothing owed but to such clients ends with exit code 0', async () => {
    await using server = await start(
      ...['--shutdown-client-ms', '600000', '--shutdown-timeout-ms', '300'],
    );
    using client = await startNonReader(server);
    await untilAnswered(server, 'identity-uint8');
    expect(await server.stop()).toMatchObject({ code: 0, signal: null });
    expect(server.stderr).toContain('clients did not send or take everything in time');
    await client.closed;
  });
});
