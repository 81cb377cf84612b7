import { expect, test } from 'vitest';
import { z } from 'zod';
import { inOwnWords } from './own-words.ts';

const schema = z.strictObject({
  text: z.string().optional(),
  count: z.int().min(1).max(9).optional(),
  list: z.array(z.boolean()).max(1).optional(),
  either: z.union([z.string(), z.number()]).optional(),
  mode: z.enum(['a', 'b', 'c']).optional(),
  own: z.string('say it so').optional(),
});

const messagesOf = (value: unknown): string[] =>
  schema.safeParse(value, { error: inOwnWords }).error?.issues.map(({ message }) => message) ?? [];

test.each<[unknown, string]>([
  [1, 'expected an object (key: value), got 1'],
  [undefined, 'it is missing; expected an object (key: value)'],
  [{ text: 2024 }, 'expected a text, got 2024 without quotes'],
  [{ text: ['a'] }, 'expected a text, got a list'],
  [{ count: 1.5 }, 'expected a whole number, got 1.5'],
  [{ count: 0 }, 'expected at least 1, got 0'],
  [{ count: 10 }, 'expected at most 9, got 10'],
  [{ list: [1] }, 'expected true or false, got 1'],
  [{ list: [true, true] }, 'expected at most 1 entry, got a list'],
  [{ either: {} }, 'expected a text or a number, got an object'],
  [{ mode: 'd' }, 'expected a, b or c, got "d"'],
  [{ own: 1 }, 'say it so'],
  [{ cuont: 1 }, 'unknown key "cuont"; did you mean "count"?'],
])('%j: %s', (value, message) => {
  expect(messagesOf(value)).toEqual([message]);
});

test('each unknown key has a line', () => {
  expect(messagesOf({ txt: 1, zzzzzz: 2 })).toEqual([
    'unknown key "txt"; did you mean "text"?\nunknown key "zzzzzz"',
  ]);
});

test('what was given is shown short', () => {
  expect(messagesOf({ mode: 'x'.repeat(1000) })[0]?.length).toBeLessThan(100);
});
