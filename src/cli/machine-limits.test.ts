import { expect, test } from 'vitest';
import { bodyMemoryOf, connectionsOf, waitingPicturesOf } from './machine-limits.ts';

const megabyte = 1024 ** 2;
const maxBody = 64 * megabyte;
const gigabytes = 1024 * megabyte;

test.each([
  ['an eighth of the memory', undefined, 16 * gigabytes, 2 * gigabytes],
  ['room for two bodies where that is little', undefined, 0.5 * gigabytes, 2 * maxBody],
  ['what was set', 100 * megabyte, 16 * gigabytes, 100 * megabyte],
])('bodies have %s', (_, maxBodyMemory, memory, expected) => {
  expect(bodyMemoryOf({ maxBody, maxBodyMemory }, memory)).toBe(expected);
});

test('less than one body is refused', () => {
  expect(() => bodyMemoryOf({ maxBody, maxBodyMemory: maxBody - 1 })).toThrow('--max-body-memory');
});

test.each([
  [2000, Infinity, 2000],
  [2000, 1024, 768],
  [2000, 400, 200],
  [100, 1024, 100],
])('of %d connections with %d open files %d are allowed', (maxConnections, files, expected) => {
  expect(connectionsOf({ maxConnections }, files)).toBe(expected);
});

test('sixteen full requests may wait to be decoded, in half of the memory of bodies', () => {
  const settings = { maxBody, maxBodyMemory: 512 * megabyte, maxPictures: 64 };
  expect(waitingPicturesOf(settings)).toEqual({ pictures: 1024, bytes: 256 * megabyte });
});
