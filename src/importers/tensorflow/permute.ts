/** Elements with their axes in another order, for any type of numbers; the small and the rare. */

import type { Numbers } from './data-types.ts';

export function permuteNumbers(
  numbers: Numbers,
  shape: readonly number[],
  order: readonly number[],
): Numbers {
  const result = numbers.slice();
  const strides = stridesOf(shape);
  const to = order.map((axis) => ({ size: shape[axis] ?? 1, stride: strides[axis] ?? 0 }));
  const index = new Array<number>(to.length).fill(0);
  let from = 0;
  for (let i = 0; i < numbers.length; i += 1) {
    result[i] = numbers[from] as never;
    for (let axis = to.length - 1; axis >= 0; axis -= 1) {
      const { size, stride } = to[axis] as { size: number; stride: number };
      index[axis] = (index[axis] ?? 0) + 1;
      from += stride;
      if ((index[axis] ?? 0) < size) break;
      from -= stride * size;
      index[axis] = 0;
    }
  }
  return result;
}

/** Elements from one index of each axis to the next. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let axis = shape.length - 2; axis >= 0; axis -= 1) {
    strides[axis] = (strides[axis + 1] as number) * (shape[axis + 1] as number);
  }
  return strides;
}
