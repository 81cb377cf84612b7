/** What every error answer looks like. */

import { expect } from 'vitest';
import type { Answer } from './http.ts';

export function expectError(answer: Answer, status: number, code: string, message: RegExp): void {
  expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
  expect(answer.json).toEqual({ success: false, code, error: expect.stringMatching(message) });
  expect(answer.status).toBe(status);
}

/** A row of a table of requests and the errors they get. */
export type ErrorRow = readonly [
  what: string,
  send: () => Promise<Answer>,
  status: number,
  code: string,
  message: RegExp,
];
