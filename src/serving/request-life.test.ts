import { describe, expect, test } from 'vitest';
import { createManualClock } from '../batching/clock.fixture.ts';
import { ServingError } from '../errors.ts';
import type { OpenLife } from './request-life.ts';
import { createRequestLives } from './request-life.ts';

const gone = new ServingError('REQUEST_CANCELLED', {});

function open(): {
  life: OpenLife;
  told: Error[];
  clock: ReturnType<typeof createManualClock>;
} {
  const clock = createManualClock();
  const life = createRequestLives(clock).open({
    model: 'digits',
    acceptedAt: clock.now(),
    limitMs: 100,
  });
  const told: Error[] = [];
  life.attach({ cancel: (reason) => told.push(reason) });
  return { life, told, clock };
}

describe('a request', () => {
  test('whose time is over ends with DEADLINE_EXCEEDED, not before', () => {
    const { life, told, clock } = open();
    clock.advance(99);
    life.throwIfEnded();
    clock.advance(10);
    expect(told).toEqual([
      expect.objectContaining({
        code: 'DEADLINE_EXCEEDED',
        message: "Model digits did not answer within the request's time limit of 100 ms.",
      }),
    ]);
    expect(() => life.throwIfEnded()).toThrow(told[0]);
    expect(life.signal.reason).toBe(told[0]);
  });

  test('whose client is gone ends once, whatever comes after', () => {
    const { life, told, clock } = open();
    const { signal } = life;
    life.end(gone);
    life.end(new Error('again'));
    clock.advance(200);
    expect([told, signal.reason]).toEqual([[gone], gone]);
  });

  test('that is answered is told nothing any more', () => {
    const { life, told, clock } = open();
    const { signal } = life;
    life.close();
    life.end(gone);
    clock.advance(200);
    expect([told, signal.aborted]).toEqual([[], false]);
  });

  test('that has ended cancels what is attached later', () => {
    const { life } = open();
    life.end(gone);
    const late: Error[] = [];
    life.attach({ cancel: (reason) => late.push(reason) });
    expect(late).toEqual([gone]);
  });
});

describe('a request that asks in its body', () => {
  test('for less time has less, counted from its acceptance', () => {
    const { life, told, clock } = open();
    clock.advance(20);
    life.change({ timeoutMs: 50 });
    clock.advance(29);
    expect(told).toEqual([]);
    clock.advance(10);
    expect(told.map(String)).toEqual([expect.stringContaining('time limit of 50 ms')]);
  });

  test('for less time than has passed is over', () => {
    const { life, told, clock } = open();
    clock.advance(20);
    life.change({ timeoutMs: 0.001 });
    clock.advance(10);
    expect(told).toMatchObject([{ code: 'DEADLINE_EXCEEDED' }]);
  });

  test('for more time has what it had', () => {
    const { life, told, clock } = open();
    life.change({ timeoutMs: 1000 });
    expect(life.deadline - life.acceptedAt).toBe(100);
    clock.advance(110);
    expect(told).toHaveLength(1);
  });

  test('for another priority has it, else the one it had', () => {
    const { life } = open();
    life.change({});
    expect(life.priority).toBe('high');
    life.change({ priority: 'low' });
    expect(life.priority).toBe('low');
  });

  test('after its end changes nothing', () => {
    const { life, told, clock } = open();
    life.close();
    life.change({ timeoutMs: 1 });
    clock.advance(1000);
    expect(told).toEqual([]);
  });
});

describe('a part of a request', () => {
  test('ends with the whole', () => {
    const { life } = open();
    const part = life.fork();
    life.end(gone);
    expect(part.signal.reason).toBe(gone);
    expect([part.deadline, part.acceptedAt]).toEqual([life.deadline, life.acceptedAt]);
  });

  test('ends alone', () => {
    const { life, told } = open();
    const part = life.fork();
    part.end(gone);
    expect([part.signal.aborted, life.signal.aborted, told]).toEqual([true, false, []]);
  });
});
