import { expect, test } from 'vitest';
import { concatWeights, lazyBytes, permuteWeight, sliceWeight, weightOf } from './weight.ts';

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
