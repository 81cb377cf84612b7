import { expect, test } from 'vitest';
import { createRandom } from '../../../test/models/random.ts';
import { requestShape } from './infer-request.ts';
import { isPlainRequest } from './plain-request.ts';

const input = { name: 'x', shape: [1, 2], datatype: 'FP32', parameters: { binary_data_size: 8 } };
const plain = {
  id: 'a',
  parameters: { binary_data_output: true },
  inputs: [input],
  outputs: [{ name: 'y', parameters: {} }],
};

test('what clients send is recognised', () => {
  expect(isPlainRequest(plain)).toBe(true);
  expect(isPlainRequest({ parameters: {}, inputs: [{ ...input, data: [1, 2] }] })).toBe(true);
});

/** Values to put in the place of others. */
const strange = [
  undefined,
  null,
  0,
  -1,
  1.5,
  2 ** 32,
  'x',
  true,
  [],
  [1],
  {},
  { a: null },
  { a: [] },
  [null],
  [{}],
  Number.NaN,
  new Array(33).fill(1),
];

function mutate(value: unknown, random: () => number): unknown {
  const pick = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)] as T;
  if (random() < 0.15) return pick(strange);
  if (Array.isArray(value)) return value.map((one) => (random() < 0.5 ? mutate(one, random) : one));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).flatMap(([key, one]) => {
    if (random() < 0.05) return [];
    return [[key, random() < 0.5 ? mutate(one, random) : one] as const];
  });
  return Object.fromEntries(entries);
}

test('nothing is recognised that the validator would refuse or change', () => {
  const random = createRandom(11);
  let recognised = 0;
  for (let i = 0; i < 20_000; i += 1) {
    const value = mutate(plain, random);
    if (!isPlainRequest(value)) continue;
    recognised += 1;
    const checked = requestShape.safeParse(value);
    expect(checked.success, JSON.stringify(value)).toBe(true);
    expect(checked.data).toEqual(value);
  }
  expect(recognised).toBeGreaterThan(1000);
});
