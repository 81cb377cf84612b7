import { describe, expect, test } from 'vitest';
import { ServingError } from '../errors.ts';
import { createStage, finishAll, settle } from './scheduler.fixture.ts';

const gone = new Error('client gone');

describe('a free instance', () => {
  test('takes a request at once', () => {
    const { scheduler, submit, history } = createStage();
    submit('x');
    expect([history, scheduler.waiting, scheduler.running]).toEqual([[['x']], 0, 1]);
  });

  test('takes what waits, first in first out, up to maxBatch rows', async () => {
    const stage = createStage();
    for (const name of 'abcdefg') stage.submit(name);
    await finishAll(stage);
    expect(stage.history).toEqual([['a'], ['b', 'c', 'd', 'e'], ['f', 'g']]);
  });

  test('works beside another', () => {
    const { submit, runs, scheduler } = createStage({ instances: ['a', 'b'] });
    for (const name of 'xyz') submit(name);
    expect(new Set(runs.map(({ instance }) => instance))).toEqual(new Set(['a', 'b']));
    expect([scheduler.waiting, scheduler.running]).toEqual([1, 2]);
  });

  test('that is added twice is one', () => {
    const { scheduler, submit, runs } = createStage();
    scheduler.addInstance('a');
    submit('x');
    submit('y');
    expect(runs).toHaveLength(1);
  });
});

describe('an instance whose full runs are short', () => {
  const policy = { maxBatch: 2, aheadMs: 10 };

  /** A stage on which a run of 2 rows is known to take so many milliseconds. */
  async function createKnown(milliseconds: number, instances = ['a']) {
    const stage = createStage({ policy, instances });
    stage.submit('warm', { rows: 2 });
    stage.clock.advance(milliseconds);
    await finishAll(stage);
    stage.history.length = 0;
    return stage;
  }

  test('is given its next full run ahead, and no third one', async () => {
    const stage = await createKnown(10);
    for (const name of 'abcdef') stage.submit(name);
    expect(stage.history).toEqual([['a'], ['b', 'c']]);
    stage.runs[0]?.finish();
    await settle();
    expect(stage.history).toEqual([['a'], ['b', 'c'], ['d', 'e']]);
    await finishAll(stage);
    expect(stage.history.at(-1)).toEqual(['f']);
  });

  test('is given nothing ahead that is not full', async () => {
    const stage = await createKnown(10);
    for (const name of 'ab') stage.submit(name);
    expect(stage.history).toEqual([['a']]);
  });

  test('is given nothing ahead while another is free', async () => {
    const stage = await createKnown(10, ['a', 'b']);
    for (const name of 'abcd') stage.submit(name);
    expect(stage.runs.map(({ instance }) => instance).sort()).toEqual(['a', 'b', 'b']);
  });

  test('is not one whose runs are longer, or not known yet', async () => {
    const stage = await createKnown(11);
    for (const name of 'abcd') stage.submit(name);
    expect(stage.history).toEqual([['a']]);
    const fresh = createStage({ policy });
    for (const name of 'abcd') fresh.submit(name);
    expect(fresh.history).toEqual([['a']]);
  });

  test('is estimated by the time of each run, not by that of its wait', async () => {
    const stage = await createKnown(10);
    for (const name of 'abcdefgh') stage.submit(name, { rows: 2 });
    for (let i = 0; i < 6; i += 1) {
      stage.clock.advance(10);
      stage.runs[0]?.finish();
      await settle();
    }
    // Two run, which is one half done and one to do; 5 ms a row.
    expect(stage.scheduler.estimateWaitMs()).toBeCloseTo(10);
  });

  test('that dies loses both, and each part of them is answered', async () => {
    const stage = await createKnown(10);
    const answers = [...'abc'].map((name) => stage.submit(name).answer);
    for (const run of [...stage.runs]) run.die();
    await settle();
    stage.scheduler.addInstance('b');
    await finishAll(stage);
    expect(await Promise.all(answers)).toEqual(['a0', 'b0', 'c0']);
  });
});

