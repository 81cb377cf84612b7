/**
 * YAML text against a schema, every problem reported with its line.
 */

import type { Document, LineCounter } from 'yaml';
import { isMap, LineCounter as Lines, parseDocument } from 'yaml';
import type { z } from 'zod';

export interface ParsedYaml<T> {
  readonly value: T | undefined;
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

function describe(
  document: Document,
  lines: LineCounter,
  issue: z.core.$ZodIssue,
): { line: number; text: string }[] {
  if (issue.code === 'unrecognized_keys') {
    const where = issue.path.length > 0 ? ` in ${nameOf(issue.path)}` : '';
    return issue.keys.map((key) => ({
      line: lineOfKey(document, lines, issue.path, key),
      text: `unknown key "${key}"${where}`,
    }));
  }
  const name = nameOf(issue.path);
  return [
    {
      line: lineOf(document, lines, issue.path),
      text: `${name ? `${name}: ` : ''}${issue.message.replace(/^Invalid (input|option): /, '')}`,
    },
  ];
}

/** Parses and validates; an empty file is an empty mapping. Never throws for what stands in the text. */
export function parseYaml<S extends z.ZodType>(text: string, schema: S): ParsedYaml<z.output<S>> {
  const lines = new Lines();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, version: '1.2' });
  const syntax = [...document.errors].map(
    (error) => `line ${lines.linePos(error.pos[0]).line}: ${error.message}`,
  );
  if (syntax.length > 0) return { value: undefined, problems: syntax };
  const checked = schema.safeParse(document.toJS({ maxAliasCount: 20 }) ?? {});
  if (checked.success) return { value: checked.data, problems: [] };
  const problems = checked.error.issues
    .flatMap((issue) => describe(document, lines, issue))
    .sort((a, b) => a.line - b.line)
    .map(({ line, text: problem }) => `line ${line}: ${problem}`);
  return { value: undefined, problems };
}
