import { expect, test } from 'vitest';
import { isStalled, startMeter } from './stall-meter.ts';

test('a kilobyte a second in each window is enough', () => {
  const meter = startMeter(0);
  expect(isStalled(meter, 0, 1999, 2000)).toBe(false);
  expect(isStalled(meter, 2048, 2000, 2000)).toBe(false);
  expect(isStalled(meter, 4096, 4000, 2000)).toBe(false);
  expect(isStalled(meter, 6143, 6000, 2000)).toBe(true);
});

test('nobody saves up for a long silence', () => {
  const meter = startMeter(0);
  expect(isStalled(meter, 1e9, 2000, 2000)).toBe(false);
  expect(isStalled(meter, 1e9, 4000, 2000)).toBe(true);
});