describe('a request of several rows', () => {
  test('is kept whole, and one behind it that fits goes before it', async () => {
    const stage = createStage();
    for (const [name, rows] of [
      ['a', 1],
      ['b', 2],
      ['c', 3],
      ['d', 2],
      ['e', 1],
    ] as const)
      stage.submit(name, { rows });
    await finishAll(stage);
    expect(stage.history).toEqual([['a'], ['b', 'd'], ['c', 'e']]);
  });

  test('larger than maxBatch runs in parts, which share runs with others, and is one answer', async () => {
    const stage = createStage();
    const { answer } = stage.submit('x', { rows: 10 });
    stage.submit('y', { rows: 2 });
    expect(stage.scheduler.waiting).toBe(2);
    await finishAll(stage);
    expect(stage.history).toEqual([['x'], ['x'], ['x', 'y']]);
    expect(await answer).toBe('x0 x1 x2 x3 x4 x5 x6 x7 x8 x9');
  });

  test('is joined in the order of its rows, whichever run ends first', async () => {
    const stage = createStage({ instances: ['a', 'b', 'c'] });
    const { answer } = stage.submit('x', { rows: 9 });
    for (const run of stage.runs.toReversed()) run.finish();
    expect(await answer).toBe('x0 x1 x2 x3 x4 x5 x6 x7 x8');
  });

  test('fails as a whole with any of its parts, and the others do not run', async () => {
    const stage = createStage();
    const { answer } = stage.submit('x', { rows: 12 });
    stage.runs[0]?.fail(new Error('broken'));
    await expect(answer).rejects.toThrow('broken');
    await settle();
    expect([stage.history.length, stage.scheduler.waiting, stage.scheduler.waitingBytes]).toEqual([
      1, 0, 0,
    ]);
  });

  test('of no rows is a mistake of the caller', () => {
    expect(() => createStage().submit('x', { rows: 0 })).toThrow(RangeError);
  });
});

describe('requests that share no run:', () => {
  test('those of different groups, the oldest group first', async () => {
    const stage = createStage();
    const names = ['x0', 'a1', 'b1', 'a2', 'c1', 'b2'];
    for (const name of names) stage.submit(name, { group: name[0] as string });
    await finishAll(stage);
    expect(stage.history).toEqual([['x0'], ['a1', 'a2'], ['b1', 'b2'], ['c1']]);
  });

  test('those that are to run alone', async () => {
    const stage = createStage();
    for (const name of ['x', 'a', 'ALONE', 'b']) stage.submit(name, { alone: name === 'ALONE' });
    await finishAll(stage);
    expect(stage.history).toEqual([['x'], ['a', 'b'], ['ALONE']]);
  });

  test('all, whole, when rows depend on their company', async () => {
    const stage = createStage({ policy: { acrossRequests: false } });
    for (const name of 'abc') stage.submit(name, { rows: 9 });
    await finishAll(stage);
    expect(stage.history).toEqual([['a'], ['b'], ['c']]);
  });
});

describe('two priorities:', () => {
  const high = { priority: 'high' } as const;
  const low = { priority: 'low' } as const;

  test('high runs before low, and low fills what room is left', async () => {
    const stage = createStage();
    stage.submit('x');
    for (const name of ['l1', 'l2', 'l3']) stage.submit(name, low);
    for (const name of ['h1', 'h2']) stage.submit(name, high);
    await finishAll(stage);
    expect(stage.history).toEqual([['x'], ['h1', 'h2', 'l1', 'l2'], ['l3']]);
  });

  test('low gets one run in eight while high never ends', async () => {
    const stage = createStage({ policy: { maxBatch: 1 } });
    for (let i = 0; i < 40; i += 1) stage.submit('high', high);
    for (let i = 0; i < 3; i += 1) stage.submit('low', low);
    for (let i = 0; i < 32; i += 1) {
      stage.runs[0]?.finish();
      await settle();
      stage.submit('high', high);
    }
    const places = stage.history.flatMap(([name], i) => (name === 'low' ? [i] : []));
    expect(places).toEqual([8, 16, 24]);
  });
});

