import { describe, expect, test } from 'vitest';
import { ServingError } from '../../errors.ts';
import { runNow } from '../steps.ts';
import { Elements } from './elements.ts';
import type { JsonReading } from './json-reader.ts';
import { readJson } from './read-json.ts';

const reading: JsonReading = { isData: (key) => key === 'data', after: 'nothing' };
const read = (text: string | Buffer, options = reading): unknown =>
  runNow(readJson(Buffer.from(text as string), options));

const problemOf = (text: string | Buffer, options = reading): string => {
  try {
    read(text, options);
  } catch (error) {
    if (error instanceof ServingError) return error.message;
    throw error;
  }
  return 'accepted';
};

const dataOf = (text: string): Elements => {
  const { data } = read(`{"data":${text}}`) as { data: Elements };
  expect(data).toBeInstanceOf(Elements);
  expect(data.body.toString('utf8', data.start, data.end)).toBe(text.trim());
  return data;
};

describe('plain values are those of JSON.parse:', () => {
  test.each([
    '{}',
    '[]',
    ' [ 1 , -2.5e3, "a\\u00e9\\n", true , false,null , {} , [[]] ] ',
    '{"a":{"b":[{"c":"d"}]},"a":2,"":0}',
    '{"__proto__":{"x":1},"constructor":2}',
    '"é😀"',
    '-0',
    '1.7976931348623157e308',
    '{"é\\"":"\\\\"}',
  ])('%s', (text) => {
    expect(read(text)).toEqual(JSON.parse(text));
    expect(Object.keys(read(text) as object)).toEqual(Object.keys(JSON.parse(text)));
  });

  test('and the words that JSON has not', () => {
    expect(read('[NaN,Infinity,-Infinity]')).toEqual([Number.NaN, Infinity, -Infinity]);
  });

  test('behind a byte order mark', () => {
    expect(read('\ufeff{"a":1}')).toEqual({ a: 1 });
  });
});

/** Of a text as long as a body may be: 16 MB of them. */
const many = (sign: string): string => sign.repeat(2 ** 24 / sign.length);

describe('what only holds up others is refused within one step:', () => {
  test.each([
    ['digits of a whole number', `{"a":${many('7')}}`],
    ['digits behind the point', `{"a":0.${many('7')}}`],
    ['zeros behind the point', `{"a":0.${many('0')}1}`],
    ['zeros of an exponent', `{"a":1e${many('0')}1}`],
    ['digits of an exponent', `{"a":1e-${many('1')}}`],
    ['digits within data', `{"data":[0.${many('0')}1]}`],
  ])('%s', (_, text) => {
    expect(() => readJson(Buffer.from(text), reading).next()).toThrow(
      /number .*has more than 65536 digits/,
    );
  });

  test('empty lists', () => {
    const body = Buffer.from(`{"data":[${many('[],')}[]]}`);
    expect(() => readJson(body, reading).next()).toThrow('more than 10000 empty lists');
  });

  test('but not what somebody may send', () => {
    expect(dataOf(`[${'[],'.repeat(9998)}[]]`)).toMatchObject({ count: 0, shape: [9999, 0] });
    expect(read(`[0.${'0'.repeat(60_000)}1e60001, 0.${'3'.repeat(60_000)}]`)).toEqual([1, 1 / 3]);
  });
});

describe('elements', () => {
  test.each<[string, Partial<Elements>]>([
    ['1', { kind: 'number', count: 1, depth: 0, shape: [] }],
    ['"a"', { kind: 'string', count: 1, shape: [] }],
    ['[]', { kind: 'none', count: 0, depth: 1, shape: [0] }],
    ['[1, 2,3 ]', { kind: 'number', count: 3, depth: 1, shape: [3], oddAt: -1 }],
    ['[[1,2],[3,4],[5,6]]', { count: 6, depth: 2, shape: [3, 2] }],
    ['[[[1],[2]]]', { count: 2, shape: [1, 2, 1] }],
    ['[[],[]]', { kind: 'none', count: 0, shape: [2, 0] }],
    ['[[1,2],[3]]', { count: 3, shape: undefined }],
    ['[1,[2]]', { shape: undefined }],
    ['[[2],1]', { shape: undefined }],
    ['[1,[]]', { shape: undefined }],
    ['[[[]],[]]', { count: 0, shape: undefined }],
    ['[true,false]', { kind: 'boolean', count: 2 }],
    ['["]","[\\"",","]', { kind: 'string', count: 3, shape: [3] }],
    ['[null]', { kind: 'null' }],
    ['[NaN,-Infinity,1]', { kind: 'number', count: 3 }],
    ['[1,"a",null]', { kind: 'number', count: 3, oddAt: 11 }],
    ['[1,{"a":[{}]},2]', { kind: 'number', count: 3, oddAt: 11, shape: [3] }],
    ['[[],{}]', { kind: 'none', oddAt: 12 }],
  ])('%s', (text, facts) => {
    expect(dataOf(text)).toMatchObject(facts);
  });

  test('lists of objects are lists, with elements in the objects', () => {
    const { data } = read('{"data":[[{"a":[1,2],"b":{"c":"x"}}, 3]]}') as {
      data: { a: Elements; b: { c: Elements } }[][];
    };
    expect(data[0]?.[0]?.a.shape).toEqual([2]);
    expect(data[0]?.[0]?.b.c.kind).toBe('string');
    expect(data[0]?.[1]).toMatchObject({ kind: 'number', shape: [] });
  });

  test('are shown short', () => {
    const long = dataOf(`["${'x'.repeat(300)}"]`).firstText;
    expect(long).toBe(`"${'x'.repeat(39)}…`);
    expect(dataOf('[1,{"a":1}]').textAt(11)).toBe('an object');
    expect(dataOf('[[ "a b\\"c" ]]').firstText).toBe('"a b\\"c"');
  });
});

