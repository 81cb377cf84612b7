import { expect, test } from 'vitest';
import { bold, formatBytes, printable, table } from './terminal.ts';

test('a table has columns two spaces apart and no spaces at its line ends', () => {
  expect(
    table([
      ['a', 'label', ''],
      ['long', 'x', 'y'],
      ['', '', ''],
    ]),
  ).toEqual(['a     label', 'long  x      y', '']);
  expect(table([])).toEqual([]);
});

test('what would steer a terminal is shown, not sent; line breaks of a message are kept', () => {
  expect(table([['\u001b[2Jx\u009b', 'two\nlines\t']])).toEqual([
    '\\u001b[2Jx\\u009b  two\nlines\\u0009',
  ]);
});

test('a printed line may be bold, and steers nothing else', () => {
  expect(printable('\u001b[1mname\u001b[22m \u001b[31m\u202e\0\u009b2J\nnext')).toBe(
    '\u001b[1mname\u001b[22m \\u001b[31m\\u202e\\u0000\\u009b2J\nnext',
  );
});

test('nothing is bold where no person reads', () => {
  expect(bold('x', { print: () => {}, isTerminal: false })).toBe('x');
});

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1.0 KB'],
  [1.5 * 1024 ** 2, '1.5 MB'],
  [2.25 * 1024 ** 3, '2.25 GB'],
])('%d is %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});
