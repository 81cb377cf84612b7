/**
 * What a schema refuses, in words for people: to be given to a schema's `safeParse` as its `error`.
 * A schema that has words of its own keeps them.
 */

import type { z } from 'zod';
import { meantName } from './closest-names.ts';

type Issue = z.core.$ZodRawIssue;

const kinds: Record<string, string> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'an object (key: value)',
  record: 'an object (key: value)',
  array: 'a list',
  tuple: 'a list',
  null: 'null',
};

const either = (all: readonly string[]): string =>
  all.length < 2 ? (all[0] ?? '') : `${all.slice(0, -1).join(', ')} or ${all.at(-1)}`;

const longestShown = 40;

/** What was given: small values themselves, of others what kind they are. */
function show(input: unknown): string {
  if (typeof input === 'string') return `"${input.slice(0, longestShown)}"`;
  if (Array.isArray(input)) return 'a list';
  if (input instanceof Uint8Array) return 'bytes';
  return typeof input === 'object' && input !== null ? 'an object' : String(input);
}

const counted: Record<string, readonly [one: string, several: string]> = {
  string: ['character', 'characters'],
  array: ['entry', 'entries'],
};

/** "at least 1", "more than 0", with what is counted where it is no number. */
function describeBound(
  { origin, inclusive }: { readonly origin: string; readonly inclusive?: boolean | undefined },
  bound: number | bigint,
  words: readonly [inclusive: string, exclusive: string],
): string {
  const [one, several] = counted[origin] ?? [];
  const [with_, without] = words;
  return `${inclusive === false ? without : with_} ${bound}${one ? ` ${Number(bound) === 1 ? one : several}` : ''}`;
}

function describeUnion(errors: readonly (readonly z.core.$ZodIssue[])[]): string {
  const firsts = errors.flatMap(([first]) => (first ? [expectationOf(first as Issue)] : []));
  return either([...new Set(firsts.map((text) => text.replace(/^expected /, '')))]);
}

/** What was expected, without what was given: `expected a whole number`. */
export function expectationOf(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${kinds[issue.expected] ?? `a ${issue.expected}`}`;
    case 'invalid_value':
      return `expected ${either(issue.values.map(String))}`;
    case 'too_small':
      return `expected ${describeBound(issue, issue.minimum as number, ['at least', 'more than'])}`;
    case 'too_big':
      return `expected ${describeBound(issue, issue.maximum as number, ['at most', 'less than'])}`;
    case 'invalid_union':
      return `expected ${describeUnion(issue.errors)}`;
    case 'invalid_format':
      return `expected a text of another form (${issue.format})`;
    default:
      return 'expected another value';
  }
}

/** One line for each key. */
function describeKeys(keys: readonly string[], schema: unknown): string {
  const { shape = {} } = (schema as z.core.$ZodObject | undefined)?._zod.def ?? {};
  return keys
    .map((key) => {
      const meant = meantName(key, Object.keys(shape));
      return `unknown key "${key}"${meant === undefined ? '' : `; did you mean "${meant}"?`}`;
    })
    .join('\n');
}

/** What was expected and what was given: `expected a whole number, got 1.5`. */
export function inOwnWords(issue: Issue): string {
  if (issue.code === 'unrecognized_keys') return describeKeys(issue.keys, issue.inst);
  const expected = expectationOf(issue);
  const { input } = issue;
  if (input === undefined) return `it is missing; ${expected}`;
  const wantsQuotes = issue.code === 'invalid_type' && issue.expected === 'string';
  const isBare = typeof input === 'number' || typeof input === 'boolean';
  return `${expected}, got ${show(input)}${wantsQuotes && isBare ? ' without quotes' : ''}`;
}
