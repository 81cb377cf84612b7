import { expect, test } from 'vitest';
import { requestIdFrom } from './request-id.ts';

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
