/**
 * YAML text against a schema, every problem reported with its line.
 */

import type { Document, LineCounter } from 'yaml';
import { isMap, LineCounter as Lines, parseDocument, visit } from 'yaml';
import type { z } from 'zod';
import { messageOf } from '../errors.ts';
import { inOwnWords } from '../validation/own-words.ts';

export interface ParsedYaml<T> {
  readonly value: T | undefined;
  /** What the text says, whether or not it fits the schema; undefined when it is no YAML. */
  readonly raw?: unknown;
  readonly problems: readonly string[];
}

type Path = readonly PropertyKey[];

/** Line of the node at `path`, or of the nearest node above it that is there. */
function lineOf(document: Document, lines: LineCounter, path: Path): number {
  for (let depth = path.length; depth >= 0; depth -= 1) {
    const node = document.getIn(path.slice(0, depth) as unknown[], true) as
      | { range?: [number, number, number] | null }
      | undefined;
    if (node?.range) return lines.linePos(node.range[0]).line;
  }
  return 1;
}

/** Line of a key itself, for keys that should not be there. */
function lineOfKey(document: Document, lines: LineCounter, path: Path, key: string): number {
  const parent = path.length === 0 ? document.contents : document.getIn(path as unknown[], true);
  if (isMap(parent)) {
    const pair = parent.items.find((item) => String(item.key) === key);
    const range = (pair?.key as { range?: [number, number, number] } | undefined)?.range;
    if (range) return lines.linePos(range[0]).line;
  }
  return lineOf(document, lines, path);
}

function nameOf(path: Path): string {
  return path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`))
    .join('')
    .replace(/^\./, '');
}

function describe(document: Document, lines: LineCounter, issue: z.core.$ZodIssue): Problem[] {
  if (issue.code === 'unrecognized_keys') {
    const where = issue.path.length > 0 ? `${nameOf(issue.path)}: ` : '';
    const texts = issue.message.split('\n');
    return issue.keys.map((key, i) => ({
      line: lineOfKey(document, lines, issue.path, key),
      text: `${where}${texts[i]}`,
    }));
  }
  const name = nameOf(issue.path);
  const { message } = issue.code === 'invalid_key' ? (issue.issues[0] ?? issue) : issue;
  return [
    {
      line: lineOf(document, lines, issue.path),
      text: `${name ? `${name}: ` : ''}${message}`,
    },
  ];
}

interface Problem {
  readonly line: number;
  readonly text: string;
}

/** A broken text may have thousands of problems, most of them the consequence of the first. */
const mostProblems = 20;

function print(problems: readonly Problem[]): string[] {
  const texts = [...problems]
    .sort((a, b) => a.line - b.line)
    .map(({ line, text }) => `line ${line}: ${text}`);
  const different = [...new Set(texts)];
  const rest = different.length - mostProblems;
  return rest > 0 ? [...different.slice(0, mostProblems), `and ${rest} more`] : different;
}

/** Aliases that name nothing, or that together would make too large a value. */
function aliasProblems(document: Document, lines: LineCounter, error: unknown): Problem[] {
  const aliases: Problem[] = [];
  visit(document, {
    Alias(_, alias) {
      const line = lines.linePos(alias.range?.[0] ?? 0).line;
      const text = alias.resolve(document) ? '' : `there is no anchor &${alias.source} above`;
      aliases.push({ line, text });
    },
  });
  const unresolved = aliases.filter(({ text }) => text !== '');
  if (unresolved.length > 0) return unresolved;
  return [{ line: aliases[0]?.line ?? 1, text: messageOf(error) }];
}

/** Parses and validates; an empty file is an empty mapping. Never throws for what stands in the text. */
export function parseYaml<S extends z.ZodType>(text: string, schema: S): ParsedYaml<z.output<S>> {
  const lines = new Lines();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, version: '1.2' });
  const refuse = (problems: readonly Problem[]): ParsedYaml<z.output<S>> => ({
    value: undefined,
    problems: print(problems),
  });
  if (document.errors.length > 0) {
    return refuse(
      document.errors.map((error) => ({
        line: lines.linePos(error.pos[0]).line,
        text: error.message,
      })),
    );
  }
  let raw: unknown;
  try {
    raw = document.toJS({ maxAliasCount: 20 }) ?? {};
  } catch (error) {
    return refuse(aliasProblems(document, lines, error));
  }
  const checked = schema.safeParse(raw, { error: inOwnWords });
  if (checked.success) return { value: checked.data, raw, problems: [] };
  const problems = checked.error.issues.flatMap((issue) => describe(document, lines, issue));
  return { ...refuse(problems), raw };
}
