import { EventEmitter } from 'node:events';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { describe, expect, test } from 'vitest';
import { requestIdFrom, timeoutOf, withDeadline } from './request-scope.ts';

const request = (timeout?: string): FastifyRequest =>
  ({ headers: timeout === undefined ? {} : { 'x-request-timeout-ms': timeout } }) as never;

function createReply(writableFinished = false): { reply: FastifyReply; raw: EventEmitter } {
  const raw = Object.assign(new EventEmitter(), { writableFinished });
  return { reply: { raw } as never, raw };
}

const options = { timeoutMs: 1000, model: 'digits' };

describe('the time limit of a request', () => {
  test.each([
    [undefined, 1000],
    ['1', 1],
    ['999', 999],
    ['5000', 1000],
    ['999999999', 1000],
  ])('%j is %d ms of at most 1000', (header, expected) => {
    expect(timeoutOf(request(header), 1000)).toBe(expected);
  });

  test.each(['0', '-1', '1.5', '1e3', ' 5', '', 'soon', '9999999999'])('%j is none', (header) => {
    expect(() => timeoutOf(request(header), 1000)).toThrow('whole number of milliseconds');
  });
});

describe('a request', () => {
  test('whose client goes aborts its work', async () => {
    const { reply, raw } = createReply();
    const working = withDeadline(request(), reply, options, async (signal) => {
      raw.emit('close');
      signal.throwIfAborted();
    });
    await expect(working).rejects.toMatchObject({ code: 'REQUEST_CANCELLED' });
  });

  test('that was answered when its connection closes was not cancelled', async () => {
    const { reply, raw } = createReply(true);
    const answer = await withDeadline(request(), reply, options, async (signal) => {
      raw.emit('close');
      return signal.aborted;
    });
    expect(answer).toBe(false);
  });

  test.each([
    ['answered', async () => {}],
    ['refused', async () => Promise.reject(new Error('no'))],
  ])('that is %s leaves no listener', async (_, work) => {
    const { reply, raw } = createReply();
    await withDeadline(request(), reply, options, work).catch(() => {});
    expect(raw.listenerCount('close')).toBe(0);
  });
});

test.each([
  ['abc-123_4.5:6/7+8=', true],
  ['x'.repeat(128), true],
  ['x'.repeat(129), false],
  ['', false],
  ['a b', false],
  ['a\u001b[2J', false],
  ['<script>', false],
  [['a', 'b'], false],
  [undefined, false],
])('%j is kept as a request id: %j', (header, kept) => {
  expect(requestIdFrom(header, () => 'made')).toBe(kept ? header : 'made');
});
