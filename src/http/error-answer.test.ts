import type { FastifyError } from 'fastify';
import { expect, test } from 'vitest';
import { ServingError } from '../errors.ts';
import { fromFastifyError, statusOf, toErrorAnswer } from './error-answer.ts';

test('an error is its message, its code and success: false', () => {
  const error = new ServingError('MODEL_NOT_FOUND', { model: '"><b>', available: ['a'] });
  const { status, headers, body } = toErrorAnswer(error);
  expect([status, headers]).toEqual([404, { 'content-type': 'application/json; charset=utf-8' }]);
  expect(JSON.parse(body)).toEqual({
    success: false,
    error: `Request for unknown model: '"><b>' is not found; models here: a.`,
    code: 'MODEL_NOT_FOUND',
  });
});

test.each([
  ['/v2', { error: 'The client went away before the answer.', code: 'REQUEST_CANCELLED' }],
  ['/v2/models/a?b', { error: expect.any(String), code: 'REQUEST_CANCELLED' }],
  ['/v1/models/a:predict', { error: 'The client went away before the answer.' }],
  ['/V1/', { error: expect.any(String) }],
  ['/v1', { success: false, error: expect.any(String), code: 'REQUEST_CANCELLED' }],
  ['/v20', { success: false, error: expect.any(String), code: 'REQUEST_CANCELLED' }],
])('under %s its body is', (path, body) => {
  const answer = toErrorAnswer(new ServingError('REQUEST_CANCELLED', {}), path);
  expect(JSON.parse(answer.body)).toEqual(body);
});

test('an unknown encoding says which are known', () => {
  const error = new ServingError('CONTENT_ENCODING_UNSUPPORTED', {
    encoding: 'br',
    expected: ['gzip', 'deflate'],
  });
  expect(toErrorAnswer(error)).toMatchObject({
    status: 501,
    headers: { 'accept-encoding': 'gzip, deflate' },
  });
});

test('a full queue says when to come back', () => {
  const error = new ServingError('QUEUE_FULL', {
    model: 'a',
    limit: '1 requests',
    retryAfterSeconds: 3,
  });
  expect(toErrorAnswer(error)).toMatchObject({ status: 429, headers: { 'retry-after': '3' } });
});

test('a wrong method says which are right', () => {
  const error = new ServingError('METHOD_NOT_ALLOWED', {
    method: 'PUT',
    path: '/',
    allowed: ['GET', 'HEAD'],
  });
  expect(toErrorAnswer(error)).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } });
});

test.each([
  [new ServingError('DEADLINE_EXCEEDED', { model: 'a', afterMs: 1 }), 504],
  [new ServingError('REQUEST_CANCELLED', {}), 499],
  [new ServingError('RUNNER_DIED', { model: 'a', how: '' }), 503],
  [new ServingError('BODY_TOO_LARGE', { limitBytes: 1 }), 413],
  [new ServingError('URL_DISABLED', {}), 403],
  [new ServingError('INTERNAL', {}), 500],
])('%s has its status', (error, status) => {
  expect(statusOf(error)).toBe(status);
});

test.each([
  ['FST_ERR_CTP_INVALID_MEDIA_TYPE', 415, 'CONTENT_TYPE_UNSUPPORTED'],
  ['FST_ANYTHING', 400, 'REQUEST_MALFORMED'],
  ['FST_ANYTHING', 500, undefined],
])('%s of fastify (%d) is %s', (code, statusCode, ours) => {
  const error = Object.assign(new Error('what fastify says'), { code, statusCode }) as FastifyError;
  expect(fromFastifyError(error)?.code).toBe(ours);
});
