import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { startDeadline } from './request-deadline.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('the signal aborts with DEADLINE_EXCEEDED when the time is over, not before', () => {
  const { signal } = startDeadline(100, 'digits');
  vi.advanceTimersByTime(99);
  expect(signal.aborted).toBe(false);
  vi.advanceTimersByTime(1);
  expect(signal.reason).toMatchObject({
    code: 'DEADLINE_EXCEEDED',
    message: "Model digits did not answer within the request's time limit of 100 ms.",
  });
});

test('a client that is gone aborts it with REQUEST_CANCELLED, and time changes nothing then', () => {
  const deadline = startDeadline(100, 'digits');
  deadline.cancel();
  vi.advanceTimersByTime(200);
  expect(deadline.signal.reason).toMatchObject({ code: 'REQUEST_CANCELLED' });
  expect(vi.getTimerCount()).toBe(0);
});

test('a request that is answered leaves no timer', () => {
  const deadline = startDeadline(100, 'digits');
  deadline.clear();
  vi.advanceTimersByTime(200);
  expect([deadline.signal.aborted, vi.getTimerCount()]).toEqual([false, 0]);
});
