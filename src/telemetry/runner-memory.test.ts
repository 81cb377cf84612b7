import { expect, test } from 'vitest';
import { readProcessMemory } from './runner-memory.ts';

test.runIf(process.platform === 'linux')('the memory of a process is in bytes', async () => {
  const memory = await readProcessMemory(process.pid);
  const { rss } = process.memoryUsage();
  expect(memory?.residentBytes).toBeGreaterThan(rss / 2);
  expect(memory?.residentBytes).toBeLessThan(rss * 2);
  expect(memory?.anonymousBytes).toBeGreaterThan(1_000_000);
  expect(memory?.anonymousBytes).toBeLessThan(memory?.residentBytes ?? 0);
});

test('the memory of a process that is gone is unknown', async () => {
  expect(await readProcessMemory(2 ** 30)).toBeUndefined();
});
