import { expect, test } from 'vitest';
import { WaitEstimate } from './wait-estimate.ts';

const load = { rowsAhead: 10, rowsRunning: 4, instances: 2 };

test('nothing is known before the first run, nor without an instance', () => {
  const estimate = new WaitEstimate();
  expect([estimate.waitMs(load), estimate.retryAfterSeconds(load)]).toEqual([undefined, 1]);
  estimate.addRun(1, 10);
  expect(estimate.waitMs({ ...load, instances: 0 })).toBeUndefined();
});

test('the wait is what is ahead and half of what runs, over all instances', () => {
  const estimate = new WaitEstimate();
  estimate.addRun(4, 40);
  expect(estimate.waitMs(load)).toBe(60);
});

test('the rate follows the last runs, large ones for their size', () => {
  const estimate = new WaitEstimate();
  for (let i = 0; i < 100; i += 1) estimate.addRun(1, 100);
  for (let i = 0; i < 5; i += 1) estimate.addRun(8, 80);
  expect(estimate.msPerRow).toBeLessThan(30);
  for (let i = 0; i < 50; i += 1) estimate.addRun(8, 80);
  expect(estimate.msPerRow).toBeCloseTo(10, 0);
});

test('a client is told to come again after 1 to 60 seconds', () => {
  const estimate = new WaitEstimate();
  estimate.addRun(1, 1000);
  const after = (rowsAhead: number): number =>
    estimate.retryAfterSeconds({ rowsAhead, rowsRunning: 0, instances: 2 });
  expect([after(0), after(5), after(1000)]).toEqual([1, 3, 60]);
});