describe('a full queue refuses', () => {
  test('by count', () => {
    const { submit, scheduler } = createStage({
      instances: [],
      limits: { maxRequests: 2, maxBytes: 100 },
    });
    submit('1');
    submit('2');
    expect(() => submit('3')).toThrow(expect.objectContaining({ code: 'QUEUE_FULL' }));
    expect(() => scheduler.reserve({ rows: 1, bytes: 1 })).toThrow('2 requests');
    expect(scheduler.waiting).toBe(2);
  });

  test('by bytes', () => {
    const limits = { maxRequests: 10, maxBytes: 100 };
    const { submit, scheduler } = createStage({ instances: [], limits });
    submit('1', { bytes: 60 });
    expect(() => submit('2', { bytes: 41 })).toThrow('100 bytes');
    submit('3', { bytes: 40 });
    expect([scheduler.waiting, scheduler.waitingBytes]).toEqual([2, 100]);
  });

  test('but takes a single request larger than its bytes, so that it is answered at all', () => {
    const limits = { maxRequests: 10, maxBytes: 100 };
    const { submit, scheduler } = createStage({ instances: [], limits });
    submit('1', { bytes: 1000 });
    expect(scheduler.waiting).toBe(1);
  });

  test('and what runs does not count', async () => {
    const { submit, runs } = createStage({ limits: { maxRequests: 1, maxBytes: 100 } });
    submit('1', { bytes: 100 });
    submit('2', { bytes: 100 });
    expect(() => submit('3')).toThrow(expect.objectContaining({ code: 'QUEUE_FULL' }));
    runs[0]?.finish();
    await settle();
    submit('4');
  });

  test('saying when to come again, by the rate of the runs so far', async () => {
    const { submit, runs, clock } = createStage({
      policy: { maxBatch: 1 },
      limits: { maxRequests: 4, maxBytes: 100 },
    });
    submit('first');
    clock.advance(2000);
    runs[0]?.finish();
    await settle();
    for (const name of 'abcde') submit(name);
    expect(() => submit('f')).toThrow(
      expect.objectContaining({ details: expect.objectContaining({ retryAfterSeconds: 9 }) }),
    );
  });
});

describe('a deadline', () => {
  test('that passes while waiting: the request never runs, and its bytes are free', async () => {
    const { submit, scheduler, clock, history } = createStage();
    submit('x');
    const { answer } = submit('y', { deadline: 100 });
    clock.advance(99);
    expect(scheduler.waiting).toBe(1);
    clock.advance(6);
    await expect(answer).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      details: { model: 'test', afterMs: 100 },
    });
    expect([scheduler.waiting, scheduler.waitingBytes, history]).toEqual([0, 0, [['x']]]);
  });

  test('that passes while running: the caller is free, and the answer is dropped', async () => {
    const stage = createStage();
    const { answer } = stage.submit('x', { deadline: 100 });
    stage.clock.advance(105);
    await expect(answer).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(stage.scheduler.running).toBe(1);
    await finishAll(stage);
    expect(stage.scheduler.running).toBe(0);
  });

  test('that is over before the timer rings is seen when its turn comes', async () => {
    const { submit, clock, runs, history } = createStage({ policy: { maxBatch: 2 } });
    submit('x');
    const late = [submit('y', { deadline: 101 }), submit('z', { deadline: 101 })];
    clock.advance(101);
    runs[0]?.finish();
    for (const { answer } of late)
      await expect(Promise.race([answer, settle()])).rejects.toMatchObject({
        code: 'DEADLINE_EXCEEDED',
      });
    expect(history).toEqual([['x']]);
  });

  test('that is over already is refused', () => {
    const { submit, clock } = createStage();
    clock.advance(10);
    expect(() => submit('x', { deadline: 10 })).toThrow(
      expect.objectContaining({ code: 'DEADLINE_EXCEEDED' }),
    );
  });

  test('that the current wait leaves out of reach is refused at once', async () => {
    const { submit, scheduler, runs, clock } = createStage({ policy: { maxBatch: 1 } });
    submit('first');
    clock.advance(100);
    runs[0]?.finish();
    await settle();
    for (const name of 'abc') submit(name);
    // Half of a run, two that wait and its own: 350 ms.
    expect(scheduler.estimateWaitMs()).toBe(250);
    const deadline = (left: number) => ({ deadline: clock.now() + left });
    expect(() => submit('x', deadline(349))).toThrow(
      expect.objectContaining({
        code: 'DEADLINE_UNREACHABLE',
        details: { model: 'test', neededMs: 350, leftMs: 349, retryAfterSeconds: 1 },
      }),
    );
    expect(() => scheduler.reserve({ rows: 1, bytes: 1, ...deadline(349) })).toThrow();
    submit('y', deadline(350));
    submit('without');
  });

  test('is never out of reach while an instance is free', async () => {
    const { submit, runs, clock, history } = createStage();
    submit('slow once');
    clock.advance(60_000);
    runs[0]?.finish();
    await settle();
    submit('x', { deadline: clock.now() + 1 });
    expect(history).toHaveLength(2);
  });
});

