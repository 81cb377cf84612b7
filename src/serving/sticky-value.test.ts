import { expect, test } from 'vitest';
import { stickyValueOf } from './sticky-value.ts';

test.each<
  [string, Record<string, string>, Parameters<typeof stickyValueOf>[1], string | undefined]
>([
  ['a header, whatever its case', { 'x-user': 'ada' }, { header: 'X-User' }, 'ada'],
  ['no header', {}, { header: 'X-User' }, undefined],
  ['an empty header', { 'x-user': '' }, { header: 'X-User' }, undefined],
  ['a cookie among others', { cookie: 'a=1; session=s=1 ; b=2' }, { cookie: 'session' }, 's=1'],
  ['a cookie whose name ends alike', { cookie: 'mysession=1' }, { cookie: 'session' }, undefined],
  ['a cookie header without any', { cookie: ';;=;x' }, { cookie: 'session' }, undefined],
  [
    'only the beginning of a long value',
    { 'x-user': 'a'.repeat(5000) },
    { header: 'x-user' },
    'a'.repeat(1024),
  ],
])('the value is that of %s', (_, headers, sticky, expected) => {
  expect(stickyValueOf(headers, sticky)).toBe(expected);
});
