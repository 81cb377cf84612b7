/** All bodies together have a limit: a real server with little room, and many who want more of it. */

import { readFileSync } from 'node:fs';
import { afterAll, afterEach, expect, test } from 'vitest';
import { post } from './support/http.ts';
import { copyDigits } from './support/model-folder.ts';
import { startModelship, temporaryFolder } from './support/modelship.ts';
import { readDigit } from './support/pictures.ts';
import type { SlowClient } from './support/slow-client.ts';
import { headOf, startClient } from './support/slow-client.ts';
import { waitUntil } from './support/wait-until.ts';

const megabyte = 1024 ** 2;
const [budget, bodyLimit, bodySize] = [32 * megabyte, 16 * megabyte, 15 * megabyte];
const folder = temporaryFolder();
copyDigits(folder.path);
const server = await startModelship(folder.path, {
  args: ['--max-body-memory', '32MB', '--max-body', '16MB', '--stall-timeout-ms', '60000'],
});
const predict = `${server.url}/predict`;
const picture = readDigit('7-shadow.jpg');
/** No picture: refused with 400 once it has come whole. */
const large = Buffer.alloc(bodySize);
const octets = 'Content-Type: application/octet-stream';

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const clients: SlowClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) client[Symbol.dispose]();
  // Everything is given back: two thirds of the room at once are there again.
  await waitUntil('a large body has room', async () => (await sendLarge()).status === 400);
});

const sendLarge = () => post(predict, large, { 'content-type': 'application/octet-stream' });

async function announce(length: number | 'chunked', ...more: string[]): Promise<SlowClient> {
  const client = await startClient(server.port, headOf('/predict', length, octets, ...more));
  clients.push(client);
  return client;
}

/** What the server counts for all bodies now. */
async function heldBytes(): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  return Number(/^modelship_request_body_bytes (\d+)$/m.exec(text)?.[1]);
}

/** Half of a large body: it has all that is left for large ones, and nobody competed with it meanwhile. */
async function takeLargeRoom(): Promise<SlowClient> {
  const half = await announce(bodySize);
  half.socket.write(large.subarray(0, bodySize / 2));
  await waitUntil('it has its room', async () => (await heldBytes()) >= bodySize);
  return half;
}

/** Bytes that the server itself has in memory, and the most that it ever had. */
function residentBytes(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const [, kilobytes] =
    new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ??
    [];
  return Number(kilobytes) * 1024;
}

async function expectAnswer(): Promise<void> {
  expect((await post(predict, picture)).json.predictions[0].label).toBe('7');
}

test('forty uploads of 15 MB at once: some are refused, none is lost, memory stays', async () => {
  const before = residentBytes(server.pid, 'VmRSS');
  const uploads = Array.from({ length: 40 }, sendLarge);
  await expectAnswer();
  const answers = await Promise.all(uploads);
  const codes = answers.map(({ json }) => json.code);
  expect(new Set(codes)).toEqual(new Set(['BODY_MEMORY_FULL', 'PICTURE_NOT_RECOGNISED']));
  const refused = answers.find(({ json }) => json.code === 'BODY_MEMORY_FULL');
  expect(refused).toMatchObject({
    status: 429,
    json: { error: expect.stringMatching(/33554432 bytes.*--max-body-memory/) },
  });
  expect(refused?.headers.get('retry-after')).toBe('1');
  // Garbage and buffers of the runtime come on top of the budget; all bodies were 600 MB.
  expect(residentBytes(server.pid, 'VmHWM') - before).toBeLessThan(6 * budget);
});

test('who announces much and sends nothing takes nothing from others', async () => {
  for (let i = 0; i < 30; i += 1) await announce(bodySize);
  await waitUntil('a large body has room', async () => (await sendLarge()).status === 400);
  await expectAnswer();
});

test('when large bodies have taken all they may, small ones are still answered', async () => {
  await takeLargeRoom();
  expect((await sendLarge()).status).toBe(429);
  await expectAnswer();
});

test('a body that is refused before it comes is not asked for', async () => {
  await takeLargeRoom();
  const polite = await announce(bodySize, 'Expect: 100-continue');
  await waitUntil('it is answered', () => polite.status !== undefined);
  expect(polite.text).toMatch(/^HTTP\/1\.1 429 [\s\S]*connection: close/i);
});

test('a client that goes on sending a body that was refused gets its answer and is not kept', async () => {
  const client = await announce(bodyLimit + 1);
  client.socket.write(Buffer.alloc(bodyLimit));
  await client.closed;
  expect(client.text).toMatch(/^HTTP\/1\.1 413 [\s\S]*BODY_TOO_LARGE/);
});

test('chunks of one byte cost no more than others', async () => {
  const client = await announce('chunked');
  const before = residentBytes(server.pid, 'VmHWM');
  const pieces = '1\r\nx\r\n'.repeat(100_000);
  for (let i = 0; i < 5; i += 1) client.socket.write(pieces);
  client.socket.write('0\r\n\r\n');
  await waitUntil('it is answered', () => client.status !== undefined);
  expect(client.text).toContain('PICTURE_NOT_RECOGNISED');
  expect(residentBytes(server.pid, 'VmHWM') - before).toBeLessThan(100 * megabyte);
});

test('JSON counts three times, because what is read from it lies beside it', async () => {
  const half = await takeLargeRoom();
  const text = JSON.stringify({ image: 'A'.repeat(8 * megabyte) });
  const sendText = () => post(predict, text, { 'content-type': 'application/json' });
  expect((await sendText()).status).toBe(429);
  half[Symbol.dispose]();
  await waitUntil(
    'it is read',
    async () => (await sendText()).json.code === 'PICTURE_NOT_RECOGNISED',
  );
});