test('the deadline of an answered request keeps nothing alive', async () => {
  const stage = createStage();
  const { answer } = stage.submit('x', { deadline: 60_000 });
  await finishAll(stage);
  await answer;
  stage.clock.advance(5000);
  expect(stage.clock.timers).toEqual([]);
});

describe('a request that is cancelled', () => {
  test('while waiting never runs, and its room is free', async () => {
    const limits = { maxRequests: 1, maxBytes: 10 };
    const { submit, scheduler, history } = createStage({ instances: [], limits });
    const ticket = submit('x', { bytes: 10, rows: 9 });
    ticket.cancel(gone);
    await expect(ticket.answer).rejects.toBe(gone);
    submit('y', { bytes: 10 });
    scheduler.addInstance('a');
    expect([history, scheduler.waiting]).toEqual([[['y']], 0]);
  });

  test('while running frees its caller at once, the instance when its run ends', async () => {
    const { submit, scheduler, runs, history } = createStage();
    const ticket = submit('x');
    submit('y');
    ticket.cancel(gone);
    await expect(ticket.answer).rejects.toBe(gone);
    expect([history, scheduler.running]).toEqual([[['x']], 1]);
    runs[0]?.finish();
    await settle();
    expect(history).toEqual([['x'], ['y']]);
  });

  test('after the answer keeps it', async () => {
    const { submit, runs } = createStage();
    const ticket = submit('x');
    runs[0]?.finish();
    await ticket.answer;
    ticket.cancel(gone);
    expect(await ticket.answer).toBe('x0');
  });
});

describe('room that is reserved', () => {
  const limits = { maxRequests: 2, maxBytes: 100 };

  test('counts as waiting, by requests and bytes, until it is given back once', () => {
    const { submit, scheduler } = createStage({ instances: [], limits });
    const release = scheduler.reserve({ rows: 1, bytes: 60 });
    expect(() => submit('large', { bytes: 41 })).toThrow('100 bytes');
    submit('small');
    expect(() => scheduler.reserve({ rows: 1, bytes: 1 })).toThrow('2 requests');
    release();
    release();
    submit('next');
    expect(() => submit('one more')).toThrow('2 requests');
  });

  test('counts also while an instance is free', () => {
    const { submit, scheduler, history } = createStage({ limits });
    for (let i = 0; i < 2; i += 1) scheduler.reserve({ rows: 1, bytes: 1 });
    expect(() => scheduler.reserve({ rows: 1, bytes: 1 })).toThrow('2 requests');
    submit('admitted', { admitted: true });
    expect(history).toEqual([['admitted']]);
  });

  test('is part of the wait of those that come later', async () => {
    const { submit, scheduler, runs, clock } = createStage({ policy: { maxBatch: 1 } });
    submit('first');
    clock.advance(100);
    runs[0]?.finish();
    await settle();
    submit('running');
    const release = scheduler.reserve({ rows: 3, bytes: 1 });
    expect(scheduler.estimateWaitMs()).toBe(350);
    release();
    expect(scheduler.estimateWaitMs()).toBe(50);
  });

  test('lets a request in that finds the queue full, but not after its deadline', () => {
    const { submit, clock } = createStage({ instances: [], limits });
    submit('1');
    submit('2');
    submit('3', { admitted: true });
    clock.advance(10);
    const late = { admitted: true, deadline: clock.now(), acceptedAt: 0 };
    expect(() => submit('4', late)).toThrow(
      expect.objectContaining({
        code: 'DEADLINE_EXCEEDED',
        details: { model: 'test', afterMs: 10 },
      }),
    );
  });
});

test('a ticket is cancelled only once', async () => {
  const { submit, scheduler } = createStage({ instances: [] });
  const ticket = submit('x');
  ticket.cancel(gone);
  ticket.cancel(new Error('again'));
  await expect(ticket.answer).rejects.toBe(gone);
  expect(scheduler.waiting).toBe(0);
});

