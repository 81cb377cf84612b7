import { expect, test } from 'vitest';
import { planGeometry, roundHalfEven } from './geometry-plan.ts';
import { geometryOf } from './pictures.fixture.ts';

test('without resize and crop the output is the picture', () => {
  expect(planGeometry(geometryOf(), { width: 7, height: 5 })).toEqual({
    scaled: { width: 7, height: 5 },
    window: { left: 0, top: 0, width: 7, height: 5 },
    output: { width: 7, height: 5 },
    padLeft: 0,
    padTop: 0,
  });
});

test('shortest edge scales the longer side down to a whole pixel', () => {
  const geometry = geometryOf({ resize: { mode: 'shortest-edge', size: 256 } });
  expect(planGeometry(geometry, { width: 500, height: 375 }).scaled).toEqual({
    width: 341,
    height: 256,
  });
  expect(planGeometry(geometry, { width: 375, height: 500 }).scaled).toEqual({
    width: 256,
    height: 341,
  });
});

test('a crop of an odd rest starts at the even neighbour, as Python rounds', () => {
  const plan = planGeometry(geometryOf({ crop: { width: 4, height: 4 } }), { width: 9, height: 7 });
  expect(plan.window).toEqual({ left: 2, top: 2, width: 4, height: 4 });
});

test('a crop larger than the picture pads the smaller half left and above', () => {
  const plan = planGeometry(geometryOf({ crop: { width: 10, height: 4 } }), {
    width: 5,
    height: 8,
  });
  expect(plan).toMatchObject({
    window: { left: 0, top: 2, width: 5, height: 4 },
    output: { width: 10, height: 4 },
    padLeft: 2,
    padTop: 0,
  });
});

test.each([
  [0.5, 0],
  [1.5, 2],
  [2.5, 2],
  [2.4, 2],
  [2.6, 3],
])('%d rounds to %d', (value, rounded) => {
  expect(roundHalfEven(value)).toBe(rounded);
});
