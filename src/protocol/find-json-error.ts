/**
 * Where a text stops being JSON. `JSON.parse` says so only sometimes, and then with a piece of the
 * body. Runs only on texts that `JSON.parse` refused, in one pass and without recursion.
 */

export interface JsonFault {
  /** Index of the first sign that does not fit; the text's length when it ends too early. */
  readonly at: number;
  /** What could have stood there, for a message. */
  readonly expected: string;
}

const space = /[ \t\n\r]*/y;
const scalar = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON strings may not hold them
const stringContent = /(?:[^"\\\x00-\x1f]+|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*/y;

/** What the text may go on with. */
type State = 'value' | 'value-or-end' | 'key' | 'key-or-end' | 'colon' | 'after';

interface Cursor {
  readonly text: string;
  at: number;
  state: State;
  /** The closing signs of the open objects and arrays. */
  readonly open: ('}' | ']')[];
}

/** Finds the first fault of a text that is not JSON. */
export function findJsonError(text: string): JsonFault {
  const cursor: Cursor = { text, at: 0, state: 'value', open: [] };
  while (true) {
    skip(cursor, space);
    const expected = step(cursor);
    if (expected !== undefined) return { at: cursor.at, expected };
  }
}

/** Reads one sign or scalar. Gives what was expected when it is not there, with `at` on the fault. */
function step(cursor: Cursor): string | undefined {
  const sign = cursor.text[cursor.at];
  const { open } = cursor;
  switch (cursor.state) {
    case 'colon':
      return sign === ':' ? advance(cursor, 'value') : '":"';
    case 'after':
      return readAfterValue(cursor, sign);
    case 'key':
    case 'key-or-end':
      if (sign === '}' && cursor.state === 'key-or-end') return close(cursor);
      return sign === '"' ? readString(cursor, 'colon') : 'a key in double quotes';
    default:
      if (sign === ']' && cursor.state === 'value-or-end') return close(cursor);
      if (sign === '{') open.push('}');
      if (sign === '[') open.push(']');
      if (sign === '{') return advance(cursor, 'key-or-end');
      if (sign === '[') return advance(cursor, 'value-or-end');
      return sign === '"' ? readString(cursor, 'after') : readScalar(cursor);
  }
}

function advance(cursor: Cursor, state: State): undefined {
  cursor.at++;
  cursor.state = state;
}

function close(cursor: Cursor): undefined {
  cursor.open.pop();
  advance(cursor, 'after');
}

function readAfterValue(cursor: Cursor, sign: string | undefined): string | undefined {
  const closing = cursor.open.at(-1);
  if (closing === undefined) return 'nothing more';
  if (sign === closing) return close(cursor);
  return sign === ',' ? advance(cursor, closing === '}' ? 'key' : 'value') : `"," or "${closing}"`;
}

function readString(cursor: Cursor, then: State): string | undefined {
  cursor.at++;
  skip(cursor, stringContent);
  const sign = cursor.text[cursor.at];
  if (sign === '"') return advance(cursor, then);
  if (sign === '\\') return 'an escape such as \\n or \\u00e9';
  return sign === undefined
    ? "a string's closing quote"
    : 'an escape instead of a control character';
}

function readScalar(cursor: Cursor): string | undefined {
  const before = cursor.at;
  skip(cursor, scalar);
  if (cursor.at === before) return 'a value';
  cursor.state = 'after';
  return undefined;
}

function skip(cursor: Cursor, pattern: RegExp): void {
  pattern.lastIndex = cursor.at;
  if (pattern.test(cursor.text)) cursor.at = pattern.lastIndex;
}
