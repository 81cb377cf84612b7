import { expect, test } from 'vitest';
import { createSettling } from './settling.ts';

const at = (stamp: string, changedAt: number) => ({ stamp, changedAt });

test('what changed long ago is settled at the first look', () => {
  const settling = createSettling(2000);
  expect(settling.isSettled('a', at('x', 1000), 3000)).toBe(true);
  expect(settling.nextAt).toBeUndefined();
});

test('what changed lately is settled when nothing has changed for long enough', () => {
  const settling = createSettling(2000);
  expect(settling.isSettled('a', at('x', 9000), 10_000)).toBe(false);
  expect(settling.nextAt).toBe(11_000);
  expect(settling.isSettled('a', at('y', 10_500), 10_999)).toBe(false);
  expect(settling.isSettled('a', at('y', 10_500), 12_499)).toBe(false);
  expect(settling.isSettled('a', at('y', 10_500), 12_500)).toBe(true);
});

test('what changed in the future of this clock needs two looks', () => {
  const settling = createSettling(2000);
  expect(settling.isSettled('a', at('x', 99_000), 10_000)).toBe(false);
  expect(settling.isSettled('a', at('x', 99_000), 11_999)).toBe(false);
  expect(settling.isSettled('a', at('x', 99_000), 12_000)).toBe(true);
});

test('what has no time of change needs two looks', () => {
  const settling = createSettling(2000);
  expect(settling.isSettled('a', at('gone', 0), 10_000)).toBe(false);
  expect(settling.isSettled('a', at('gone', 0), 12_000)).toBe(true);
});

test('a clock that is set back does not make it wait for the old time', () => {
  const settling = createSettling(2000);
  expect(settling.isSettled('a', at('x', 99_000), 100_000)).toBe(false);
  expect(settling.isSettled('a', at('x', 99_000), 10_000)).toBe(false);
  expect(settling.isSettled('a', at('x', 99_000), 12_000)).toBe(true);
});

test('what was settled stays so, and what is forgotten starts anew', () => {
  const settling = createSettling(2000);
  settling.isSettled('a', at('x', 1000), 3000);
  expect(settling.isSettled('a', at('x', 1000), 1500)).toBe(true);
  settling.keep(() => false);
  expect(settling.isSettled('a', at('x', 1000), 1500)).toBe(false);
});

test('nothing to wait for is settled at once', () => {
  expect(createSettling(0).isSettled('a', at('x', 99_000), 1000)).toBe(true);
});
