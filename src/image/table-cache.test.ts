import { expect, test } from 'vitest';
import { createTableCache } from './table-cache.ts';

test('the tables used last are kept, the oldest is dropped', () => {
  const cache = createTableCache<string>();
  cache.get('first', () => 'a');
  for (let i = 0; i < 31; i++) cache.get(`${i}`, () => 'b');
  expect(cache.get('first', () => 'again')).toBe('a');
  cache.get('one more', () => 'c');
  expect(cache.get('first', () => 'again')).toBe('a');
  expect(cache.get('0', () => 'again')).toBe('again');
});
