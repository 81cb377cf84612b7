import { expect, test } from 'vitest';
import { createSlots } from './slots.ts';

const { signal } = new AbortController();

test('those who wait get the slots that come back, in order', async () => {
  const slots = createSlots(2);
  const order: string[] = [];
  const take = (name: string) =>
    slots.take(signal).then((giveBack) => {
      order.push(name);
      return giveBack;
    });
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(take);
  (await b)?.();
  (await c)?.();
  (await a)?.();
  (await d)?.();
  expect(order).toEqual(['a', 'b', 'c', 'd']);
  expect(await Promise.all([take('e'), take('f')])).toHaveLength(2);
});

test('one who leaves takes no slot along', async () => {
  const slots = createSlots(1);
  const giveBack = await slots.take(signal);
  const leaving = new AbortController();
  const left = slots.take(leaving.signal);
  const stays = slots.take(signal);
  leaving.abort(new Error('gone'));
  await expect(left).rejects.toThrow('gone');
  giveBack();
  expect(await stays).toBeTypeOf('function');
});

test('one who left before asking is refused', async () => {
  await expect(createSlots(1).take(AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone');
});
