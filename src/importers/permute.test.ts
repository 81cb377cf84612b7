/** Axes in another order: the same elements as by the definition, whole and in parts. */

import { expect, test } from 'vitest';
import { createRandom } from '../../test/models/random.ts';
import { permute, permuteInParts } from './permute.ts';
import { countOf } from './weight.ts';

/** Element by element, as numpy's transpose is defined. */
function slowPermute(
  source: Float32Array,
  shape: readonly number[],
  order: readonly number[],
): number[] {
  const strides = shape.map((_, i) => countOf(shape.slice(i + 1)));
  const target = order.map((axis) => shape[axis] as number);
  return Array.from(source, (_, place) => {
    let left = place;
    let from = 0;
    for (let i = target.length - 1; i >= 0; i -= 1) {
      from += (left % (target[i] as number)) * (strides[order[i] as number] as number);
      left = Math.floor(left / (target[i] as number));
    }
    return source[from] as number;
  });
}

test('axes change places as in numpy, for every order of up to five axes', () => {
  const random = createRandom(7);
  for (let trial = 0; trial < 200; trial += 1) {
    const rank = 1 + Math.floor(random() * 5);
    const shape = Array.from({ length: rank }, () => 1 + Math.floor(random() * 5));
    if (trial % 10 === 0) shape[0] = 70;
    const order = shape
      .map((_, axis) => ({ axis, key: random() }))
      .sort((a, b) => a.key - b.key)
      .map(({ axis }) => axis);
    const source = Float32Array.from({ length: countOf(shape) }, (_, i) => i);
    expect([...permute(source, shape, order)]).toEqual(slowPermute(source, shape, order));
  }
});

const cases: readonly (readonly [shape: number[], order: number[]])[] = [
  [
    [3, 3, 5, 7],
    [3, 2, 0, 1],
  ],
  // More than one part, and a last one that is smaller.
  [
    [3, 3, 64, 257],
    [3, 2, 0, 1],
  ],
  [
    [1, 1, 300, 700],
    [3, 2, 0, 1],
  ],
  [
    [3, 3, 33, 1],
    [2, 3, 0, 1],
  ],
  [
    [7, 2, 3, 4, 5],
    [4, 3, 0, 1, 2],
  ],
  [
    [2, 3, 4],
    [0, 1, 2],
  ],
  [
    [70_001, 3],
    [1, 0],
  ],
  [
    [3, 70_001],
    [1, 0],
  ],
  [
    [1, 1],
    [1, 0],
  ],
  [[5], [0]],
  [[], []],
];

test.each(cases)('%j in the order %j', (shape, order) => {
  const source = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i + 0.5);
  const expected = Float32Array.from(slowPermute(source, shape, order));
  expect(Buffer.compare(bytesOf(permute(source, shape, order)), bytesOf(expected))).toBe(0);
  const parts = Array.from(permuteInParts(source, shape, order), (part) => part.slice());
  const whole = Buffer.concat(parts.map(bytesOf));
  expect(Buffer.compare(whole, bytesOf(expected))).toBe(0);
});

test('parts of a large kernel share a memory far smaller than it', () => {
  const source = new Float32Array(3 * 3 * 512 * 512);
  const memories = new Set<ArrayBufferLike>();
  let parts = 0;
  for (const { buffer } of permuteInParts(source, [3, 3, 512, 512], [3, 2, 0, 1])) {
    memories.add(buffer);
    parts += 1;
  }
  expect(parts).toBeGreaterThan(1);
  expect(memories.size).toBe(1);
  expect([...memories][0]?.byteLength).toBeLessThan(source.byteLength / 10);
});

test('nothing has no parts', () => {
  expect([...permuteInParts(new Float32Array(0), [0, 3], [1, 0])]).toEqual([]);
  expect(permute(new Float32Array(0), [0, 3], [1, 0])).toHaveLength(0);
});

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);