describe('a run whose instance dies', () => {
  test('is run again in parts, each alone, on another instance', async () => {
    const stage = createStage({ instances: ['a'] });
    stage.submit('x');
    const tickets = [...'bcd'].map((name) => stage.submit(name));
    stage.runs[0]?.finish();
    await settle();
    stage.scheduler.addInstance('b');
    stage.submit('later');
    stage.runs[0]?.die();
    await settle();
    expect(stage.scheduler.waiting).toBe(3);
    await finishAll(stage);
    expect(stage.history).toEqual([['x'], ['b', 'c', 'd'], ['later'], ['b'], ['c'], ['d']]);
    expect(await Promise.all(tickets.map(({ answer }) => answer))).toEqual(['b0', 'c0', 'd0']);
  });

  test('waits for the instance that replaces it, before what came later', async () => {
    const stage = createStage();
    stage.submit('x');
    stage.submit('y');
    stage.runs[0]?.die();
    await settle();
    expect([stage.history, stage.scheduler.waiting]).toEqual([[['x']], 2]);
    stage.scheduler.removeInstance('a');
    stage.scheduler.addInstance('b');
    await finishAll(stage);
    expect(stage.history).toEqual([['x'], ['x'], ['y']]);
  });

  test('is given up when another instance dies of it, and its neighbours are answered', async () => {
    const stage = createStage({ instances: [] });
    const [poison, other] = [stage.submit('poison'), stage.submit('other')];
    stage.scheduler.addInstance('a');
    stage.runs[0]?.die();
    await settle();
    stage.scheduler.addInstance('b');
    stage.runs[0]?.die();
    await expect(poison?.answer).rejects.toMatchObject({ code: 'RUNNER_DIED' });
    stage.scheduler.addInstance('c');
    await finishAll(stage);
    expect(await other?.answer).toBe('other0');
    expect(stage.history).toEqual([['poison', 'other'], ['poison'], ['other']]);
  });

  test('does not count when it had not begun, and its request runs on the next', async () => {
    const stage = createStage({ instances: ['a', 'b', 'c', 'd'] });
    const { answer } = stage.submit('x');
    stage.runs[0]?.die();
    for (let i = 0; i < 2; i += 1) {
      await settle();
      expect(stage.runs[0]?.again).toBe(true);
      stage.runs[0]?.die({ neverStarted: true });
    }
    await settle();
    stage.runs[0]?.finish();
    expect(await answer).toBe('x0');
  });

  test('is given up after many that had not begun', async () => {
    const stage = createStage({ instances: Array.from({ length: 20 }, (_, i) => `${i}`) });
    const { answer } = stage.submit('x');
    while (stage.runs.length > 0) {
      stage.runs[0]?.die({ neverStarted: true });
      await settle();
    }
    await expect(answer).rejects.toMatchObject({ code: 'RUNNER_DIED' });
    expect(stage.history).toHaveLength(16);
  });

  test('keeps its deadline while it waits to run again', async () => {
    const { submit, runs, clock, scheduler } = createStage();
    const { answer } = submit('x', { deadline: 50 });
    runs[0]?.die();
    await settle();
    expect(scheduler.waiting).toBe(1);
    clock.advance(60);
    await expect(answer).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect([scheduler.waiting, scheduler.waitingBytes]).toEqual([0, 0]);
  });

  test('is not run again when its caller has gone', async () => {
    const { submit, runs, history, scheduler } = createStage({ instances: ['a', 'b'] });
    const ticket = submit('x');
    ticket.cancel(gone);
    runs[0]?.die();
    await settle();
    expect([history, scheduler.waiting, scheduler.running]).toEqual([[['x']], 0, 0]);
  });
});

describe('a run that fails otherwise', () => {
  test('alone fails its request and frees its instance', async () => {
    const { submit, runs, history } = createStage();
    const { answer } = submit('x');
    runs[0]?.fail(new Error('broken'));
    await expect(answer).rejects.toThrow('broken');
    submit('y');
    expect(history).toEqual([['x'], ['y']]);
  });

  test('in company is run again part by part: one bad request fails alone', async () => {
    const stage = createStage({ instances: [] });
    const tickets = ['good', 'bad', 'fine'].map((name) => stage.submit(name));
    stage.scheduler.addInstance('a');
    stage.runs[0]?.fail(new Error('batch'));
    await settle();
    stage.runs[0]?.finish();
    await settle();
    stage.runs[0]?.fail(new Error('its own'));
    await settle();
    await finishAll(stage);
    const outcomes = await Promise.allSettled(tickets.map(({ answer }) => answer));
    expect(outcomes.map((o) => (o.status === 'fulfilled' ? o.value : o.reason.message))).toEqual([
      'good0',
      'its own',
      'fine0',
    ]);
  });
});

