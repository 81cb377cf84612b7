import { EventEmitter } from 'node:events';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { describe, expect, test, vi } from 'vitest';
import { createManualClock } from '../batching/clock.fixture.ts';
import { createRequestGate } from './request-gate.ts';
import type { RequestScopes } from './request-scope.ts';
import { createRequestScopes, priorityOf, timeoutOf } from './request-scope.ts';

const request = (timeout?: string): FastifyRequest =>
  ({ headers: timeout === undefined ? {} : { 'x-request-timeout-ms': timeout } }) as never;

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

describe('the version of a request', () => {
  test('is held until its response is closed', async () => {
    const { scopes, release } = createStage();
    const { request: incoming, reply, raw } = createExchange();
    await openScope(scopes, incoming, reply);
    scopes.take(incoming);
    expect(release).not.toHaveBeenCalled();
    raw.emit('close');
    expect(release).toHaveBeenCalledTimes(1);
  });

  test('is let go at once when the request is refused', async () => {
    const { scopes, release } = createStage();
    const { request: incoming, reply } = createExchange({ 'x-request-priority': 'urgent' });
    await expect(openScope(scopes, incoming, reply)).rejects.toMatchObject({
      code: 'REQUEST_MALFORMED',
    });
    expect(release).toHaveBeenCalledTimes(1);
  });
});

describe('the priority of a request', () => {
  const withPriority = (priority?: string): FastifyRequest =>
    ({ headers: priority === undefined ? {} : { 'x-request-priority': priority } }) as never;

  test.each([
    [undefined, 'high'],
    ['high', 'high'],
    ['low', 'low'],
  ])('%j is %s', (header, expected) => {
    expect(priorityOf(withPriority(header))).toBe(expected);
  });

  test.each(['', 'LOW', '1', 'urgent'])('%j is none', (header) => {
    expect(() => priorityOf(withPriority(header))).toThrow('neither "high" nor "low"');
  });
});

interface Sent {
  readonly reasons: unknown[];
  readonly headers: Record<string, string>;
}

function createStage(limits: { timeoutMs?: number; modelMs?: number } = {}) {
  const clock = createManualClock();
  const release = vi.fn();
  const acquire = vi.fn(() => ({ timeLimitMs: limits.modelMs ?? 500, release }));
  const gate = createRequestGate();
  const scopes = createRequestScopes({
    service: { registry: { defaultName: () => 'only' }, acquire } as never,
    gate,
    timeoutMs: limits.timeoutMs ?? 1000,
    clock,
  });
  return { clock, scopes, acquire, release, gate };
}

function createExchange(headers: Record<string, string> = {}, params: object = {}) {
  const raw = Object.assign(new EventEmitter(), { writableFinished: false, destroyed: false });
  const sent: Sent = { reasons: [], headers: {} };
  const reply = {
    raw,
    header(name: string, value: string) {
      sent.headers[name] = value;
      return reply;
    },
    send: (reason: unknown) => void sent.reasons.push(reason),
  };
  const incoming = { headers, params } as never as FastifyRequest;
  return { request: incoming, reply: reply as never as FastifyReply, raw, sent };
}

const openScope = (
  scopes: RequestScopes,
  incoming: FastifyRequest,
  reply: FastifyReply,
): Promise<void> =>
  new Promise((resolve, reject) => {
    scopes.open(incoming, reply, (error) => (error ? reject(error) : resolve()));
  });

describe('a request', () => {
  test('has the shortest of its own, its model and the server’s time limits, from its first line on', async () => {
    const { clock, scopes } = createStage();
    for (const [headers, expected] of [
      [{}, 500],
      [{ 'x-request-timeout-ms': '100' }, 100],
      [{ 'x-request-timeout-ms': '900' }, 500],
    ] as const) {
      const { request: incoming, reply } = createExchange(headers);
      await openScope(scopes, incoming, reply);
      expect(scopes.take(incoming).life.deadline - clock.now()).toBe(expected);
    }
  });

  test('to the bare path is for the default model', async () => {
    const { scopes, acquire } = createStage();
    const { request: incoming, reply } = createExchange();
    await openScope(scopes, incoming, reply);
    expect(acquire).toHaveBeenCalledWith('only', undefined, expect.any(Function));
    expect(scopes.take(incoming).model).toBe('only');
  });

  test('whose client goes ends with REQUEST_CANCELLED', async () => {
    const { scopes } = createStage();
    const { request: incoming, reply, raw } = createExchange();
    await openScope(scopes, incoming, reply);
    const { life } = scopes.take(incoming);
    raw.emit('close');
    expect(() => life.throwIfEnded()).toThrow(
      expect.objectContaining({ code: 'REQUEST_CANCELLED' }),
    );
  });

  test('that was answered when its connection closes was not cancelled, and its time stops', async () => {
    const { scopes, clock } = createStage();
    const { request: incoming, reply, raw } = createExchange();
    await openScope(scopes, incoming, reply);
    const { life } = scopes.take(incoming);
    raw.writableFinished = true;
    raw.emit('close');
    clock.advance(2000);
    life.throwIfEnded();
    expect(raw.listenerCount('close')).toBe(0);
  });

  test('whose time is over while its body is on its way is told, and its connection closed', async () => {
    const { scopes, clock } = createStage();
    const { request: incoming, reply, sent } = createExchange();
    await openScope(scopes, incoming, reply);
    clock.advance(510);
    expect(sent.reasons).toEqual([expect.objectContaining({ code: 'DEADLINE_EXCEEDED' })]);
    expect(sent.headers).toEqual({ connection: 'close' });
    expect(() => scopes.take(incoming)).toThrow('time limit of 500 ms');
  });

  test('whose body has come is not told twice', async () => {
    const { scopes, clock } = createStage();
    const { request: incoming, reply, sent } = createExchange();
    await openScope(scopes, incoming, reply);
    scopes.take(incoming);
    clock.advance(510);
    expect(sent.reasons).toEqual([]);
  });

  test('is not let in when the gate is closed', async () => {
    const { scopes, gate } = createStage();
    await gate.close();
    const { request: incoming, reply } = createExchange();
    await expect(openScope(scopes, incoming, reply)).rejects.toMatchObject({
      code: 'SHUTTING_DOWN',
    });
  });
});
