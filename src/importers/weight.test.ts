import { expect, test } from 'vitest';
import { createRandom } from '../../test/models/random.ts';
import {
  concatWeights,
  countOf,
  lazyBytes,
  permute,
  permuteWeight,
  sliceWeight,
  weightOf,
} from './weight.ts';

/** Element by element, as numpy's transpose is defined. */
function slowPermute(source: Float32Array, shape: number[], order: number[]): number[] {
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

test('kernels turn from HWIO to OIHW when their bytes are asked for', () => {
  const weight = weightOf('w', [1, 2, 2, 3], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  const turned = permuteWeight(weight, [3, 2, 0, 1]);
  expect(turned.shape).toEqual([3, 2, 1, 2]);
  const [bytes] = [...lazyBytes(turned).pieces()];
  expect([...new Float32Array((bytes as Uint8Array).slice().buffer)]).toEqual([
    0, 6, 3, 9, 1, 7, 4, 10, 2, 8, 5, 11,
  ]);
});

test('slices put together again are the weight', () => {
  const weight = weightOf(
    'w',
    [2, 6, 2],
    Float32Array.from({ length: 24 }, (_, i) => i),
  );
  const parts = [0, 2, 4].map((from) => sliceWeight(weight, 1, from, from + 2));
  expect([...(parts[1]?.read() ?? [])]).toEqual([4, 5, 6, 7, 16, 17, 18, 19]);
  expect([...concatWeights(parts, 1).read()]).toEqual([...weight.read()]);
});
