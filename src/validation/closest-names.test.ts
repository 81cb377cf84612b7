import { expect, test } from 'vitest';
import { closestNames, meantName } from './closest-names.ts';

const names = ['color', 'resize', 'crop', 'scale', 'mean', 'std'];

test('the nearest names come first, whatever their case', () => {
  expect(closestNames('RESISE', names, 2)).toEqual(['resize', 'scale']);
});

test.each([
  ['colour', 'color'],
  ['Scale', 'scale'],
  ['sdt', undefined],
  ['preprocessing', undefined],
])('%s: %s is meant', (wrong, meant) => {
  expect(meantName(wrong, names)).toBe(meant);
});

test('no name is nearest where there is none', () => {
  expect(meantName('a', [])).toBeUndefined();
});

test('a very long name takes no long time', () => {
  expect(closestNames('x'.repeat(1e6), names, 1)).toHaveLength(1);
});
