import { expect, test } from 'vitest';
import { createByteBudget } from './byte-budget.ts';

const megabyte = 1024 ** 2;
const full = expect.objectContaining({ code: 'BODY_MEMORY_FULL' });

test('what is held is counted, and given back once', () => {
  const budget = createByteBudget(1000);
  const [a, b] = [budget.open(), budget.open()];
  a.grow(600);
  b.grow(300);
  a.shrink(100);
  expect([budget.used, a.bytes, b.bytes]).toEqual([800, 500, 300]);
  expect(() => b.grow(201)).toThrow(full);
  expect(budget.used).toBe(800);
  a.release();
  a.release();
  expect(budget.used).toBe(300);
  b.release();
  expect(budget.used).toBe(0);
});

test('large ones leave a quarter to small ones', () => {
  const budget = createByteBudget(100 * megabyte);
  expect(budget.largest).toBe(75 * megabyte);
  const giant = budget.open();
  giant.grow(75 * megabyte);
  expect(() => giant.grow(1)).toThrow(full);
  expect(() => budget.checkRoom(2 * megabyte)).toThrow(full);
  const small = budget.open();
  small.grow(megabyte);
  expect(() => small.grow(1)).toThrow(full);
});

test('who announces much is large from its first byte on', () => {
  const budget = createByteBudget(100 * megabyte);
  budget.open().grow(75 * megabyte);
  expect(() => budget.open().grow(1, 2 * megabyte)).toThrow(full);
  budget.open().grow(1, megabyte);
});

test('nothing can be held after the request is gone', () => {
  const budget = createByteBudget(1000);
  const hold = budget.open();
  hold.release();
  expect(() => hold.grow(1)).toThrow(expect.objectContaining({ code: 'REQUEST_CANCELLED' }));
  expect(budget.used).toBe(0);
});