describe('refused with the place:', () => {
  test.each([
    ['', 'it is empty'],
    [' ', 'it ends where a value was expected'],
    ['{', 'it ends where a key in double quotes was expected'],
    ['{"a":', 'it ends where a value was expected'],
    ['{"a', "it ends where a string's closing quote was expected"],
    ['{"a":1', 'it ends where "," or "}" was expected'],
    ['{"a":1,}', 'expected a key in double quotes at line 1, column 8'],
    ["{'a':1}", 'expected a key in double quotes at line 1, column 2'],
    ['{\n  "a" 1}', 'expected ":" at line 2, column 7'],
    ['[1,]', 'expected a value at line 1, column 4'],
    ['[1 2]', 'expected "," or "]" at line 1, column 4'],
    ['{} {}', 'expected nothing more at line 1, column 4'],
    ['01', 'expected the end of a number at line 1, column 2'],
    ['[1.]', 'expected a digit after the point at line 1, column 4'],
    ['[-]', 'expected a value at line 1, column 2'],
    ['[1e]', 'expected a digit of an exponent at line 1, column 4'],
    ['nul', 'expected a value at line 1, column 1'],
    ['"a\tb"', 'expected an escape instead of a control character at line 1, column 3'],
    [String.raw`"a\x"`, String.raw`expected an escape such as \n or \u00e9 at line 1, column 3`],
    ['{"é":é}', 'expected a value at line 1, column 6'],
    ['{"data":[1,]}', 'expected a value at line 1, column 12'],
    ['{"data":[,1]}', 'expected a value at line 1, column 10'],
    ['{"data":[1 2]}', 'expected "," or "]" at line 1, column 12'],
    ['{"data":[1,2}', 'expected "," or "]" at line 1, column 13'],
    ['{"data":[1,2', 'it ends where "," or "]" was expected'],
    ['{"data":[1,', 'it ends where a value was expected'],
    ['{"data":["a', "it ends where a string's closing quote was expected"],
    ['{"data":["a\\', String.raw`expected an escape such as \n or \u00e9 at line 1, column 12`],
    ['{"data":[tru]}', 'expected a value at line 1, column 10'],
    ['{"data":[1]]', 'expected "," or "}" at line 1, column 12'],
    ['{"data":]', 'expected a value at line 1, column 9'],
  ])('%j: %s', (text, problem) => {
    expect(problemOf(text)).toBe(`The body is not valid JSON: ${problem}.`);
  });

  test('bytes that are not UTF-8', () => {
    expect(problemOf(Buffer.from([0x22, 0xff, 0x22]))).toContain('it is not UTF-8');
  });

  test('far into a long text', () => {
    expect(problemOf(`{"data":[${'1,'.repeat(1e6)}x]}`)).toContain('a value at byte 2000010');
  });

  test('nesting, of plain values and of data', () => {
    for (const text of ['['.repeat(101), `{"data":${'['.repeat(100)}`, '{"a":'.repeat(101)])
      expect(problemOf(text)).toContain('nested');
    expect(problemOf(`${'['.repeat(100)}${']'.repeat(100)}`)).toBe('accepted');
    expect(problemOf('['.repeat(1e6))).toContain('nested');
  });

  test('more objects than there is room for', () => {
    expect(problemOf(`[${'{},'.repeat(200_001)}0]`)).toContain('more than 200000 objects');
    expect(problemOf(`{"data":[${'{},'.repeat(200_001)}0]}`)).toContain('more than 200000 objects');
  });

  test('a text or a number of which nobody sends such', () => {
    expect(problemOf(`"${'x'.repeat(2 ** 20 + 1)}"`)).toContain('longer than');
    expect(problemOf(`{"data":[${'1'.repeat(70_000)}]}`)).toContain('digits');
  });
});

test('what stands behind the value may be ignored', () => {
  const ignoring: JsonReading = { ...reading, after: 'anything' };
  expect(read('{"a":1} }]garbage\xff', ignoring)).toEqual({ a: 1 });
});

describe('bytes that are not UTF-8 are found', () => {
  test.each([
    '{"#":1}',
    '{"a":"#"}',
    '{"data":["a","#"]}',
    '{"data":[1,{"#":2}]}',
    '{"data":{"b":"#"}}',
  ])('in %s', (text) => {
    for (const bytes of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0x80]]) {
      const [before = '', after = ''] = text.split('#');
      const body = Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(after)]);
      expect(problemOf(body)).toContain('not UTF-8');
    }
  });

  test('and characters across the pieces that are looked at are none', () => {
    for (let shift = 0; shift < 4; shift += 1)
      expect(problemOf(`"${'a'.repeat(shift)}${'😀'.repeat(200_000)}"`)).toBe('accepted');
  });
});
