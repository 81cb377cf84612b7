import { expect, test } from 'vitest';
import { constantOf } from '../constant.ts';
import { dataTypeOf } from '../data-types.ts';
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
