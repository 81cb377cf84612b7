import { fastify } from 'fastify';
import { describe, expect, test, vi } from 'vitest';
import { ServingError } from '../errors.ts';
import { identityOf, registerRequestLog } from './request-log.ts';

const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

function createStage(level = 'debug') {
  const debug = vi.fn<(fields: object, message: string) => void>();
  const isLevelEnabled = (wanted: string): boolean => wanted === level;
  const countHttp = vi.fn();
  const app = fastify({ genReqId: () => 'id-1' });
  registerRequestLog(app, {
    log: { debug, isLevelEnabled } as never,
    metrics: { countHttp } as never,
  });
  app.setErrorHandler((error, request, reply) => {
    request.refusal = error as ServingError;
    return reply.code(429).send('no');
  });
  app.setNotFoundHandler((request, reply) => {
    request.refusal = new ServingError('ROUTE_NOT_FOUND', { method: 'GET', path: '' });
    return reply.code(404).send('no');
  });
  app.get('/ok/:name', (request) => identityOf(request));
  app.get('/answered', (request) => {
    const timings = { queueMs: 1.23456, runMs: 10 };
    request.answered = { model: 'm', version: '2', timings };
    return 'yes';
  });
  app.get('/refused', () => {
    throw new ServingError('QUEUE_FULL', { model: 'm', limit: '1 requests', retryAfterSeconds: 1 });
  });
  return { app, debug, countHttp };
}

describe('the line of a request', () => {
  test('says what was asked and how it was answered', async () => {
    const { app, debug } = createStage();
    await app.inject('/answered?x=1');
    expect(debug.mock.calls).toEqual([
      [
        {
          requestId: 'id-1',
          method: 'GET',
          url: '/answered?x=1',
          status: 200,
          ms: expect.any(Number),
          model: 'm',
          version: '2',
          queueMs: 1.235,
          runMs: 10,
        },
        'request',
      ],
    ]);
  });

  test('says why it was refused', async () => {
    const { app, debug } = createStage();
    await app.inject('/refused');
    expect(debug.mock.calls).toHaveLength(1);
    expect(debug.mock.calls[0]?.[0]).toMatchObject({
      status: 429,
      code: 'QUEUE_FULL',
      error: expect.stringContaining('queue of model m is full'),
    });
  });

  test('is not made where nobody reads it', async () => {
    const { app, debug } = createStage('info');
    await app.inject('/answered');
    expect(debug).not.toHaveBeenCalled();
  });
});

describe('a trace parent', () => {
  test('that is valid comes back, and stands in every line', async () => {
    const { app, debug } = createStage();
    const answer = await app.inject({ url: '/ok/1', headers: { traceparent } });
    expect(answer.headers).toMatchObject({ 'x-request-id': 'id-1', traceparent });
    expect(answer.json()).toEqual({ requestId: 'id-1', traceparent });
    expect(debug.mock.calls[0]?.[0]).toMatchObject({ traceparent });
  });

  test('that is none goes nowhere', async () => {
    const { app, debug } = createStage();
    const answer = await app.inject({ url: '/ok/1', headers: { traceparent: 'x'.repeat(55) } });
    expect(answer.headers).not.toHaveProperty('traceparent');
    expect(debug.mock.calls[0]?.[0]).not.toHaveProperty('traceparent');
  });
});

test('requests are counted by the pattern of their path, not by what stands in it', async () => {
  const { app, countHttp } = createStage();
  for (const url of ['/ok/1', '/ok/2', '/refused', '/unknown/1']) await app.inject(url);
  expect(countHttp.mock.calls).toEqual([
    ['/ok/:name', 200, 'OK'],
    ['/ok/:name', 200, 'OK'],
    ['/refused', 429, 'QUEUE_FULL'],
    ['', 404, 'ROUTE_NOT_FOUND'],
  ]);
});
