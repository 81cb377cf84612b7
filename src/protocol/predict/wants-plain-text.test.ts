import { expect, test } from 'vitest';
import { wantsPlainText } from './wants-plain-text.ts';

test.each([
  undefined,
  '',
  '*/*',
  'application/json',
  'application/json, text/plain, */*',
  'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
  'text/plain;q=0.5, application/json',
  'text/plain;q=0, */*',
  'text/plain, application/*',
  'image/png',
])('Accept: %s gets JSON', (accept) => {
  expect(wantsPlainText(accept)).toBe(false);
});

test.each([
  'text/plain',
  'Text/Plain; charset=utf-8',
  'text/*',
  'text/plain, */*;q=0.1',
  'text/plain, application/json;q=0.9',
  'application/json;q=0, */*',
  'text/html, text/plain;q=0.2',
])('Accept: %s gets the sentence', (accept) => {
  expect(wantsPlainText(accept)).toBe(true);
});
