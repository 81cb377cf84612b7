import { expect, test } from 'vitest';
import { createTurns } from './turns.ts';

test('each waits for those before it, and is told so', async () => {
  const takeTurn = createTurns();
  const events: string[] = [];
  const take = (name: string, signal?: AbortSignal): Promise<Disposable> =>
    takeTurn(signal, () => events.push(`${name} waits`)).then((turn) => {
      events.push(`${name} begins`);
      return turn;
    });
  const first = await take('a');
  const others = [take('b'), take('c')];
  await Promise.resolve();
  expect(events).toEqual(['a begins', 'b waits', 'c waits']);
  first[Symbol.dispose]();
  (await others[0])?.[Symbol.dispose]();
  (await others[1])?.[Symbol.dispose]();
  expect(events.slice(3)).toEqual(['b begins', 'c begins']);
});

test('one that gives up lets nobody pass those before it', async () => {
  const takeTurn = createTurns();
  const gone = new AbortController();
  const first = await takeTurn(undefined, () => {});
  const second = takeTurn(gone.signal, () => {});
  const third = takeTurn(undefined, () => {});
  gone.abort(new Error('not wanted'));
  await expect(second).rejects.toThrow('not wanted');
  let begun = false;
  void third.then(() => {
    begun = true;
  });
  await new Promise(setImmediate);
  expect(begun).toBe(false);
  first[Symbol.dispose]();
  await third;
});
