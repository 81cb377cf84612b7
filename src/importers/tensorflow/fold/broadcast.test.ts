import { expect, test } from 'vitest';
import { constantOf } from '../constant.ts';
import { dataType, dataTypeOf } from '../data-types.ts';
import { mapElements } from './broadcast.ts';

test('what is computed ahead is bounded by the doubles that it is computed in', () => {
  const bool = dataTypeOf(10);
  const column = constantOf(bool, [8192, 1], new Uint8Array(8192));
  const row = constantOf(bool, [1, 8192], new Uint8Array(8192));
  const compute = (): never => {
    throw new Error('it was computed');
  };
  expect(() => mapElements([column, row], bool, 'And', compute)).toThrow(
    'it has 67108864 elements, more than can be computed ahead',
  );
});

test('more elements than are computed together are as one after the other', () => {
  const float = dataType('float');
  const [rows, columns] = [300, 301];
  const column = constantOf(
    float,
    [rows, 1],
    Float32Array.from({ length: rows }, (_, i) => i),
  );
  const row = constantOf(
    float,
    [columns],
    Float32Array.from({ length: columns }, (_, i) => 2 * i),
  );
  const whole = constantOf(
    float,
    [rows, columns],
    Float32Array.from({ length: rows * columns }, (_, i) => i % 7),
  );
  const single = constantOf(float, [], [1000]);
  const compute = (a = 0, b = 0, c = 0, d = 0): number => a * 3 - b + c + d;
  const made = mapElements([column, row, whole, single], float, 'x', compute).read();
  expect([...made].length).toBe(rows * columns);
  const wanted = Float32Array.from({ length: rows * columns }, (_, i) =>
    compute(Math.floor(i / columns), 2 * (i % columns), i % 7, 1000),
  );
  expect(made).toEqual(wanted);
});

test('the inputs, repeated, do not count against the bound: a mask of 3600 tokens is computed ahead', () => {
  const bool = dataType('bool');
  const column = constantOf(bool, [3600, 1], new Uint8Array(3600).fill(1));
  const row = constantOf(bool, [1, 3600], new Uint8Array(3600).fill(1));
  const made = mapElements([column, row], bool, 'And', (a = 0, b = 0) => a * b).read();
  expect(made.length).toBe(3600 ** 2);
  expect(made.at(-1)).toBe(1);
});
