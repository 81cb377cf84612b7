import { expect, test } from 'vitest';
import { traceParentFrom } from './trace-parent.ts';

const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
const parent = '00f067aa0ba902b7';

test.each([
  `00-${trace}-${parent}-01`,
  `00-${trace}-${parent}-00`,
  `01-${trace}-${parent}-01-more`,
])('%s is a trace parent', (header) => {
  expect(traceParentFrom(header)).toBe(header);
});

test.each([
  undefined,
  '',
  `00-${trace}-${parent}`,
  `00-${trace.toUpperCase()}-${parent}-01`,
  `00-${'0'.repeat(32)}-${parent}-01`,
  `00-${trace}-${'0'.repeat(16)}-01`,
  `00-${trace}-${parent}-01-more`,
  `ff-${trace}-${parent}-01`,
  `01-${trace}-${parent}-01-${'x'.repeat(100)}`,
  `00-${trace}-${parent}-01\n`,
  [`00-${trace}-${parent}-01`, `00-${trace}-${parent}-01`],
])('%j is none', (header) => {
  expect(traceParentFrom(header)).toBeUndefined();
});
