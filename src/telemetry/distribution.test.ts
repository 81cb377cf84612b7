import { expect, test } from 'vitest';
import { Distribution } from './distribution.ts';

test('a value falls into the first bucket whose bound it does not pass', () => {
  const distribution = new Distribution([1, 2, 4]);
  for (const value of [0, 1, 1.5, 2, 4, 4.1, 1000]) distribution.observe(value);
  expect([...distribution.counts]).toEqual([2, 2, 1, 2]);
  expect(distribution.sum).toBeCloseTo(1012.6);
});
