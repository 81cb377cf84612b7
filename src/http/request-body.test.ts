import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { createByteBudget } from '../serving/byte-budget.ts';
import { RequestBody } from './request-body.ts';

interface Outcome {
  error?: unknown;
  body?: Buffer;
}

const megabyte = 1024 ** 2;

function createStage(
  headers: Record<string, string>,
  limit = 10 * megabyte,
  room = 100 * megabyte,
) {
  const request = Object.assign(new PassThrough(), { headers, httpVersion: '1.1' });
  const budget = createByteBudget(room);
  const invited: boolean[] = [];
  const response = { writeContinue: () => invited.push(true) };
  const body = new RequestBody({
    request: request as never,
    response: response as never,
    budget,
    limit,
  });
  const outcomes: Outcome[] = [];
  body.read((error, bytes) => outcomes.push(error ? { error } : { body: bytes as Buffer }));
  /** Hands a piece over at once, as the parser does. */
  const push = (piece: Buffer) => request.emit('data', piece);
  return { request, budget, body, outcomes, invited, push };
}

const octets = { 'content-type': 'application/octet-stream' };

test.each([
  ['one piece', [5000]],
  ['large and small pieces in turns', [5000, 1, 2, 6000, 3, 5000]],
  ['more small pieces than one slab holds', new Array(100).fill(1000)],
  ['nothing but small ones', [1, 2, 3]],
])('a body in %s is what was sent', (_, sizes: number[]) => {
  const { request, outcomes, push } = createStage(octets);
  const pieces = sizes.map((size, i) => Buffer.alloc(size, i % 251));
  for (const piece of pieces) push(piece);
  request.emit('end');
  expect(outcomes).toEqual([{ body: Buffer.concat(pieces) }]);
});

test.each([
  ['large pieces', 200, 10_000],
  ['small pieces', 3000, 700],
])('a body of announced length in %s is what was sent', (_, count, size) => {
  const length = count * size;
  const { request, outcomes, push } = createStage({ ...octets, 'content-length': `${length}` });
  const pieces = Array.from({ length: count }, (_, i) => Buffer.alloc(size, i % 251));
  for (const piece of pieces) push(piece);
  request.emit('end');
  expect(outcomes[0]?.body?.equals(Buffer.concat(pieces))).toBe(true);
});

test('a body that comes in one piece is not copied', () => {
  const piece = Buffer.alloc(100);
  const { request, outcomes, push } = createStage({ ...octets, 'content-length': '100' });
  push(piece);
  request.emit('end');
  expect(outcomes[0]?.body).toBe(piece);
});

test('what is announced counts as more and more of it comes, and in the end as it is', () => {
  const length = 8 * megabyte;
  const { request, budget, push } = createStage({ ...octets, 'content-length': `${length}` });
  expect(budget.used).toBe(65_536);
  push(Buffer.alloc(megabyte));
  expect(budget.used).toBe(65_536 + 4 * megabyte);
  for (let i = 0; i < 7; i += 1) push(Buffer.alloc(megabyte));
  expect(budget.used).toBe(length);
  request.emit('end');
  expect(budget.used).toBe(length);
});

test('what comes in chunks counts as it comes, text three times', () => {
  const { request, budget, push } = createStage({ 'content-type': 'application/json' });
  push(Buffer.alloc(megabyte));
  expect(budget.used).toBe(3 * (65_536 + megabyte));
  request.emit('end');
  expect(budget.used).toBe(3 * megabyte);
});

test('a body that may be large alone has all the room of large ones, and no more', () => {
  const headers = { 'content-type': 'application/json', 'content-length': `${9 * megabyte}` };
  const { request, budget, push } = createStage(headers, 10 * megabyte, 20 * megabyte);
  for (let i = 0; i < 9; i += 1) push(Buffer.alloc(megabyte));
  expect(budget.used).toBe(15 * megabyte);
  request.emit('end');
  expect(budget.used).toBe(15 * megabyte);
});

test.each([
  ['announced', { 'content-length': `${11 * megabyte}` }, 0],
  ['in chunks', {}, 11],
])('too long, %s: BODY_TOO_LARGE, and nothing is held', (_, headers, pieces) => {
  const { outcomes, push, budget, request } = createStage({ ...octets, ...headers });
  for (let i = 0; i < pieces; i += 1) push(Buffer.alloc(megabyte));
  request.emit('end');
  expect(outcomes).toEqual([{ error: expect.objectContaining({ code: 'BODY_TOO_LARGE' }) }]);
  expect(budget.used).toBe(0);
});

test('a client that goes: REQUEST_CANCELLED, and nothing is held', () => {
  const { outcomes, push, budget, request } = createStage(octets);
  push(Buffer.alloc(100));
  request.emit('error', new Error('aborted'));
  request.emit('error', new Error('aborted'));
  expect(outcomes).toEqual([{ error: expect.objectContaining({ code: 'REQUEST_CANCELLED' }) }]);
  expect(budget.used).toBe(0);
});

test('what was given up is not answered twice, and what still comes is not held', () => {
  const { body, outcomes, push, budget, request } = createStage(octets);
  push(Buffer.alloc(100));
  body.drop();
  push(Buffer.alloc(100));
  request.emit('end');
  expect([outcomes, budget.used, body.receiving]).toEqual([[], 0, false]);
});

test('who waits to be invited is, when there is room', () => {
  const expecting = { ...octets, expect: '100-continue' };
  expect(createStage({ ...expecting, 'content-length': '10' }).invited).toEqual([true]);
  const refused = createStage({ ...expecting, 'content-length': `${20 * megabyte}` });
  expect(refused.invited).toEqual([]);
});