describe('an instance that is removed', () => {
  test('while it is free takes nothing', () => {
    const { scheduler, submit, history } = createStage();
    scheduler.removeInstance('a');
    submit('x');
    expect(history).toEqual([]);
  });

  test('while it runs ends its run and takes nothing more', async () => {
    const { scheduler, submit, runs, history } = createStage();
    const { answer } = submit('x');
    submit('y');
    scheduler.removeInstance('a');
    runs[0]?.finish();
    expect(await answer).toBe('x0');
    await settle();
    expect([history, scheduler.running]).toEqual([[['x']], 0]);
    scheduler.addInstance('b');
    expect(history).toEqual([['x'], ['y']]);
  });
});

describe('waiting for company (maxDelayMs)', () => {
  const policy = { maxDelayMs: 20 };

  test('ends when the batch is full', () => {
    const { submit, history } = createStage({ policy });
    for (const name of 'abc') submit(name);
    expect(history).toEqual([]);
    submit('d');
    expect(history).toEqual([['a', 'b', 'c', 'd']]);
  });

  test('ends after the delay of the oldest', () => {
    const { submit, history, clock } = createStage({ policy });
    submit('a');
    clock.advance(15);
    submit('b');
    clock.advance(4);
    expect(history).toEqual([]);
    clock.advance(1);
    expect([history, clock.timers]).toEqual([[['a', 'b']], []]);
  });

  test('uses no more than half of the time that a request has', () => {
    const { submit, history, clock } = createStage({ policy });
    submit('a');
    submit('b', { deadline: 10 });
    clock.advance(5);
    expect(history).toEqual([['a', 'b']]);
  });

  test('keeps no other group from running', () => {
    const { submit, history, clock } = createStage({ policy });
    submit('a');
    for (let i = 0; i < 4; i += 1) submit('b', { group: 'other' });
    expect(history).toEqual([['b', 'b', 'b', 'b']]);
    clock.advance(20);
    expect(history).toHaveLength(1);
  });

  test('refuses no deadline for the wait of what only waits for company', async () => {
    const { submit, runs, clock, scheduler } = createStage({ policy });
    submit('slow once', { alone: true });
    clock.advance(60_000);
    runs[0]?.finish();
    await settle();
    submit('a');
    submit('b', { deadline: clock.now() + 30 });
    expect(scheduler.waiting).toBe(2);
  });

  test('is not for what shares no run', () => {
    const { submit, history } = createStage({ policy });
    submit('a', { alone: true });
    expect(history).toEqual([['a']]);
  });
});

test('a new policy holds from the next run on', async () => {
  const stage = createStage();
  for (const name of 'abcdefghi') stage.submit(name);
  stage.scheduler.setPolicy({ maxBatch: 8, maxDelayMs: 0, acrossRequests: true });
  await finishAll(stage);
  expect(stage.history.map(({ length }) => length)).toEqual([1, 8]);
});

test('a run that gives too few results fails its requests one by one, not each with another answer', async () => {
  const { createScheduler } = await import('./scheduler.ts');
  const { createManualClock } = await import('./clock.fixture.ts');
  const scheduler = createScheduler<string, string, string>({
    model: 'test',
    limits: { maxRequests: 10, maxBytes: 10 },
    policy: { maxBatch: 4, maxDelayMs: 0, acrossRequests: true },
    clock: createManualClock(),
    runBatch: async (_, { parts }) => parts.slice(1).map(({ payload }) => payload),
    join: (results) => results.join(),
  });
  const answers = ['x', 'y'].map(
    (payload) => scheduler.submit({ payload, rows: 1, bytes: 1, group: 1 }).answer,
  );
  scheduler.addInstance('a');
  for (const answer of answers) await expect(answer).rejects.toBeInstanceOf(ServingError);
});

test('closing fails what waits, what comes later and what would run again, not what runs', async () => {
  const { scheduler, submit, runs } = createStage({
    instances: ['a', 'b'],
    policy: { maxBatch: 1 },
  });
  const reason = new Error('unloaded');
  const [one, two, waiting] = [submit('1'), submit('2'), submit('3', { rows: 3 })];
  scheduler.close(reason);
  await expect(waiting?.answer).rejects.toBe(reason);
  expect(() => submit('4')).toThrow(reason);
  expect(() => scheduler.reserve({ rows: 1, bytes: 1 })).toThrow(reason);
  runs[0]?.finish();
  runs[0]?.die();
  expect(await one?.answer).toBe('10');
  await expect(two?.answer).rejects.toBe(reason);
  expect([scheduler.waiting, scheduler.waitingBytes]).toEqual([0, 0]);
});
