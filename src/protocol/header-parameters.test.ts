import { expect, test } from 'vitest';
import { parseHeaderParameters } from './header-parameters.ts';

const parse = (header: string): unknown[] => {
  const { value, parameters } = parseHeaderParameters(header);
  return [value, Object.fromEntries(parameters)];
};

test.each([
  ['no parameters', 'Image/JPEG ', ['image/jpeg', {}]],
  ['names in any case', 'a/b; CharSet=UTF-8', ['a/b', { charset: 'UTF-8' }]],
  ['no space after the semicolon', 'a/b;x=1;y=2', ['a/b', { x: '1', y: '2' }]],
  ['space around the sign', 'a/b; x = 1 ; y="2"', ['a/b', { x: '1', y: '2' }]],
  ['a semicolon and an equals sign in quotes', 'f; n="a;b=c"; o=d', ['f', { n: 'a;b=c', o: 'd' }]],
  ['an escaped quote', String.raw`f; n="a\"b"`, ['f', { n: 'a"b' }]],
  ['an escaped backslash', String.raw`f; n="a\\b"`, ['f', { n: String.raw`a\b` }]],
  ['a Windows path', String.raw`f; n="C:\new\a.jpg"`, ['f', { n: String.raw`C:\new\a.jpg` }]],
  ['a name that ends in a backslash', String.raw`f; n="a\"`, ['f', { n: String.raw`a\ `.trim() }]],
  ['no closing quote', 'f; n="abc', ['f', { n: 'abc' }]],
  ['the first of two', 'f; n=1; n=2', ['f', { n: '1' }]],
  ['an empty value', 'f; n=""; m=', ['f', { n: '', m: '' }]],
  ['text that is no parameter', 'f; ; nonsense; =1; n=2', ['f', { n: '2' }]],
  ['a value with an equals sign', 'm; boundary=----=_Part', ['m', { boundary: '----=_Part' }]],
])('%s', (_, header, expected) => {
  expect(parse(header)).toEqual(expected);
});

test('a header of semicolons and quotes is read in one pass', () => {
  expect(parse(`f${';"'.repeat(8000)}`)[0]).toBe('f');
});
