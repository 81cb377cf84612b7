import { expect, test } from 'vitest';
import { ServingError } from '../errors.ts';
import { findJsonError } from './find-json-error.ts';
import { parseJson } from './parse-json.ts';

const problemOf = (body: string | Buffer): string => {
  try {
    parseJson(Buffer.from(body as string));
  } catch (error) {
    if (error instanceof ServingError) return error.message;
    throw error;
  }
  return 'accepted';
};

test('a body with a byte order mark is read', () => {
  expect(parseJson(Buffer.from('\ufeff{"a":"é"}'))).toEqual({ a: 'é' });
});

test.each([
  ['', 'it is empty'],
  ['{', 'it ends where a key in double quotes was expected'],
  ['{"a":', 'it ends where a value was expected'],
  ['{"a', "it ends where a string's closing quote was expected"],
  ['{"a":1', 'it ends where "," or "}" was expected'],
  ['{"a":1,}', 'expected a key in double quotes at line 1, column 8'],
  ["{'a':1}", 'expected a key in double quotes at line 1, column 2'],
  ['{\n  "a" 1}', 'expected ":" at line 2, column 7'],
  ['[1,]', 'expected a value at line 1, column 4'],
  ['[1 2]', 'expected "," or "]" at line 1, column 4'],
  ['{"a":NaN}', 'expected a value at line 1, column 6'],
  ['{} {}', 'expected nothing more at line 1, column 4'],
  ['01', 'expected nothing more at line 1, column 2'],
  ['"a\tb"', 'expected an escape instead of a control character at line 1, column 3'],
  [String.raw`"a\x"`, String.raw`expected an escape such as \n or \u00e9 at line 1, column 3`],
  ['image=abc', 'expected a value at line 1, column 1'],
  ['{"a":[}', 'expected a value at line 1, column 7'],
])('%j: %s', (body, problem) => {
  expect(problemOf(body)).toBe(`The body is not valid JSON: ${problem}.`);
});

test('bytes that are not UTF-8 are refused', () => {
  expect(problemOf(Buffer.from([0x22, 0xff, 0x22]))).toContain('it is not UTF-8');
});

test('the message repeats nothing of the body', () => {
  expect(problemOf('{"image":"secret" oops}')).not.toMatch(/secret|oops/);
});

test('deep nesting and long strings are no trouble', () => {
  expect(problemOf('['.repeat(1e6))).toContain('it ends where a value was expected');
  expect(problemOf(`{"image":"${'A'.repeat(1e7)}`)).toContain('closing quote');
  expect(problemOf(`{"image":"${'\\n'.repeat(1e6)}`)).toContain('closing quote');
});

test('every text that JSON.parse refuses has a place, and no other has', () => {
  const signs = ['{', '}', '[', ']', ',', ':', '"', '"a"', '1', '-', '.', 'e', 'null', '\\', ' '];
  for (let seed = 0; seed < 20_000; seed++) {
    let text = '';
    for (let n = seed * 2654435761; n > 1; n /= 15.7) text += signs[Math.floor(n) % 15];
    const short = text.slice(0, 1 + (seed % 6));
    const accepted = problemOf(short) === 'accepted';
    const { at, expected } = findJsonError(short);
    expect([short, at === short.length && expected === 'nothing more']).toEqual([short, accepted]);
  }
});
