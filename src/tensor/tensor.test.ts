import { expect, test } from 'vitest';
import { createRandom } from '../../test/models/random.ts';
import { dtypes, isDType, sizeOfDType } from './dtype.ts';
import {
  byteLengthOf,
  countBytesElements,
  elementCount,
  packBytes,
  unpackBytes,
} from './tensor.ts';
import { wireShape } from './tensor-spec.ts';

test('a scalar has one element, a shape with a 0 none', () => {
  expect([elementCount([]), elementCount([3, 0, 5]), elementCount([2, 3])]).toEqual([1, 0, 6]);
  expect([byteLengthOf('FP64', []), byteLengthOf('FP16', [2, 3])]).toEqual([8, 12]);
});

test('elements of any bytes are packed, counted and unpacked again, wherever the view starts', () => {
  const random = createRandom(2);
  for (let i = 0; i < 200; i += 1) {
    const elements = Array.from({ length: Math.floor(random() * 6) }, () =>
      Uint8Array.from({ length: Math.floor(random() * 9) }, () => random() * 256),
    );
    const packed = Buffer.concat([Buffer.alloc(3), packBytes(elements)]).subarray(3);
    expect(countBytesElements(packed)).toBe(elements.length);
    expect(unpackBytes(packed).map((element) => [...element])).toEqual(
      elements.map((element) => [...element]),
    );
  }
});

test('data that is cut anywhere has no count of elements', () => {
  const packed = packBytes([Buffer.from('abc'), Buffer.from('d')]);
  // After the first element and at the end it is whole.
  const counts = Array.from({ length: packed.length + 1 }, (_, end) =>
    countBytesElements(packed.subarray(0, end)),
  );
  expect(counts).toEqual([0, -1, -1, -1, -1, -1, -1, 1, -1, -1, -1, -1, 2]);
  expect(countBytesElements(Uint8Array.of(255, 255, 255, 255))).toBe(-1);
});

test('a name that every object has is no dtype', () => {
  expect(dtypes.every(isDType)).toBe(true);
  expect(['constructor', '__proto__', 'fp32', ''].some(isDType)).toBe(false);
  expect(sizeOfDType('BYTES')).toBe(0);
});

test('open dimensions are -1 on the wire', () => {
  expect(wireShape([null, 3, 0])).toEqual([-1, 3, 0]);
});
